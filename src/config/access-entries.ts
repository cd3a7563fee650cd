// Settings of who may see pages, who may end things there, and under which address they are served.
import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { types } from './value-types.ts';

export const ACLS_ENABLE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.acls.enable',
  alternatives: ['spark.ui.acls.enable'],
  type: types.boolean,
  default: false,
  doc: 'Whether pages ask the lists below who may see them, and who may end what they show. A filter of `spark.ui.filters` has to find out who asks: whoever no filter has named is let in.',
  since: '0.2',
});

export const UI_VIEW_ACLS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.ui.view.acls',
  type: types.list,
  default: [],
  doc: 'Who may see pages, besides the administrators and the user who runs the process; `*`: everybody.',
  since: '0.2',
});

export const UI_VIEW_ACLS_GROUPS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.ui.view.acls.groups',
  type: types.list,
  default: [],
  doc: 'The same for groups of users.',
  since: '0.2',
});

export const MODIFY_ACLS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.modify.acls',
  type: types.list,
  default: [],
  doc: 'Who may end applications and drivers, besides the administrators and the user who runs the process; `*`: everybody.',
  since: '0.2',
});

export const MODIFY_ACLS_GROUPS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.modify.acls.groups',
  type: types.list,
  default: [],
  doc: 'The same for groups of users.',
  since: '0.2',
});

export const ADMIN_ACLS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.admin.acls',
  type: types.list,
  default: [],
  doc: 'Who may do both, and ask in the name of others (`doAs=USER` in the query); `*`: everybody.',
  since: '0.2',
});

export const ADMIN_ACLS_GROUPS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.admin.acls.groups',
  type: types.list,
  default: [],
  doc: 'The same for groups of users.',
  since: '0.2',
});

export const USER_GROUPS_MAPPING: ConfigEntry<string> = defineEntry({
  key: 'spark.user.groups.mapping',
  type: types.text,
  default: 'org.apache.spark.security.ShellBasedGroupsMappingProvider',
  doc: 'Where the groups of a user come from. The default asks `id -Gn USER`; else a JavaScript module with a function `getGroups(user)` that gives names of groups, or a promise of them.',
  since: '0.2',
});

export const UI_FILTERS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.ui.filters',
  type: types.list,
  default: [],
  doc: 'What every request of a page passes first, in this order: JavaScript modules with a function `createFilter(parameters, log)`, or `org.apache.spark.ui.JWSFilter`, which wants a signed token. Their parameters are `spark.NAME.param.KEY`.',
  since: '0.2',
});

export const MASTER_REST_FILTERS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.master.rest.filters',
  type: types.list,
  default: [],
  doc: 'The same for requests of the gateway that takes submissions over HTTP.',
  since: '0.2',
});

export const UI_REVERSE_PROXY: ConfigEntry<boolean> = defineEntry({
  key: 'spark.ui.reverseProxy',
  type: types.boolean,
  default: false,
  doc: "Whether a master serves the pages of its workers and applications below `/proxy/ID/`, so that browsers need to reach the master alone. To be said for master, workers and applications. An application's pages are then part of the master's site, with its rights: for applications that are trusted.",
  since: '0.2',
});

export const UI_REVERSE_PROXY_URL: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.ui.reverseProxyUrl',
  type: types.text,
  check: (value) =>
    /^https?:\/\/[^\s?#]+$/.test(value) || /^\/[^\s?#]*$/.test(value)
      ? undefined
      : 'must be an http(s) URL, or a path, without a query',
  doc: 'The address under which a front end serves the master, when there is one before `spark.ui.reverseProxy`.',
  since: '0.2',
});

export const MASTER_UI_TITLE: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.master.ui.title',
  type: types.text,
  defaultText: 'Spark Master at spark://…',
  doc: "The title of the master's page.",
  since: '0.2',
});

export const MASTER_UI_HISTORY_SERVER_URL: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.master.ui.historyServerUrl',
  type: types.text,
  doc: 'The address of the history server, to which completed applications are linked. All applications have to write their event logs where it looks.',
  since: '0.2',
});

export const MASTER_UI_VISIBLE_ENV_VAR_PREFIXES: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.master.ui.visibleEnvVarPrefixes',
  type: types.list,
  default: [],
  doc: "Variables of the environment that begin so are shown by the master's `/environment/`.",
  since: '0.2',
});

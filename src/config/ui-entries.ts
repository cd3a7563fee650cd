// Settings of the pages and the JSON that daemons and drivers serve over HTTP.
import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { oneOf, types } from './value-types.ts';

const port = (value: number): string | undefined =>
  value >= 0 && value <= 65_535 ? undefined : 'must be between 0 and 65535';

export const UI_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.ui.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether a driver serves pages of its application, and the REST API.',
  since: '0.2',
});

export const UI_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.port',
  type: types.int,
  default: 4040,
  check: port,
  doc: "The port of a driver's pages; when it is taken the next one that is free. 0: any.",
  since: '0.2',
});

export const UI_LIVE_UPDATE_PERIOD: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.liveUpdate.period',
  type: types.durationMs,
  default: 100,
  doc: 'Known for the sake of settings that have it: pages show all that has happened until somebody asks for them.',
  since: '0.2',
});

export const UI_LIVE_UPDATE_MIN_FLUSH_PERIOD: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.liveUpdate.minFlushPeriod',
  type: types.durationMs,
  default: 1000,
  doc: 'See `spark.ui.liveUpdate.period`.',
  since: '0.2',
});

export const UI_PROXY_REDIRECT_URI: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.ui.proxyRedirectUri',
  type: types.text,
  doc: 'The address of a proxy before the pages, without a path: redirections lead there. The path below which it serves them is what it says in `X-Forwarded-Context`.',
  since: '0.2',
});

export const UI_KILL_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.ui.killEnabled',
  type: types.boolean,
  default: true,
  doc: 'Whether applications and drivers can be killed from the pages of the master, jobs and stages from those of a driver.',
  since: '0.2',
});

export const MASTER_UI_DECOMMISSION_ALLOW_MODE: ConfigEntry<'LOCAL' | 'DENY' | 'ALLOW'> = defineEntry({
  key: 'spark.master.ui.decommission.allow.mode',
  type: oneOf('LOCAL', 'DENY', 'ALLOW'),
  default: 'LOCAL',
  doc: 'Who may have workers drained by `POST /workers/kill/?host=…` at the master: requests from its own host, nobody, or everybody.',
  since: '0.2',
});

export const UI_ALLOW_FRAMING_FROM: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.ui.allowFramingFrom',
  type: types.text,
  doc: 'An origin whose pages may show ours in a frame, besides our own.',
  since: '0.2',
});

export const UI_X_XSS_PROTECTION: ConfigEntry<string> = defineEntry({
  key: 'spark.ui.xXssProtection',
  type: types.text,
  default: '1; mode=block',
  doc: 'The header `X-XSS-Protection` of every answer.',
  since: '0.2',
});

export const UI_X_CONTENT_TYPE_OPTIONS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.ui.xContentTypeOptions.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether every answer says `X-Content-Type-Options: nosniff`.',
  since: '0.2',
});

export const UI_STRICT_TRANSPORT_SECURITY: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.ui.strictTransportSecurity',
  type: types.text,
  doc: 'The header `Strict-Transport-Security`, for pages that a proxy serves over HTTPS.',
  since: '0.2',
});

export const MASTER_UI_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.master.ui.port',
  type: types.int,
  default: 8080,
  check: port,
  doc: "The port of a master's pages; when it is taken the next one that is free. `--webui-port` and the environment win over it.",
  since: '0.2',
});

export const WORKER_UI_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.ui.port',
  type: types.int,
  default: 8081,
  check: port,
  doc: "The port of a worker's pages; when it is taken the next one that is free. `--webui-port` and the environment win over it.",
  since: '0.2',
});

// Who may see pages, and who may end what they show. Spark: SecurityManager
import { execFile } from 'node:child_process';
import { userInfo } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { loadFunction } from '../base/load-function.ts';
import type { Logger } from '../base/logger.ts';
import {
  ACLS_ENABLE,
  ADMIN_ACLS,
  ADMIN_ACLS_GROUPS,
  MODIFY_ACLS,
  MODIFY_ACLS_GROUPS,
  UI_VIEW_ACLS,
  UI_VIEW_ACLS_GROUPS,
  USER_GROUPS_MAPPING,
} from '../config/access-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/** Names of a user's groups. */
export type GroupsOf = (user: string) => Promise<readonly string[]>;

const EVERYBODY = '*';
/** Of `spark.user.groups.mapping`: the names by which Spark's own provider is known. */
const BY_SHELL = /(^|\.)ShellBasedGroupsMappingProvider$/;
/** For so long a user's groups are not asked for again: a page has several files. */
const GROUPS_FRESH_MS = 10_000;
/** So many users are remembered; their names come from the network. */
const GROUPS_REMEMBERED = 1000;
const ID_TIMEOUT_MS = 10_000;

interface List {
  readonly users: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
}

/** The lists of `spark.acls.enable`. Nobody in particular, which is who no filter has named, may do everything. */
export class AccessLists {
  readonly #enabled: boolean;
  readonly #admins: List;
  readonly #viewers: List;
  readonly #modifiers: List;
  readonly #groupsOf: GroupsOf;

  /** @param owners who runs the process, by all names. */
  constructor(conf: SparkConf, owners: readonly string[], groupsOf: GroupsOf) {
    const admins = { users: conf.get(ADMIN_ACLS), groups: conf.get(ADMIN_ACLS_GROUPS) };
    const withAdmins = (users: readonly string[], groups: readonly string[]): List => ({
      users: new Set([...admins.users, ...owners, ...users]),
      groups: new Set([...admins.groups, ...groups]),
    });
    this.#enabled = conf.get(ACLS_ENABLE);
    this.#admins = { users: new Set(admins.users), groups: new Set(admins.groups) };
    this.#viewers = withAdmins(conf.get(UI_VIEW_ACLS), conf.get(UI_VIEW_ACLS_GROUPS));
    this.#modifiers = withAdmins(conf.get(MODIFY_ACLS), conf.get(MODIFY_ACLS_GROUPS));
    this.#groupsOf = groupsOf;
  }

  /** Spark: SecurityManager.checkUIViewPermissions */
  mayView(user: string | null): Promise<boolean> {
    return this.#isIn(user, this.#viewers);
  }

  /** Spark: SecurityManager.checkModifyPermissions */
  mayModify(user: string | null): Promise<boolean> {
    return this.#isIn(user, this.#modifiers);
  }

  /** Spark: SecurityManager.checkAdminPermissions */
  isAdmin(user: string | null): Promise<boolean> {
    return this.#isIn(user, this.#admins);
  }

  async #isIn(user: string | null, { users, groups }: List): Promise<boolean> {
    if (!this.#enabled || user === null || users.has(user) || users.has(EVERYBODY) || groups.has(EVERYBODY))
      return true;
    if (groups.size === 0) return false;
    return (await this.#groupsOf(user)).some((group) => groups.has(group));
  }
}

/** The users whose process this is: the system's, and `SPARK_USER`. */
function ownersOfProcess(env: Readonly<Record<string, string | undefined>>): string[] {
  const owners = [env['SPARK_USER']];
  try {
    owners.push(userInfo().username);
  } catch {
    // a user without an entry: containers have such
  }
  return owners.filter((name): name is string => name !== undefined && name !== '');
}

/**
 * The lists of a daemon's pages.
 *
 * @throws IskraError that names the module of `spark.user.groups.mapping` when it cannot be used.
 */
export async function accessLists(conf: SparkConf, clock: Clock, log: Logger): Promise<AccessLists> {
  const name = conf.get(USER_GROUPS_MAPPING);
  const find: (user: string) => unknown = BY_SHELL.test(name)
    ? groupsById
    : await loadFunction(USER_GROUPS_MAPPING.key, name, 'getGroups(user)');
  return new AccessLists(conf, ownersOfProcess(process.env), remembered(find, clock, log));
}

/** Whose groups cannot be found is in none. Spark: Utils.getCurrentUserGroups */
function remembered(find: (user: string) => unknown, clock: Clock, log: Logger): GroupsOf {
  const known = new Map<string, { readonly at: number; readonly groups: Promise<readonly string[]> }>();
  return (user) => {
    const before = known.get(user);
    if (before !== undefined && clock.now() - before.at < GROUPS_FRESH_MS) return before.groups;
    known.delete(user);
    for (const oldest of known.keys()) {
      if (known.size < GROUPS_REMEMBERED) break;
      known.delete(oldest);
    }
    const groups = (async (): Promise<readonly string[]> => {
      try {
        const found = await find(user);
        if (Symbol.iterator in Object(found)) return [...(found as Iterable<unknown>)].map(String); // it can be iterated
        log.error(`The groups of user=${JSON.stringify(user)} are no list`);
      } catch (error) {
        log.error(
          `Error getting groups for user=${JSON.stringify(user)}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      return [];
    })();
    known.set(user, { at: clock.now(), groups });
    return groups;
  };
}

/** Spark: ShellBasedGroupsMappingProvider */
function groupsById(user: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    execFile('id', ['-Gn', '--', user], { timeout: ID_TIMEOUT_MS }, (error, out) => {
      if (error === null) resolve(out.split(/\s+/).filter((group) => group !== ''));
      else reject(new Error(error.message.trim().replace(/\s*\n\s*/g, ': ')));
    });
  });
}

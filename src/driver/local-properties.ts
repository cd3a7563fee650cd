import { AsyncLocalStorage } from 'node:async_hooks';

export type LocalProperties = Readonly<Record<string, string>>;

const NONE: LocalProperties = Object.freeze({});

/**
 * Properties of the caller (job group, description, pool) that its jobs inherit. Spark binds them to threads; here they
 * belong to the async context: what is set is seen by whatever is called or awaited from there on, and by what that calls.
 *
 * An async function shares its caller's context up to its first `await`, and has its own from then on. So what it sets
 * before is its caller's too; functions that run side by side and set properties should each run within `run`.
 *
 * Spark: SparkContext.localProperties
 */
export class LocalPropertyScope {
  readonly #storage = new AsyncLocalStorage<LocalProperties>();

  get all(): LocalProperties {
    return this.#storage.getStore() ?? NONE;
  }

  /** Null removes the property. */
  set(key: string, value: string | null): void {
    this.#storage.enterWith(changed(this.all, { [key]: value }));
  }

  /** Calls `body` with these in addition; what it sets itself is forgotten after it, too. */
  run<R>(properties: Readonly<Record<string, string | null>>, body: () => R): R {
    return this.#storage.run(changed(this.all, properties), body);
  }
}

function changed(now: LocalProperties, by: Readonly<Record<string, string | null>>): LocalProperties {
  const next: Record<string, string> = { ...now };
  for (const [key, value] of Object.entries(by)) {
    if (value === null) delete next[key];
    else next[key] = value;
  }
  return Object.freeze(next);
}

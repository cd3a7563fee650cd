import { AsyncLocalStorage } from 'node:async_hooks';

export type LocalProperties = Readonly<Record<string, string>>;

const NONE: LocalProperties = Object.freeze({});

/**
 * Properties of the caller (job group, description, pool) that its jobs inherit. Spark binds them to threads; here they
 * belong to the async context: what an async function sets is seen by what it calls, never by its siblings or its caller's
 * later siblings.
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
    const { [key]: _, ...rest } = this.all;
    this.#storage.enterWith(Object.freeze(value === null ? rest : { ...rest, [key]: value }));
  }
}

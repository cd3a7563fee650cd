import type { ProcessKey } from './worker-events.ts';

/** One of an application's executors that needs them. */
interface Waiting {
  readonly key: ProcessKey;
  readonly launch: { readonly appId: string };
}

/**
 * Local directories of a worker's applications: one executor of an application has them made, those that come meanwhile wait
 * for them, later ones get them.
 */
export class ApplicationDirectories<Runner extends Waiting> {
  /** By application; `maker`: the executor for which they are being made. */
  readonly #dirs = new Map<string, readonly string[] | { readonly maker: ProcessKey }>();
  readonly #waiting = new Map<string, Runner[]>();

  /** @returns them, once they are there; `make`: the executor has to have them made; `wait`: `made` tells when to ask again. */
  askedBy(runner: Runner): readonly string[] | 'make' | 'wait' {
    const { appId } = runner.launch;
    const dirs = this.#dirs.get(appId);
    if (dirs === undefined) {
      this.#dirs.set(appId, { maker: runner.key });
      return 'make';
    }
    if (!('maker' in dirs)) return dirs;
    this.#waiting.set(appId, [...(this.#waiting.get(appId) ?? []), runner]);
    return 'wait';
  }

  /**
   * @param made null: they could not be made, so the next one tries.
   * @returns those that have waited: they ask again.
   */
  made({ key, launch }: Runner, made: readonly string[] | null): readonly Runner[] {
    const { appId } = launch;
    const dirs = this.#dirs.get(appId);
    if (dirs === undefined || !('maker' in dirs) || dirs.maker !== key) return [];
    if (made === null) this.#dirs.delete(appId);
    else this.#dirs.set(appId, made);
    const waiting = this.#waiting.get(appId) ?? [];
    this.#waiting.delete(appId);
    return waiting;
  }

  /** Forgets them. @returns what is to be removed. */
  taken(appId: string): readonly string[] | null {
    const dirs = this.#dirs.get(appId);
    this.#dirs.delete(appId);
    return dirs === undefined || 'maker' in dirs ? null : dirs;
  }

  /** An application whose executors wait although nobody makes its directories; null: there is none. */
  stuck(isLive: (key: ProcessKey) => boolean): string | null {
    for (const appId of this.#waiting.keys()) {
      const dirs = this.#dirs.get(appId);
      if (dirs === undefined || !('maker' in dirs) || !isLive(dirs.maker)) return appId;
    }
    return null;
  }
}

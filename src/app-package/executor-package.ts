import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { PackageManifest, PackageNotice } from '../protocol/app-package.ts';
import type { LocalPackage } from '../protocol/executor-slot.ts';
import { isSameFile } from './file-probe.ts';
import { platformName } from './native-addons.ts';
import { type CacheLimits, cleanPackageCache, ownInstallation } from './package-cache.ts';
import type { PartStore } from './part-store.ts';
import { placePackage, touch } from './place-package.ts';
import { fetchParts, type PackagesRef } from './transfer-parts.ts';

export interface ExecutorPackageOptions {
  /** To the driver's endpoint `Packages`. */
  readonly connect: () => Promise<PackagesRef>;
  readonly openStore: () => PartStore;
  readonly limits: CacheLimits;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A tree in use is touched so often. */
const TOUCH_MS = 3_600_000;

/** The application's modules on an executor's machine: fetched and put together when a stage needs them first. */
export class ExecutorPackage {
  readonly #options: ExecutorPackageOptions;
  #placed: Promise<LocalPackage> | null = null;
  #cancelTouch = (): void => {};

  constructor(options: ExecutorPackageOptions) {
    this.#options = options;
  }

  /** Once an executor; after a failure the next one who asks tries again. */
  ensure(): Promise<LocalPackage> {
    if (this.#placed === null) {
      const placed = this.#place();
      this.#placed = placed;
      placed.catch(() => {
        if (this.#placed === placed) this.#placed = null;
      });
    }
    return this.#placed;
  }

  stop(): void {
    this.#cancelTouch();
  }

  async #place(): Promise<LocalPackage> {
    const { connect, openStore, clock, log, limits } = this.#options;
    const started = clock.now();
    const ref = await connect();
    const { packageId, base } = await ref.ask('GetPackage', null, { timeoutMs: Number.POSITIVE_INFINITY });
    const store = openStore();
    await fetchParts(async () => ref, packageId, store);
    const installation = ownInstallation();
    const { root, manifest } = placePackage(store, packageId, installation, clock.now());
    log.info(`the application's modules are in ${root}`, { parts: manifest.parts.length, ms: clock.now() - started });
    this.#keepTouched(root);
    void cleanPackageCache(store, limits, clock.now(), log);
    return {
      from: base,
      to: `${root}/`,
      folders: manifest.parts.flatMap(({ at, name }) => (name === null ? [at] : [])),
      installation: { from: `${base}${manifest.installation}/`, to: `${installation.root}/` },
      hint: foreignAddons(manifest),
    };
  }

  #keepTouched(root: string): void {
    this.#cancelTouch = this.#options.clock.after(
      TOUCH_MS,
      () => {
        touch(root, this.#options.clock.now());
        this.#keepTouched(root);
      },
      true,
    );
  }
}

/** Says which packages cannot work here; what falls back to JavaScript by itself is not held up by it. */
function foreignAddons({ parts, node }: PackageManifest): string {
  const here = platformName(process.platform, process.arch);
  const foreign = parts.filter(({ native }) => native.length > 0 && !native.includes(here));
  if (foreign.length === 0) return '';
  const named = foreign.map(({ name, at, version, native }) => `${name ?? at}@${version} (${native.join(', ')})`);
  return `the application was packed on ${platformName(node.platform, node.arch)} and this executor runs on ${here}, for which these packages have no native add-on: ${named.join(', ')}; install the application for ${here} as well (npm install --os --cpu), or run executors of one kind`;
}

/** Whether this process may import the driver's files where the driver has them. */
export function seesDriversFiles({ ship, probes }: PackageNotice): boolean {
  return ship === 'auto' && probes.every(isSameFile);
}

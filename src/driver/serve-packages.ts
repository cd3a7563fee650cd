import { fileURLToPath } from 'node:url';
import { probeOf } from '../app-package/file-probe.ts';
import { packApplication } from '../app-package/pack-application.ts';
import { openPackageCache, ownInstallation } from '../app-package/package-cache.ts';
import { PackageServer } from '../app-package/package-server.ts';
import { PartStore } from '../app-package/part-store.ts';
import { placedPackageOf, touch } from '../app-package/place-package.ts';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { PACKAGE_INCLUDE, PACKAGE_MAX_READERS, PACKAGE_MAX_SIZE, PACKAGE_SHIP } from '../config/package-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { type AskPackages, type FileProbe, PACKAGES_ENDPOINT, type PackageNotice } from '../protocol/app-package.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';

/** What a driver needs is said to be in use so often. */
const KEEP_MS = 3_600_000;

export interface ServePackagesOptions {
  readonly rpc: RpcEnv;
  readonly conf: SparkConf;
  /** URLs of the application's scripts. */
  readonly mainScripts: readonly string[];
  /** A file that was added, as it was then; null: there is none. */
  readonly addedFile: (name: string, timestamp: number) => FileProbe | null;
  readonly log: Logger;
}

/**
 * Lets executors fetch the application's modules and added files over the driver's connection. Nothing is packed before one asks.
 *
 * @returns what executors are to be told; null: they import the driver's files, wherever they are.
 *
 * Spark: NettyStreamManager
 */
export function servePackages(options: ServePackagesOptions): PackageNotice | null {
  const { rpc, conf, mainScripts, addedFile } = options;
  const log = options.log.named('Packages');
  const ship = conf.get(PACKAGE_SHIP);
  if (ship === 'never') return null;
  const scripts = mainScripts.flatMap((url) => (url.startsWith('file:') ? [fileURLToPath(url)] : []));
  const probes = scripts.flatMap((path) => probeOf(path) ?? []);
  // In cluster mode this driver runs from a package already.
  const placed = probes.map(({ path }) => placedPackageOf(path)).find((one) => one !== null) ?? null;
  let opened: PartStore | null = null;
  const store = (): PartStore => {
    opened ??= placed === null ? openPackageCache(conf) : new PartStore(placed.storeFolder);
    return opened;
  };
  // A driver may run for longer than its parts would stay in the cache.
  const keep = (hashes: readonly string[], tree: string | null): void => {
    systemClock.after(
      KEEP_MS,
      () => {
        for (const hash of hashes) store().touch(hash, systemClock.now());
        if (tree !== null) touch(tree, systemClock.now());
        keep(hashes, tree);
      },
      true,
    );
  };
  if (placed !== null) keep([placed.id, ...placed.manifest.parts.map((part) => part.hash)], placed.root);
  const pack = async (): Promise<AskPackages['GetPackage'][1]> => {
    if (placed !== null) return { packageId: placed.id, base: `${placed.root}/` };
    const started = systemClock.now();
    const packed = await packApplication({
      // The last one is what `iskra run` was given; the first is the command itself.
      entry: probes.at(-1)?.path ?? null,
      ...(process.argv[1] === undefined ? {} : { application: process.argv[1] }),
      installation: ownInstallation(),
      include: conf.get(PACKAGE_INCLUDE),
      maxBytes: conf.get(PACKAGE_MAX_SIZE),
      store: store(),
    });
    keep(packed.hashes, null);
    for (const warning of packed.warnings) log.warn(warning);
    const bytes = packed.manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
    log.info('packed the application', { parts: packed.hashes.length, bytes, ms: systemClock.now() - started });
    return { packageId: packed.id, base: '/' };
  };
  let packing: Promise<AskPackages['GetPackage'][1]> | null = null;
  const server = new PackageServer({
    openStore: () => store(),
    maxReaders: conf.get(PACKAGE_MAX_READERS),
    maxUploadBytes: 0,
    clock: systemClock,
    application: () => {
      if (packing === null) {
        packing = pack();
        packing.catch(() => {
          packing = null;
        });
      }
      return packing;
    },
    addedFile,
  });
  rpc.register(PACKAGES_ENDPOINT, server);
  return { ship, probes };
}

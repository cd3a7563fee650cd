import { fileURLToPath } from 'node:url';
import { packApplication } from '../../app-package/pack-application.ts';
import { cleanPackageCache, openPackageCache, ownInstallation } from '../../app-package/package-cache.ts';
import { uploadToMasters } from '../../app-package/transfer-parts.ts';
import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import {
  PACKAGE_CACHE_MAX_SIZE,
  PACKAGE_CACHE_TTL,
  PACKAGE_INCLUDE,
  PACKAGE_MAX_SIZE,
} from '../../config/package-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { RpcAddress } from '../../rpc/rpc-address.ts';
import type { RpcEnv } from '../../rpc/rpc-env.ts';
import type { PreparedApplication } from './app-loader.ts';
import { filesToPack } from './files-of-driver.ts';

export interface ClusterPackageOptions {
  readonly application: PreparedApplication;
  readonly conf: SparkConf;
  /** A client that the masters let in. */
  readonly rpc: RpcEnv;
  readonly masters: readonly RpcAddress[];
  readonly log: Logger;
}

/**
 * Packs an application that is to run in cluster mode, with its files, and gives it to every master that answers.
 *
 * @returns the `appResource` of its driver.
 * @throws IskraError of packing; the last failure when no master takes it.
 */
export async function packForCluster(options: ClusterPackageOptions): Promise<string> {
  const { application, conf, rpc, masters, log } = options;
  const store = openPackageCache(conf);
  const packed = await packApplication({
    entry: fileURLToPath(application.url),
    application: application.path,
    installation: ownInstallation(),
    include: conf.get(PACKAGE_INCLUDE),
    files: filesToPack(conf),
    maxBytes: conf.get(PACKAGE_MAX_SIZE),
    store,
  });
  for (const warning of packed.warnings) log.warn(warning);
  const taken = await uploadToMasters(packed, rpc, masters);
  log.info(`packed the application: ${packed.hashes.length} parts, taken by ${taken} of ${masters.length} masters`);
  const limits = { ttlMs: conf.get(PACKAGE_CACHE_TTL), maxBytes: conf.get(PACKAGE_CACHE_MAX_SIZE) };
  await cleanPackageCache(store, limits, systemClock.now(), log);
  return packed.resource;
}

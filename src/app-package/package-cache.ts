import { existsSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EpochMs } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { VERSION } from '../base/version.ts';
import { PACKAGE_CACHE_DIR } from '../config/package-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { PartStore } from './part-store.ts';
import type { Installation } from './place-package.ts';

/** Set by a worker for what it starts: `<work dir>/cache`. */
export const CACHE_ENVIRONMENT_VARIABLE = 'ISKRA_PACKAGE_CACHE';

/** Nothing that was used so recently goes. */
const FRESH_MS = 3_600_000;

/** This very copy of Iskra. One folder up and then down: that holds in dist/src and in dist/bundle alike. */
export function ownInstallation(): Installation {
  return { root: fileURLToPath(new URL('../../../', import.meta.url)).replace(/[\\/]$/, ''), version: VERSION };
}

/**
 * The cache of this process: the worker's, the one that is set, or the user's own.
 *
 * @throws IskraError PACKAGE_STORE when a named one cannot be used.
 */
export function openPackageCache(conf: SparkConf): PartStore {
  const named = process.env[CACHE_ENVIRONMENT_VARIABLE] || conf.get(PACKAGE_CACHE_DIR);
  if (named !== undefined) return new PartStore(named);
  try {
    return new PartStore(usersCache());
  } catch {
    // A user without a home, or on a read-only disk.
    return new PartStore(join(tmpdir(), `iskra-packages-${userInfo().username}`));
  }
}

/** The same, when there is one already; null: it has never been used. */
export function findPackageCache(conf: SparkConf): PartStore | null {
  const named = process.env[CACHE_ENVIRONMENT_VARIABLE] || conf.get(PACKAGE_CACHE_DIR);
  return existsSync(join(named ?? usersCache(), 'parts')) ? openPackageCache(conf) : null;
}

function usersCache(): string {
  return join(homedir(), '.cache', 'iskra', 'packages');
}

export interface CacheLimits {
  /** spark.iskra.package.cacheTtl */
  readonly ttlMs: number;
  /** spark.iskra.package.cacheMaxSize */
  readonly maxBytes: number;
}

/**
 * Removes what nobody has used for long, and above the size what was used least recently. Trees and unpacked parts go with the
 * same rule of age; whoever runs in a tree touches it from time to time. What goes is out of the way at once, and removed in the
 * background: whoever looks finds all of it or nothing.
 *
 * @returns how many parts were removed, when all has gone. Never rejects: what cannot be removed is logged.
 */
export async function cleanPackageCache(
  store: PartStore,
  limits: CacheLimits,
  now: EpochMs,
  log: Logger,
): Promise<number> {
  let removed = 0;
  const doomed: string[] = [];
  try {
    const parts = store.list();
    let total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const isOld = (usedAt: EpochMs): boolean => now - usedAt > limits.ttlMs;
    store.removeStaleDrafts(now);
    for (const { hash, bytes, usedAt } of parts) {
      if (!isOld(usedAt) && (total <= limits.maxBytes || now - usedAt < FRESH_MS)) continue;
      store.remove(hash);
      doomed.push(...store.putAside(join(store.folder, 'unpacked', hash), now));
      total -= bytes;
      removed++;
    }
    for (const kind of ['trees', 'unpacked']) {
      const folder = join(store.folder, kind);
      for (const name of namesIn(folder)) {
        const stat = statSync(join(folder, name), { throwIfNoEntry: false });
        if (stat !== undefined && isOld(stat.mtimeMs)) doomed.push(...store.putAside(join(folder, name), now));
      }
    }
  } catch (error) {
    log.warn(`${store.folder} cannot be cleaned: ${(error as Error).message}`);
  }
  for (const folder of doomed) {
    try {
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      log.warn(`${folder} cannot be removed: ${(error as Error).message}`);
    }
  }
  if (removed > 0) log.info(`removed ${removed} parts of applications from ${store.folder}`);
  return removed;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

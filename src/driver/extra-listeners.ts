import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { IskraError } from '../base/errors.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { SparkListener } from '../events/listener-bus.ts';

/**
 * Makes the listeners that `spark.extraListeners` names: `./audit.js#AuditListener`, or a package's name instead of the path.
 * A class is made with the SparkConf; an object is taken as it is; without `#name` the default export is meant.
 *
 * @throws IskraError EXTRA_LISTENER naming the entry and what is wrong with it. Spark: SparkContext.setupAndStartListenerBus
 */
export async function loadExtraListeners(names: readonly string[], conf: SparkConf): Promise<SparkListener[]> {
  const listeners: SparkListener[] = [];
  for (const name of names) {
    try {
      listeners.push(await load(name, conf));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new IskraError(
        'EXTRA_LISTENER',
        `Exception when registering SparkListener ${name} of spark.extraListeners: ${why}`,
        { cause },
      );
    }
  }
  return listeners;
}

async function load(name: string, conf: SparkConf): Promise<SparkListener> {
  const hash = name.lastIndexOf('#');
  const [from, member] = hash < 0 ? [name, 'default'] : [name.slice(0, hash), name.slice(hash + 1)];
  // Packages are the application's, not Iskra's.
  const isPath = from.startsWith('.') || from.startsWith('/');
  const path = isPath ? resolve(from) : createRequire(resolve('application.js')).resolve(from);
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const found = module[member];
  if (typeof found === 'function') return new (found as new (conf: SparkConf) => SparkListener)(conf.clone());
  if (typeof found === 'object' && found !== null) return found as SparkListener;
  throw new Error(`${from} exports no class or object ${member}`);
}

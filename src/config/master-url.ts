import { availableParallelism } from 'node:os';
import { IllegalArgumentError } from '../base/errors.ts';

/** Where an application runs, read from its master URL. */
export type MasterUrl =
  | {
      readonly kind: 'local';
      readonly numSlots: number;
      /** After how many failures of one task its job is given up: F, or 1. Local masters do not retry unasked, as in Spark. */
      readonly maxTaskFailures: number;
    }
  | {
      readonly kind: 'local-cluster';
      readonly numWorkers: number;
      readonly coresPerWorker: number;
      readonly memoryMibPerWorker: number;
    }
  | { readonly kind: 'standalone'; readonly masters: readonly string[] }
  | { readonly kind: 'yarn' }
  | { readonly kind: 'mesos'; readonly url: string }
  | { readonly kind: 'k8s'; readonly url: string };

const FORMS = 'local, local[N], local[*], local[N,F], local[*,F], local-cluster[N,C,M], spark://HOST:PORT[,HOST:PORT]';

/**
 * Reads a master URL; blanks inside the brackets do not matter.
 *
 * @param cores what `*` stands for.
 * @throws IllegalArgumentError with Spark's words. Spark: SparkContext.createTaskScheduler
 */
export function parseMasterUrl(text: string, cores: number = availableParallelism()): MasterUrl {
  const url = text.trim();
  if (url === 'local') return { kind: 'local', numSlots: 1, maxTaskFailures: 1 };
  if (url === 'yarn') return { kind: 'yarn' };
  if (/^mesos:\/\/\S+$/.test(url)) return { kind: 'mesos', url };
  if (/^k8s:\/\/\S+$/.test(url)) return { kind: 'k8s', url };
  const standalone = /^spark:\/\/([^,\s/]+:\d+(,[^,\s/]+:\d+)*)$/.exec(url)?.[1];
  const addresses = standalone?.split(',') ?? [];
  if (addresses.length > 0 && addresses.every(hasPort))
    return { kind: 'standalone', masters: addresses.map((hostAndPort) => `spark://${hostAndPort}`) };
  const local = /^local\s*\[\s*(\*|-?\d+)\s*(?:,\s*(\d+)\s*)?\]$/.exec(url);
  if (local) {
    const numSlots = local[1] === '*' ? cores : Number(local[1]);
    if (numSlots <= 0) {
      throw new IllegalArgumentError(
        `Asked to run locally with ${numSlots} threads in master '${text}'; use local[1] or more, or local[*] for one a core`,
        { master: text },
      );
    }
    const failures = local[2] === undefined ? 1 : Number(local[2]);
    if (failures < 1) {
      throw new IllegalArgumentError(
        `Asked to run locally with ${failures} allowed task failures in master '${text}'; the least is 1`,
        { master: text },
      );
    }
    return { kind: 'local', numSlots, maxTaskFailures: failures };
  }
  const cluster = /^local-cluster\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]$/.exec(url);
  if (cluster) {
    return {
      kind: 'local-cluster',
      numWorkers: Number(cluster[1]),
      coresPerWorker: Number(cluster[2]),
      memoryMibPerWorker: Number(cluster[3]),
    };
  }
  throw new IllegalArgumentError(`Could not parse Master URL: '${text}'. Known forms: ${FORMS}`, { master: text });
}

function hasPort(address: string): boolean {
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return port >= 1 && port <= 65_535;
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { runClusterCommand } from '../../src/deploy/submit/cluster-submit.ts';
import { prepareSubmission } from '../../src/deploy/submit/submit.ts';
import { thisInstallation } from '../../src/main/installation.ts';
import type { DriverState } from '../../src/protocol/deploy-states.ts';
import type { StandaloneCluster } from './standalone-cluster.ts';
import { until } from './until.ts';

/** For who waits and looks again. */
const fastClock: Clock = {
  now: () => systemClock.now() * 10,
  after: (ms, fire, background) => systemClock.after(ms / 10, fire, background),
};

interface Submitted {
  readonly code: number;
  /** Lines that were printed. */
  readonly out: string;
  /** Of the driver; '' when there is none. */
  readonly id: string;
}

/** `iskra submit` to a cluster, in this process, and looks at what came of it. */
export interface Submitter {
  submit(...argv: string[]): Promise<Submitted>;
  inCluster(...argv: string[]): Promise<Submitted>;
  /** Until the driver has ended. */
  waiting(...argv: string[]): Promise<Submitted>;
  stateOf(id: string): Promise<DriverState | null>;
  until(what: () => boolean | Promise<boolean>): Promise<void>;
  /** What its process printed, on whichever worker it was. */
  printed(id: string, name?: string): string;
  /** What it printed after `pid`. */
  pids(id: string): number[];
}

/** @param env of the submitter, besides SPARK_USER */
export function submitter(
  place: () => { readonly cluster: StandaloneCluster; readonly folder: string },
  env: Readonly<Record<string, string>> = {},
): Submitter {
  const submit = async (...argv: string[]): Promise<Submitted> => {
    const { cluster, folder } = place();
    const lines: string[] = [];
    const all = { SPARK_USER: 'ann', ...env };
    const packed = `spark.iskra.package.cacheDir=${join(folder, 'packed')}`;
    const prepared = await prepareSubmission(['--master', cluster.url, '-c', packed, ...argv], {
      ...{ env: all, workingFolder: folder, installation: thisInstallation() },
      warn: (message) => lines.push(message),
      show: () => {},
    });
    assert.ok(prepared.kind === 'submit' || prepared.kind === 'kill' || prepared.kind === 'status');
    const code = await runClusterCommand(prepared, {
      ...{ env: all, clock: fastClock, log: silentLogger },
      print: (line) => lines.push(line),
    });
    const out = lines.join('\n');
    return { code, out, id: /submitted as (\S+)/.exec(out)?.[1] ?? '' };
  };
  const inCluster = (...argv: string[]) => submit('--deploy-mode', 'cluster', '--driver-memory', '256m', ...argv);
  const printed = (id: string, name = 'stdout'): string => {
    const { cluster } = place();
    const file = cluster.workers.map((_, i) => join(cluster.directory, `work-${i}`, id, name)).find(existsSync);
    return file === undefined ? '' : readFileSync(file, 'utf8');
  };
  return {
    submit,
    inCluster,
    waiting: (...argv) => inCluster('-c', 'spark.standalone.submit.waitAppCompletion=true', ...argv),
    stateOf: async (id) => (await place().cluster.master.ask('RequestDriverStatus', { driverId: id })).state,
    until,
    printed,
    pids: (id) => [...printed(id).matchAll(/^pid (\d+)/gm)].map(([, pid]) => Number(pid)),
  };
}

import { IskraError } from '../base/errors.ts';
import type { StderrLogger } from '../base/stderr-logger.ts';
import type { ApplicationBackend, BlockUpdated } from '../cluster/application-backend.ts';
import { LocalBackend } from '../cluster/local/local-backend.ts';
import { DRIVER_MEMORY } from '../config/memory-entries.ts';
import type { MasterUrl } from '../config/master-url.ts';
import { TASK_CPUS } from '../config/scheduler-entries.ts';
import { SLOT_KILL_GRACE } from '../config/slot-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { planMemory } from '../executor/memory-plan.ts';
import type { DriverAnswers } from '../protocol/driver-executor.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';

/** The entry of a slot's thread. One folder up and then down: that holds in dist/src and in dist/bundle alike. */
const SLOT_ENTRY = new URL('../main/task-slot.js', import.meta.url);

/** What an application brings to its backend. */
export interface BackendNeeds {
  readonly conf: SparkConf;
  readonly applicationId: string;
  readonly mainScripts: readonly string[];
  readonly localDirs: LocalDirs;
  readonly answers: DriverAnswers;
  readonly onBlock: (update: BlockUpdated) => void;
  readonly rddLocations: (rddId: number, partition: number) => readonly ExecutorId[];
  readonly onFailed: (message: string) => void;
  readonly log: StderrLogger;
}

/** A way to get executors that is ready to be used. */
export interface OpenBackend {
  /** `defaultParallelism` when nothing is configured. */
  readonly cores: number;
  readonly maxTaskFailures: number;
  readonly isLocal: boolean;
  make(needs: BackendNeeds): ApplicationBackend;
  /** All that can be done when the process ends at once. */
  endNow(): void;
  /** Instead of `make`, when something else went wrong. */
  close(): Promise<void>;
}

/**
 * Chooses by the master, and opens what has to be open before an application can be.
 *
 * @throws IskraError when the master cannot be used. Spark: SparkContext.createTaskScheduler
 */
export async function openBackend(conf: SparkConf, master: MasterUrl, url: string, log: StderrLogger): Promise<OpenBackend> {
  switch (master.kind) {
    case 'local':
      checkTaskCpus(conf, url, master.numSlots);
      return openLocal(conf, master);
    case 'local-cluster':
      // Sockets are of no use to those who stay in their own process.
      return (await import('./open-local-cluster.ts')).openLocalCluster(conf, master, url, log);
    default:
      throw new IskraError(
        'MASTER_NOT_AVAILABLE',
        `master '${url}' is not available in this build yet; use local, local[N], local[*] or local-cluster[N,C,M]`,
      );
  }
}

/** @throws IskraError when no executor could run a task. */
export function checkTaskCpus(conf: SparkConf, url: string, slots: number): void {
  const cpus = conf.get(TASK_CPUS);
  if (cpus > slots)
    throw new IskraError(
      'TASK_CPUS',
      `The number of slots (${slots}) of master '${url}' has to be >= the number of cpus per task (spark.task.cpus = ${cpus}); lower spark.task.cpus, or use executors with ${cpus} slots or more`,
    );
}

function openLocal(conf: SparkConf, master: Extract<MasterUrl, { kind: 'local' }>): OpenBackend {
  return {
    cores: master.numSlots,
    maxTaskFailures: master.maxTaskFailures,
    isLocal: true,
    make({ mainScripts, localDirs, answers, onBlock, log }) {
      const memory = planMemory(conf, conf.get(DRIVER_MEMORY), master.numSlots);
      return new LocalBackend({
        ...memory,
        numSlots: master.numSlots,
        slotEntry: SLOT_ENTRY,
        killGraceMs: conf.get(SLOT_KILL_GRACE),
        conf: Object.fromEntries(conf.getAll()),
        mainScripts,
        localDirs: localDirs.toData(),
        logLevel: log.level,
        answer: (name, request) => answers[name](request),
        onBlock,
        log,
      });
    },
    endNow() {},
    close: async () => {},
  };
}

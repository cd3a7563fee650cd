import { IskraError } from '../base/errors.ts';
import type { StderrLogger } from '../base/stderr-logger.ts';
import { LocalBackend } from '../cluster/local/local-backend.ts';
import { planLocalMemory } from '../cluster/local/local-memory.ts';
import { EXECUTOR_HEARTBEAT_INTERVAL } from '../config/executor-entries.ts';
import type { MasterUrl } from '../config/master-url.ts';
import { SLOT_KILL_GRACE } from '../config/slot-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { checkHeartbeats, checkTaskCpus, type OpenBackend } from './backend-needs.ts';
import type { LiveUi } from './live-ui.ts';

/** The entry of a slot's thread. One folder up and then down: that holds in dist/src and in dist/bundle alike. */
const SLOT_ENTRY = new URL('../main/task-slot.js', import.meta.url);

/**
 * Chooses by the master, and opens what has to be open before an application can be.
 *
 * @param ui listens when this returns if a master was told where; null: there are no pages.
 * @throws IskraError when the master cannot be used. Spark: SparkContext.createTaskScheduler
 */
export async function openBackend(
  conf: SparkConf,
  master: MasterUrl,
  url: string,
  ui: LiveUi | null,
  log: StderrLogger,
): Promise<OpenBackend> {
  checkHeartbeats(conf);
  switch (master.kind) {
    case 'local':
      checkTaskCpus(conf, url, master.numSlots);
      return openLocal(conf, master);
    case 'local-cluster':
      // Sockets are of no use to those who stay in their own process.
      return (await import('./open-local-cluster.ts')).openLocalCluster(conf, master, url, log);
    case 'standalone':
      return (await import('./open-standalone.ts')).openStandalone(conf, master, url, ui, log);
    case 'mesos':
      throw notAvailable(url, 'is not supported: there is no Mesos since Spark 4');
    default:
      throw notAvailable(url, 'is not available in this build');
  }
}

function notAvailable(url: string, why: string): IskraError {
  const others = 'local, local[N], local[*], local-cluster[N,C,M] or spark://HOST:PORT';
  return new IskraError('MASTER_NOT_AVAILABLE', `master '${url}' ${why}; use ${others}`);
}

function openLocal(conf: SparkConf, master: Extract<MasterUrl, { kind: 'local' }>): OpenBackend {
  const memory = planLocalMemory(conf, master.numSlots);
  return {
    applicationId: null,
    cores: master.numSlots,
    coresPerExecutor: master.numSlots,
    allocation: null,
    storageBytes: memory.maxBytes,
    maxTaskFailures: master.maxTaskFailures,
    executorNeeds: null,
    isLocal: true,
    address: null,
    make({ mainScripts, localDirs, filesDir, answers, onBlock, log }) {
      return new LocalBackend({
        memory,
        numSlots: master.numSlots,
        slotEntry: SLOT_ENTRY,
        killGraceMs: conf.get(SLOT_KILL_GRACE),
        heartbeatIntervalMs: conf.get(EXECUTOR_HEARTBEAT_INTERVAL),
        conf: Object.fromEntries(conf.getAll()),
        mainScripts,
        localDirs: localDirs.toData(),
        filesDir,
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

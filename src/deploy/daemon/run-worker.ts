import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import type { Logger } from '../../base/logger.ts';
import type { Environment } from '../../config/conf-file.ts';
import { METRICS_CONF, METRICS_FILE_VARIABLE } from '../../config/metrics-entries.ts';
import { formatAddress } from '../../rpc/rpc-address.ts';
import { resolveSecurity } from '../../rpc/security.ts';
import { startWorkerWebUi } from '../../ui/worker/worker-web-ui.ts';
import { startWorker, type WorkerLoop } from '../worker/worker-loop.ts';
import { workerResources } from '../worker/worker-resources.ts';
import { workerSource } from '../worker/worker-source.ts';
import type { WorkerArguments } from './daemon-arguments.ts';
import { variable } from './daemon-environment.ts';
import { DaemonMetrics } from './daemon-metrics.ts';
import { checkMayListen, logLoopback, type RunningDaemon, undoing } from './running-daemon.ts';

/** What a worker's process has besides its arguments. */
export interface WorkerSurroundings {
  readonly env: Environment;
  /** Its own log; null when that goes to standard error. */
  readonly logFile: string | null;
  /** Programs that may be launched: main class → the file that `node` runs. */
  readonly programs: Readonly<Record<string, string>>;
}

/** Starts a worker with its pages. @throws IskraError that says why it cannot be. Spark: Worker.main, Worker.onStart */
export async function runWorker(
  args: WorkerArguments,
  { env, logFile, programs }: WorkerSurroundings,
  log: Logger,
): Promise<RunningDaemon> {
  const { conf, host, bindAddress, port, publicHost, webUiPort, cores, memory, workDir, masters } = args;
  const security = resolveSecurity(conf, { environment: env });
  await checkMayListen('sparkWorker', bindAddress, security);
  if (args.loopbackByDefault) logLoopback(log);
  let worker: WorkerLoop | null = null;
  const state = () => worker?.state() ?? null;
  const metrics = await DaemonMetrics.open(conf, ['worker', 'shuffleService'], log);
  const ui = { conf, host: publicHost, bindAddress, port: webUiPort, workDir, logFile, state, log };
  const resources = await workerResources(conf, log);
  const pages: { ui: Awaited<ReturnType<typeof startWorkerWebUi>> | null } = { ui: null };
  const stopPages = async (): Promise<void> => pages.ui?.stop();
  return undoing(stopPages, async () => {
    const localDirs = variable(env, 'LOCAL_DIRS');
    const metricsFile = conf.get(METRICS_CONF);
    const started = await startWorker({
      conf,
      host,
      bindAddress,
      port,
      cores,
      memory,
      workDir,
      masters,
      webUiUrl: async () => {
        pages.ui = await startWorkerWebUi({ ...ui, metrics: metrics.pages });
        return pages.ui.url;
      },
      resources,
      security,
      log,
      seed: randomInt(2 ** 32),
      programs,
      hasSpares: true,
      environment: {
        ...env,
        ...(localDirs === undefined ? {} : { SPARK_LOCAL_DIRS: localDirs }),
        ...(metricsFile === undefined ? {} : { [METRICS_FILE_VARIABLE]: resolve(metricsFile) }),
      },
    });
    worker = started;
    metrics.start('worker', () => [workerSource(started.state())]);
    if (metrics.hasSinks('shuffleService')) {
      const service = await started.measureShuffleService();
      if (service !== null) metrics.start('shuffleService', () => [service]);
    }
    const finished = started.finished.then(async (end) => {
      await Promise.all([metrics.stop(), stopPages()]);
      return end;
    });
    return {
      url: `spark://${formatAddress(started.address)}`,
      webUiUrl: pages.ui?.url ?? '',
      finished,
      stop: async () => {
        await metrics.stop(); // before what runs here is ended
        await started.stop();
        await finished;
      },
      decommission: () => started.decommission(),
    };
  });
}

// The entry of a driver that a worker starts, in cluster mode: `WORKER_URL USER_JAR NAME [arguments]`, settings in the
// environment. Runs the application as `iskra run` does, and ends with its worker. Spark: DriverWrapper
import { placedPackageOf } from '../app-package/place-package.ts';
import type { Logger } from '../base/logger.ts';
import { outlive } from '../base/standard-streams.ts';
import { createStderrLogger } from '../base/stderr-logger.ts';
import { ARCHIVES, FILES } from '../config/context-entries.ts';
import { LOG_LEVEL, STRUCTURED_LOGGING_ENABLED } from '../config/logging-entries.ts';
import { METRICS_CONF, METRICS_FILE_VARIABLE } from '../config/metrics-entries.ts';
import { SparkConf } from '../config/spark-conf.ts';
import { setSubmitDefaults } from '../config/submit-defaults.ts';
import { reportError } from '../deploy/submit/submit.ts';
import { fenceWorker } from '../executor/worker-fence.ts';
import { takeWorkerAccess, watchWorker } from '../executor/worker-watcher.ts';
import { DRIVER_CONF_VARIABLE, LIFELINE_VARIABLE } from '../protocol/worker-process.ts';
import { parseEndpointUrl } from '../rpc/rpc-address.ts';
import { rpcSettings } from '../rpc/rpc-settings.ts';
import { thisInstallation } from './installation.ts';
import { runApplication } from './run-application.ts';

/** Spark: WorkerWatcher ends the process with -1. */
const WORKER_LOST = 255;

/** What ends in good order has done so by then; and whoever runs the driver next does not begin much sooner. */
const FENCE_GRACE_MS = 2000;

const installation = thisInstallation();

async function run(argv: readonly string[]): Promise<void> {
  const [workerUrl, userJar, , ...args] = argv;
  if (workerUrl === undefined || userJar === undefined) {
    process.stderr.write('Usage: driver-process WORKER_URL USER_JAR NAME [arguments]\n');
    process.exit(1);
  }
  const values = JSON.parse(process.env[DRIVER_CONF_VARIABLE] ?? '{}') as Record<string, string>; // as submitting wrote it
  delete process.env[DRIVER_CONF_VARIABLE];
  const conf = new SparkConf(values);
  const log = createStderrLogger('DriverWrapper', {
    level: conf.get(LOG_LEVEL),
    format: conf.get(STRUCTURED_LOGGING_ENABLED) ? 'json' : 'text',
  });
  outlive('stdout');
  outlive('stderr');
  watchWorker({
    workerUrl,
    security: takeWorkerAccess(process.env),
    rpc: rpcSettings(conf),
    onLost: (why) => {
      log.error(why);
      // What the application has started and the worker would have ended: it had given this process a group of its own.
      process.on('exit', signalOwnGroup);
      process.exit(WORKER_LOST);
    },
    log,
  });
  // Others find this driver where its worker is.
  values['spark.driver.host'] = parseEndpointUrl(workerUrl).address.host;
  const placed = placedPackageOf(userJar);
  if (placed?.manifest.files !== undefined) {
    const { placedFiles } = await import('../app-package/packaged-files.ts');
    const local = (kind: 'file' | 'archive', entries: readonly string[]): string =>
      placedFiles(placed.manifest, process.cwd(), kind, entries).join(',');
    if (conf.contains(FILES)) values[FILES.key] = local('file', conf.get(FILES));
    if (conf.contains(ARCHIVES)) values[ARCHIVES.key] = local('archive', conf.get(ARCHIVES));
  }
  // The one of its worker, which has said where.
  const metricsFile = process.env[METRICS_FILE_VARIABLE];
  if (metricsFile !== undefined) values[METRICS_CONF.key] ??= metricsFile;
  setSubmitDefaults(values);
  const { prepareApplication } = await import('../deploy/submit/app-loader.ts');
  const { packagesOf } = await import('../deploy/submit/submit.ts');
  // One that came in a package has them in it.
  const packages = placed !== null ? null : await packagesOf(conf, { show: (text) => log.info(text) });
  const application = await prepareApplication(userJar, {
    installation,
    workingFolder: process.cwd(),
    ...(packages === null ? {} : { packages }),
  });
  fence(workerUrl, log);
  await runApplication({ kind: 'ready', application, args, values, verbose: false }, installation);
}

function signalOwnGroup(): void {
  try {
    process.kill(-process.pid, 'SIGTERM');
  } catch {
    // It leads none.
  }
}

/** Just before the application begins: until then nothing computes for long, and its start takes no time from what is loaded. */
function fence(workerUrl: string, log: Logger): void {
  const lifeline = process.env[LIFELINE_VARIABLE];
  delete process.env[LIFELINE_VARIABLE];
  if (lifeline === undefined) return;
  const lastWords = `Lost connection to worker ${workerUrl}, and this program has not ended within ${FENCE_GRACE_MS} ms: killed.`;
  fenceWorker({ lifeline: Number(lifeline), graceMs: FENCE_GRACE_MS, lastWords, log });
}

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(
    `iskra: ${reportError(error, { root: installation.root, verbose: false, workingFolder: process.cwd() })}`,
  );
  process.exit(1);
});

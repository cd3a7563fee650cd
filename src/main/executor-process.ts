// The entry of an executor's process. Whoever starts it passes what it is in arguments, and secrets in the environment.
import { createStderrLogger } from '../base/stderr-logger.ts';
import { SparkConf } from '../config/spark-conf.ts';
import { EXECUTOR_USAGE, type ExecutorArguments, readExecutorArguments } from '../executor/executor-arguments.ts';
import { EXIT, ExecutorBackend } from '../executor/executor-backend.ts';
import { takeWorkerAccess, watchWorker } from '../executor/worker-watcher.ts';
import { rpcSettings } from '../rpc/rpc-settings.ts';
import { resolveSecurity, SECRET_ENVIRONMENT_VARIABLE } from '../rpc/security.ts';

function usage(message: string): never {
  process.stderr.write(`${message}\n${EXECUTOR_USAGE}`);
  process.exit(EXIT.failed);
}

function readArguments(): ExecutorArguments {
  const read = readExecutorArguments(process.argv.slice(2));
  return read.kind === 'good' ? read.args : usage(read.message);
}

function signalOwnGroup(): void {
  try {
    process.kill(-process.pid, 'SIGTERM'); // this process has a handler for it
  } catch {
    // It leads none.
  }
}

const args = readArguments();
// What has to be known before the driver can be asked for the rest.
const conf = new SparkConf(JSON.parse(process.env['ISKRA_EXECUTOR_CONF'] ?? '{}'));
const rpc = rpcSettings(conf);
const backend = new ExecutorBackend(
  {
    ...args,
    security: resolveSecurity(conf, { role: 'executor', environment: process.env, keyId: args.applicationId }),
    rpc,
    slotEntry: new URL('./task-slot.js', import.meta.url),
    environment: { ...process.env },
  },
  (code) => process.exit(code),
);
const workerSecurity = takeWorkerAccess(process.env);
// Commands that tasks run get this environment.
delete process.env[SECRET_ENVIRONMENT_VARIABLE];
// The terminal sends Ctrl-C to all of its processes; it is the driver's to say when executors end.
process.on('SIGINT', () => {});
// Spark: spark.executor.decommission.signal
process.on('SIGPWR', () => backend.decommission());
process.on('SIGTERM', () => backend.end(EXIT.terminated, 'RECEIVED SIGNAL TERM'));
let workerIsGone = false;
process.on('exit', () => {
  backend.removeFiles();
  // What tasks have started and the worker would have ended: it had given this process a group of its own.
  if (workerIsGone) signalOwnGroup();
});
process.on('uncaughtException', (error) =>
  backend.fail(EXIT.uncaughtException, `Uncaught exception in the executor: ${error.stack}`),
);
if (args.workerUrl !== null)
  watchWorker({
    workerUrl: args.workerUrl,
    security: workerSecurity,
    rpc,
    onLost: (why) => {
      workerIsGone = true;
      backend.end(EXIT.workerLost, why);
    },
    log: createStderrLogger(`Executor ${args.executorId}`),
  });
void backend.start();

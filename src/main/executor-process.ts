// The entry of an executor's process. Whoever starts it passes what it is in arguments, and secrets in the environment.
import { createStderrLogger } from '../base/stderr-logger.ts';
import { EXECUTOR_DECOMMISSION_SIGNAL } from '../config/executor-entries.ts';
import { EXECUTOR_MEMORY } from '../config/memory-entries.ts';
import { BLOCK_MANAGER_PORT } from '../config/network-entries.ts';
import { SparkConf } from '../config/spark-conf.ts';
import { EXECUTOR_USAGE, type ExecutorArguments, readExecutorArguments } from '../executor/executor-arguments.ts';
import type { ExecutorBackend } from '../executor/executor-backend.ts';
import { EXIT } from '../executor/executor-exit.ts';
import { planMemory } from '../executor/memory-plan.ts';
import { prepareSlotThread } from '../executor/slot-thread.ts';
import { takeWorkerAccess, watchWorker } from '../executor/worker-watcher.ts';
import { SPARE_ARGUMENT } from '../protocol/worker-process.ts';
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

function signalOwnGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-process.pid, signal); // this process has a handler for SIGTERM
  } catch {
    // It leads none.
  }
}

/** Also when a thread cannot be ended, for which process.exit() would wait. */
function exit(code: number, stuck: boolean): void {
  if (!stuck) process.exit(code);
  signalOwnGroup('SIGKILL');
  process.kill(process.pid, 'SIGKILL');
}

const slotEntry = new URL('../main/task-slot.js', import.meta.url);

/** Arguments and environment are those of this executor. */
function run(): void {
  const args = readArguments();
  // What has to be known before the driver can be asked for the rest.
  const conf = new SparkConf(JSON.parse(process.env['ISKRA_EXECUTOR_CONF'] ?? '{}'));
  const rpc = rpcSettings(conf);
  const security = resolveSecurity(conf, { role: 'executor', environment: process.env, keyId: args.applicationId });
  const environment = { ...process.env };
  const workerSecurity = takeWorkerAccess(process.env);
  // Commands that tasks run get this environment, and so do slots.
  delete process.env[SECRET_ENVIRONMENT_VARIABLE];
  // Assigned where the rest of this process is loaded, below.
  let backend = null as ExecutorBackend | null;
  // The terminal sends Ctrl-C to all of its processes; it is the driver's to say when executors end.
  process.on('SIGINT', () => {});
  process.on(`SIG${conf.get(EXECUTOR_DECOMMISSION_SIGNAL)}`, () => backend?.decommission());
  const end = (code: number, why: string, expected?: boolean): void => {
    if (backend !== null) backend.end(code, why, expected);
    else process.exit(code); // there is nothing yet that would have to be stopped
  };
  // Without a worker it is the driver's process that sends it, when it ends at once.
  process.on('SIGTERM', () => end(EXIT.terminated, 'RECEIVED SIGNAL TERM', args.workerUrl === null));
  let workerIsGone = false;
  process.on('exit', () => {
    backend?.removeFiles();
    // What tasks have started and the worker would have ended: it had given this process a group of its own.
    if (workerIsGone) signalOwnGroup('SIGTERM');
  });
  process.on('uncaughtException', (error) => {
    const why = `Uncaught exception in the executor: ${error.stack}`;
    if (backend === null) process.stderr.write(`${why}\n`);
    if (backend === null) process.exit(EXIT.uncaughtException);
    backend.fail(EXIT.uncaughtException, why);
  });
  if (args.workerUrl !== null) {
    watchWorker({
      workerUrl: args.workerUrl,
      security: workerSecurity,
      rpc,
      onLost: (why) => {
        workerIsGone = true;
        end(EXIT.workerLost, why);
      },
      log: createStderrLogger(`Executor ${args.executorId}`),
    });
  }
  // The first slot's thread starts while the rest of this process is loaded: both take as long.
  prepareSlotThread(slotEntry, planMemory(conf, conf.get(EXECUTOR_MEMORY), args.cores).slotHeapBytes);
  void import('../executor/executor-backend.ts').then(({ ExecutorBackend }) => {
    backend = new ExecutorBackend(
      { ...args, security, rpc, port: conf.get(BLOCK_MANAGER_PORT), slotEntry, environment },
      exit,
    );
    return backend.start();
  });
}

if (process.argv[2] !== SPARE_ARGUMENT) run();
else void import('./spare-executor.ts').then(({ waitForOrder }) => waitForOrder(slotEntry)).then(run);

// `iskra master`, `worker`, `stop`, `start-workers` and the other commands of daemons: this process's part, which is arguments, signals and exit codes.
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../base/clock.ts';
import { errorToData, IskraError } from '../base/errors.ts';
import { outlive, printTo } from '../base/standard-streams.ts';
import { createStderrLogger } from '../base/stderr-logger.ts';
import { warnOfOddKeys } from '../config/conf-warnings.ts';
import { WORKER_DECOMMISSION_SIGNAL } from '../config/deploy-entries.ts';
import { LOG_LEVEL, STRUCTURED_LOGGING_ENABLED } from '../config/logging-entries.ts';
import {
  type DaemonCommand,
  type DaemonOutcome,
  type DaemonReady,
  daemonCommand,
  daemonHelp,
  type RunningDaemon,
} from '../deploy/daemon/daemon-commands.ts';
import { DRIVER_MAIN, EXECUTOR_MAIN } from '../protocol/worker-process.ts';
import { takeEnvironmentFile } from './take-environment-file.ts';

const LOGGERS = {
  master: 'Master',
  worker: 'Worker',
  'shuffle-service': 'ExternalShuffleService',
  'history-server': 'HistoryServer',
} as const;

/** Spark: SparkExitCode.UNCAUGHT_EXCEPTION */
const UNCAUGHT_EXCEPTION = 50;
const SIGNALS = [
  ['SIGHUP', 129], // its terminal was closed
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

/** Runs one of the commands; ends the process when it has served. */
export async function runDaemonCommand(command: DaemonCommand, argv: readonly string[]): Promise<void> {
  try {
    if (!argv.includes('--help')) await takeEnvironmentFile();
    const outcome = await daemonCommand(command, argv, {
      env: process.env,
      workingFolder: process.cwd(),
      temporary: tmpdir(),
      cores: availableParallelism(),
      memory: Math.floor(machineMemory() / 1024 ** 2),
      program: process.argv[1] ?? '',
      nodePath: process.execPath,
      programs: { [EXECUTOR_MAIN]: beside('executor-process.js'), [DRIVER_MAIN]: beside('driver-process.js') },
      warn: (message) => printTo('stderr', `iskra: ${message}\n`),
      print: (line) => printTo('stdout', `${line}\n`),
      pause: (ms) => new Promise((resolve) => void systemClock.after(ms, resolve)),
    });
    if (outcome.kind === 'help') printTo('stdout', outcome.text);
    else if (outcome.kind === 'done') process.exitCode = outcome.code;
    else process.exit(await serve(outcome));
  } catch (error) {
    printTo('stderr', `iskra: ${textOf(error)}\n`);
    if (IskraError.is(error) && error.code === 'USAGE') printTo('stderr', `\n${daemonHelp(command)}`);
    process.exitCode = 1;
  }
}

/** One folder up and then down: that holds in dist/src and in dist/bundle alike. */
const beside = (name: string): string => fileURLToPath(new URL(`../main/${name}`, import.meta.url));

/** What a container may use, where it may not use the whole machine. */
function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** A message says all but for our own bugs. */
function textOf(error: unknown): string {
  return IskraError.is(error) && error.code !== 'INVARIANT' ? error.message : errorToData(error).stack;
}

/** @returns the exit code, when it has ended by itself or by a signal. */
async function serve({ of, conf, start }: Extract<DaemonOutcome, { kind: 'serve' }>): Promise<number> {
  outlive('stdout'); // metrics may be reported there
  const log = createStderrLogger(LOGGERS[of], {
    // Daemons tell their story, as Spark's do.
    level: conf.contains(LOG_LEVEL) ? conf.get(LOG_LEVEL) : 'INFO',
    format: conf.get(STRUCTURED_LOGGING_ENABLED) ? 'json' : 'text',
  });
  let running: RunningDaemon | null = null;
  let signalled: number | null = null;
  for (const [signal, code] of SIGNALS)
    process.on(signal, () => {
      if (signalled !== null) process.exit(code); // twice: at once
      signalled = code;
      log.info(`RECEIVED SIGNAL ${signal.slice('SIG'.length)}`);
      void running?.stop();
    });
  process.on('uncaughtException', (error) => {
    log.error(`Uncaught exception in the ${of}: ${errorToData(error).stack}`);
    process.exit(UNCAUGHT_EXCEPTION);
  });
  warnOfOddKeys(conf, log);
  const started = await start(log);
  running = started;
  if (started.decommission !== undefined)
    process.on(`SIG${conf.get(WORKER_DECOMMISSION_SIGNAL)}`, () => started.decommission?.());
  if (signalled !== null) void started.stop();
  else tellStarter({ type: 'Ready', url: started.url, webUiUrl: started.webUiUrl });
  const { code } = await started.finished; // the log says why
  return signalled ?? code;
}

/** The process that waits for this one to serve, if there is one. */
function tellStarter(ready: DaemonReady): void {
  if (process.send === undefined) return;
  process.send(ready, () => process.connected && process.disconnect());
}

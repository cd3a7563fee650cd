import { systemClock } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import { printTo } from '../base/standard-streams.ts';
import { createStderrLogger } from '../base/stderr-logger.ts';
import { prepareLocal } from '../cluster/local/prepare-local.ts';
import { nearest } from '../config/nearest-key.ts';
import { setSubmitDefaults } from '../config/submit-defaults.ts';
import { parseSubmitArguments, prepareSubmission, reportError, UsageError } from '../deploy/submit/submit.ts';
import { listExamples } from './examples.ts';
import { COMMANDS, helpText, isDaemonCommand, versionText } from './help.ts';
import { thisInstallation } from './installation.ts';
import { runApplication } from './run-application.ts';
import { takeEnvironmentFile } from './take-environment-file.ts';

const USAGE = 2;
const NOT_FOUND = 101;
/** Needs no settings. */
const ABOUT_ITSELF: ReadonlySet<string> = new Set(['--help', '-h', '--version']);

/** The `iskra` command. Ends the process, now or when the application has ended. */
export function runCli(argv: readonly string[]): void {
  dispatch(argv).catch((error: unknown) => {
    const verbose = argv.includes('--verbose') || argv.includes('-v');
    const { root } = thisInstallation();
    printTo('stderr', `iskra: ${reportError(error, { root, verbose, workingFolder: process.cwd() })}`);
    if (!IskraError.is(error)) process.exitCode = 1;
    else process.exitCode = error.code === 'USAGE' ? USAGE : error.code === 'APPLICATION_NOT_FOUND' ? NOT_FOUND : 1;
  });
}

async function dispatch([command, ...rest]: readonly string[]): Promise<void> {
  switch (command) {
    case 'run':
    case 'submit':
      return submit(command, rest);
    case 'example':
      return example(rest);
    case 'master':
    case 'worker':
    case 'shuffle-service':
    case 'history-server':
    case 'stop':
    case 'start-workers':
    case 'stop-workers':
    case 'decommission-worker':
    case 'start-all':
    case 'stop-all': {
      const { runDaemonCommand } = await import('./daemon.ts'); // a program that runs here needs nothing of it
      return runDaemonCommand(command, rest);
    }
    case '--version':
      return print(versionText(thisInstallation().version));
    case 'help':
    case '--help':
    case '-h':
      if (isDaemonCommand(rest[0])) return dispatch([rest[0], '--help']);
      return print(helpText(rest[0]));
    case undefined:
      process.exitCode = USAGE;
      printTo('stderr', helpText(undefined));
      return;
    default: {
      const near = nearest(command, Object.keys(COMMANDS));
      const meant = /\.[mc]?[tj]sx?$/.test(command) ? `iskra run ${command}` : near && `iskra ${near}`;
      throw new UsageError(`unknown command '${command}'${meant ? `; did you mean ${meant}?` : ''} See iskra --help`);
    }
  }
}

async function submit(command: string, argv: readonly string[]): Promise<void> {
  if (!ABOUT_ITSELF.has(argv[0] ?? '')) await takeEnvironmentFile();
  const installation = thisInstallation();
  const log = createStderrLogger('SparkSubmit');
  const prepared = await prepareSubmission(argv, {
    env: process.env,
    workingFolder: process.cwd(),
    installation,
    warn: (message) => log.warn(message),
    show: (text) => printTo('stderr', text),
    runsHere: (conf, master) => prepareLocal(conf, master, new URL('../main/task-slot.js', import.meta.url)),
  });
  switch (prepared.kind) {
    case 'help':
      return print(helpText(command));
    case 'version':
      return print(versionText(installation.version));
    case 'usage-error':
      process.exitCode = USAGE;
      printTo('stderr', helpText(command));
      return;
    case 'submit':
    case 'kill':
    case 'status': {
      const { runClusterCommand } = await import('../deploy/submit/cluster-submit.ts'); // nothing that runs here needs it
      process.exitCode = await runClusterCommand(prepared, {
        env: process.env,
        clock: systemClock,
        log,
        print: (line) => print(`${line}\n`),
      });
      return;
    }
    case 'ready':
      setSubmitDefaults(prepared.values);
      return runApplication(prepared, installation);
  }
}

/** `iskra example`: an application by name. Options come before the name, as before an application. */
async function example(argv: readonly string[]): Promise<void> {
  const examples = listExamples(thisInstallation().root);
  if (argv.length === 0) return print(examples.map(({ name, about }) => `${name.padEnd(14)}  ${about}\n`).join(''));
  const request = parseSubmitArguments(argv);
  if (request.kind !== 'run') return submit('example', argv);
  const names = examples.map(({ name }) => name);
  const chosen = examples.find(({ name }) => name === request.application);
  if (chosen) {
    const options = argv.slice(0, argv.length - request.args.length - 1);
    return submit('example', [...options, chosen.file, ...request.args]);
  }
  const near = nearest(request.application, names);
  throw new UsageError(
    `there is no example '${request.application}'${near === undefined ? '' : `; did you mean ${near}?`} There are: ${names.join(', ')}`,
  );
}

function print(text: string): void {
  printTo('stdout', text);
}

// The command lines of daemons, as text: which options there are, and what was given.
import { nearest } from '../../config/nearest-key.ts';
import { UsageError } from '../submit/submit-arguments.ts';

export interface DaemonOption {
  readonly name: string;
  readonly short?: string;
  /** How the help calls its value; absent: it has none. */
  readonly value?: string;
  /** May be given many times. */
  readonly many?: boolean;
  readonly help: string;
  /** Left out of the help. */
  readonly hidden?: boolean;
}

/** What can run as a daemon. */
export type DaemonClass = 'master' | 'worker' | 'shuffle-service' | 'history-server';
export type DaemonCommand =
  | DaemonClass
  | 'stop'
  | 'start-workers'
  | 'stop-workers'
  | 'decommission-worker'
  | 'start-all'
  | 'stop-all';

const PROPERTIES: readonly DaemonOption[] = [
  { name: '--properties-file', value: 'FILE', help: 'settings from a file, instead of conf/spark-defaults.conf' },
  { name: '--conf', value: 'KEY=VALUE', many: true, help: 'any setting; may be given many times' },
];
const HELP: DaemonOption = { name: '--help', help: 'show this help' };
const INSTANCE: DaemonOption = {
  name: '--instance',
  value: 'N',
  help: 'which of several on this machine it is, for pid and log files (default: 1)',
};

const HERE: DaemonOption = {
  name: '--here',
  value: 'N',
  help: 'this machine only, as if conf/workers named it N times',
};

const webUiPort = (of: DaemonClass): readonly DaemonOption[] => {
  if (of === 'shuffle-service') return []; // it has no pages
  if (of === 'history-server') return [{ name: '--webui-port', value: 'PORT', help: 'the same', hidden: true }];
  const help = `the port of its pages (default: ${of === 'master' ? 8080 : 8081})`;
  return [{ name: '--webui-port', value: 'PORT', help }];
};

const daemon = (of: DaemonClass, port: string, own: readonly DaemonOption[]): readonly DaemonOption[] => [
  { name: '--host', short: '-h', value: 'HOST', help: `the name or address by which others reach this ${of}` },
  { name: '--ip', short: '-i', value: 'HOST', help: 'the same; older name', hidden: true },
  { name: '--bind-address', value: 'ADDRESS', help: 'where it listens, when that is another than --host' },
  { name: '--port', short: '-p', value: 'PORT', help: `its port (default: ${port})` },
  ...webUiPort(of),
  ...own,
  ...PROPERTIES,
  { name: '--daemon', help: 'run in the background, with a pid file and a log file' },
  INSTANCE,
  HELP,
];

const DAEMON_OPTIONS: Readonly<Record<DaemonCommand, readonly DaemonOption[]>> = {
  master: daemon('master', '7077', []),
  worker: daemon('worker', 'any free one', [
    { name: '--cores', short: '-c', value: 'CORES', help: 'how many cores to give away (default: all)' },
    { name: '--memory', short: '-m', value: 'MEM', help: 'how much memory, 1000M or 2G (default: all but 1 GiB)' },
    { name: '--work-dir', short: '-d', value: 'DIR', help: 'where applications run (default: work)' },
  ]),
  'shuffle-service': daemon('shuffle-service', '7337', []),
  'history-server': daemon('history-server', '18080', [
    {
      name: '--dir',
      short: '-d',
      value: 'DIR',
      help: 'where the event logs are (default: spark.history.fs.logDirectory)',
    },
  ]),
  stop: [{ ...INSTANCE, help: 'which of several (default: all of them)' }, HELP],
  'start-workers': [HERE, ...PROPERTIES, HELP],
  'stop-workers': [HERE, HELP],
  'decommission-worker': [
    { ...INSTANCE, help: 'which of several (default: all of them)' },
    {
      name: '--block-until-exit',
      help: 'wait until they have ended, which is for you to do when the master has them without executors',
    },
    ...PROPERTIES,
    HELP,
  ],
  'start-all': [...PROPERTIES, HELP],
  'stop-all': [HELP],
};

/** What was given, by the long names of options. */
export interface GivenOptions {
  /** The last value of each; '' for one without. */
  readonly values: ReadonlyMap<string, string>;
  /** All values of `--conf`. */
  readonly conf: readonly string[];
  /** What is no option, in order. */
  readonly rest: readonly string[];
}

/** @throws UsageError for unknown options and missing values. */
export function parseDaemonOptions(command: DaemonCommand, argv: readonly string[]): GivenOptions {
  const options = DAEMON_OPTIONS[command];
  const values = new Map<string, string>();
  const conf: string[] = [];
  const rest: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at] as string; // at is below the length
    if (!arg.startsWith('-') || arg === '-') {
      rest.push(arg);
      continue;
    }
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1;
    const given = equals < 0 ? arg : arg.slice(0, equals);
    const attached = equals < 0 ? undefined : arg.slice(equals + 1);
    const option = options.find(({ name, short }) => name === given || short === given);
    if (option === undefined) {
      const near = nearest(
        given,
        options.map(({ name }) => name),
      );
      throw new UsageError(`Unrecognized option '${given}'${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    if (option.value === undefined && attached !== undefined)
      throw new UsageError(`${option.name} takes no value, but was given '${attached}'`);
    const value = option.value === undefined ? '' : (attached ?? argv[++at]);
    if (value === undefined) throw new UsageError(`Missing argument for option '${given}': give ${option.value}`);
    if (option.name === '--conf') conf.push(value);
    else values.set(option.name, value);
  }
  return { values, conf, rest };
}

/** The options as lines of a help text. */
export function daemonOptionLines(command: DaemonCommand): string {
  const shown = DAEMON_OPTIONS[command].filter(({ hidden }) => hidden !== true);
  const left = shown.map(({ name, short, value }) => `${short ? `${short}, ` : ''}${name}${value ? ` ${value}` : ''}`);
  const width = Math.max(...left.map((text) => text.length));
  return shown.map(({ help }, i) => `  ${(left[i] ?? '').padEnd(width)}  ${help}`).join('\n');
}

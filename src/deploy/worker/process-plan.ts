import { IskraError } from '../../base/errors.ts';
import { REDACTED } from '../../base/redaction.ts';
import type { Command } from '../../protocol/deploy-description.ts';
import { DRIVER_MAIN, EXECUTOR_MAIN } from '../../protocol/worker-process.ts';
import type { WorkerSettings } from './worker-settings.ts';

/** Where a process has its secret from. */
export type ProcessSecret =
  /** It gets the cluster's: it has to speak to masters. */
  | { readonly kind: 'cluster' }
  /** It gets that of its application. @see applicationSecret */
  | { readonly kind: 'application'; readonly salt: string }
  /** From its command, if at all. */
  | { readonly kind: 'command' };

/** A process to start: `node` with these arguments. */
export interface ProcessPlan {
  readonly args: readonly string[];
  /** What a process that waits already is to be told instead: its arguments; null: it has to be a new one. */
  readonly toSpare: readonly string[] | null;
  /** Set over the worker's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it proves with who it is; nothing where the cluster has no secret. */
  readonly secret: ProcessSecret;
  /** It is told of the worker's end by a descriptor as well; see `LIFELINE_VARIABLE`. */
  readonly lifeline: boolean;
  /** Where it runs, and where its `stdout` and `stderr` go, as files of these names. */
  readonly directory: string;
  /** What the file `stderr` begins with. */
  readonly stderrHeader: string;
}

/** Variables that Node, its libraries and the loader look at when a process starts, and not again. */
const READ_AT_START =
  /^(NODE_(?!ENV$)|UV_|V8_|LD_|DYLD_|MALLOC_|GLIBC_|ICU_|OPENSSL_|SSL_CERT_|LC_|LANG(UAGE)?$|TZ(DIR)?$)/;

/**
 * The process that a command stands for; `secret` is the caller's to say.
 *
 * @param values what stands for `{{NAME}}` in its arguments.
 * @throws IskraError when this installation has no such program.
 */
export function planProcess(
  command: Command,
  values: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>>,
  directory: string,
  title: string,
  settings: WorkerSettings,
): Omit<ProcessPlan, 'secret'> {
  const { programs, redaction } = settings;
  const program = Object.hasOwn(programs, command.mainClass) ? programs[command.mainClass] : undefined;
  if (program === undefined)
    throw new IskraError(
      'PROGRAM_NOT_FOUND',
      `Cannot run program ${JSON.stringify(command.mainClass)}: this worker has ${Object.keys(programs).join(', ')}`,
      { details: { mainClass: command.mainClass } },
    );
  const given = command.arguments.map((argument) => substitute(argument, values));
  const args = [...command.nodeOptions, program, ...given];
  const shown = ['node', ...args].map((argument) => `"${redactArgument(argument, redaction)}"`).join(' ');
  const whole = { ...command.environment, ...environment };
  return {
    args,
    toSpare: command.mainClass === EXECUTOR_MAIN && fitsSpare(command, given, whole) ? given : null,
    environment: whole,
    // Functions of an application run in threads of an executor, but in the main thread of a driver.
    lifeline: command.mainClass === DRIVER_MAIN,
    directory,
    stderrHeader: `${title}: ${shown}\n${'='.repeat(40)}\n\n`,
  };
}

/** Far below what systems start a process with. */
const MOST_CHARACTERS: number = 1 << 16;

/** What a process cannot be started with is not for a spare either: then it fails as it does without. */
function fitsSpare(command: Command, given: readonly string[], environment: Readonly<Record<string, string>>): boolean {
  if (command.nodeOptions.length > 0 || Object.keys(command.environment).some((name) => READ_AT_START.test(name)))
    return false;
  const names = Object.keys(environment);
  const all = [...given, ...names, ...Object.values(environment)].join('');
  return (
    all.length <= MOST_CHARACTERS && !all.includes('\0') && !names.some((name) => name === '' || name.includes('='))
  );
}

/** Puts values in place of `{{NAME}}`; a name that nobody knows stays. Spark: ExecutorRunner.substituteVariables */
export function substitute(argument: string, values: Readonly<Record<string, string>>): string {
  return argument.replace(/\{\{(\w+)\}\}/g, (place, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? place) : place,
  );
}

/** `key=value` whose key is one of a secret. Spark: Utils.redactCommandLineArgs */
function redactArgument(argument: string, redaction: RegExp): string {
  const match = /^([^=]+)=/.exec(argument);
  return match?.[1] !== undefined && redaction.test(match[1]) ? `${match[1]}=${REDACTED}` : argument;
}

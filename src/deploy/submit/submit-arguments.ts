import { IskraError } from '../../base/errors.ts';
import { nearest } from '../../config/nearest-key.ts';
import { AUTHENTICATE_SECRET } from '../../config/network-entries.ts';
import { SUBMIT_OPTIONS, type SubmitOption } from './submit-options.ts';

/** The command line cannot be understood; nothing was done. Exit code 2. */
export class UsageError extends IskraError {
  override readonly name = 'UsageError';
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** What options say, whatever is asked for. */
export interface GivenSettings {
  /** From options and `--conf`. */
  readonly values: Readonly<Record<string, string>>;
  readonly propertiesFile: string | undefined;
  readonly loadDefaults: boolean;
  readonly verbose: boolean;
  readonly warnings: readonly string[];
}

/** An application is to be run, here or in a cluster. */
export interface RunRequest extends GivenSettings {
  readonly kind: 'run';
  readonly application: string;
  /** Everything behind the application, as it was given. */
  readonly args: readonly string[];
}

/** A driver in a cluster is to be ended, or told of. */
export interface DriverActionRequest extends GivenSettings {
  readonly kind: 'kill' | 'status';
  readonly driverId: string;
}

/** Something else was asked for. */
export interface OtherRequest {
  readonly kind: 'help' | 'version' | 'usage-error';
}

/**
 * Reads Spark's options: `--name value`, `--name=value` or `-c value`. The first that is no option is the application.
 *
 * @throws UsageError for unknown options, missing values and values that no mode could use. Spark: SparkSubmitArguments
 */
export function parseSubmitArguments(argv: readonly string[]): RunRequest | DriverActionRequest | OtherRequest {
  const byOption = new Map<string, string>();
  const byConf = new Map<string, string>();
  const own = new Map<string, string>();
  const warnings: string[] = [];
  const actions = new Map<'kill' | 'status', string>();
  let at = 0;
  for (; at < argv.length; at++) {
    const arg = argv[at] as string; // at is below the length
    if (!arg.startsWith('-') || arg === '-') break;
    const [name, attached] = splitOption(arg);
    const option = findOption(name);
    if (option.value === undefined && attached !== undefined) {
      throw new UsageError(`${option.name} takes no value, but was given '${attached}'`);
    }
    const value = option.value === undefined ? '' : (attached ?? argv[++at]);
    if (value === undefined) throw new UsageError(`Missing argument for option '${name}': give ${option.value}`);
    switch (option.effect.kind) {
      case 'conf':
        byOption.set(option.effect.key, value);
        break;
      case 'unused':
        warnings.push(`${option.name} is ignored: ${option.effect.why}`);
        break;
      case 'flag':
        byOption.set(option.effect.key, 'true');
        break;
      case 'action':
        if (value.trim() === '')
          throw new UsageError(`${option.name} needs the id of a driver, as submitting printed it`);
        actions.set(option.effect.action, value);
        break;
      case 'own':
        if (option.name === '--help') return { kind: 'help' };
        if (option.name === '--version') return { kind: 'version' };
        if (option.name === '--usage-error') return { kind: 'usage-error' };
        if (option.name === '--conf') addConf(value, byConf, warnings);
        else own.set(option.name, value);
    }
  }
  if (actions.size > 1) {
    throw new UsageError(`Action cannot be both ${[...actions.keys()].map((name) => `--${name}`).join(' and ')}`);
  }
  const given: GivenSettings = {
    // An option wins over --conf for the same key, whatever their order.
    values: Object.fromEntries([...byConf, ...byOption]),
    propertiesFile: own.get('--properties-file'),
    loadDefaults: own.has('--load-spark-defaults'),
    verbose: own.has('--verbose'),
    warnings,
  };
  const mode = given.values['spark.submit.deployMode'];
  if (mode !== undefined && mode !== 'client' && mode !== 'cluster') {
    throw new UsageError(`--deploy-mode must be either "client" or "cluster", but was '${mode}'`);
  }
  for (const [kind, driverId] of actions) return { kind, driverId, ...given };
  const application = argv[at];
  if (application === undefined) throw new UsageError('Missing application: give a TypeScript or JavaScript file');
  return { kind: 'run', application, args: argv.slice(at + 1), ...given };
}

function splitOption(arg: string): [string, string | undefined] {
  const at = arg.startsWith('--') ? arg.indexOf('=') : -1;
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function findOption(name: string): SubmitOption {
  const option = SUBMIT_OPTIONS.find((candidate) => candidate.name === name || candidate.short === name);
  if (option) return option;
  const near = nearest(
    name,
    SUBMIT_OPTIONS.map((candidate) => candidate.name),
  );
  throw new UsageError(`Unrecognized option '${name}'${near === undefined ? '' : `; did you mean ${near}?`}`);
}

function addConf(text: string, into: Map<string, string>, warnings: string[]): void {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`Spark config without '=': ${text}; give --conf KEY=VALUE`);
  const key = text.slice(0, at).trim();
  refuseSecret(key);
  if (key.startsWith('spark.')) into.set(key, text.slice(at + 1).trim());
  else warnings.push(`Ignoring non-Spark config property: ${key}`);
}

/** @throws UsageError for a setting that must not be among arguments. */
export function refuseSecret(key: string): void {
  if (key !== AUTHENTICATE_SECRET.key) return;
  throw new UsageError(
    `${key} is not taken from arguments, which others on this machine can read: put it into a file and name that by spark.authenticate.secret.file, or into the environment as _SPARK_AUTH_SECRET`,
  );
}

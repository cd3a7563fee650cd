/** What an option of `iskra submit` does. */
export type OptionEffect =
  /** Sets a key, below what the program sets and above the defaults file. */
  | { readonly kind: 'conf'; readonly key: string }
  /** Known from Spark, without effect here; using it warns. */
  | { readonly kind: 'unused'; readonly why: string }
  /** Has no value, and sets a key to true. */
  | { readonly kind: 'flag'; readonly key: string }
  /** Asks a cluster about a driver, or to end it, in place of running anything. */
  | { readonly kind: 'action'; readonly action: 'kill' | 'status' }
  /** Read by the parser itself. */
  | { readonly kind: 'own' };

export interface SubmitOption {
  readonly name: string;
  readonly short?: string;
  /** How the help calls its value; absent: it has none. */
  readonly value?: string;
  readonly effect: OptionEffect;
  readonly help: string;
  /** Left out of the help: it does nothing here. */
  readonly hidden?: boolean;
}

const conf = (name: string, value: string, key: string, help: string): SubmitOption => ({
  name,
  value,
  effect: { kind: 'conf', key },
  help,
});
const unused = (name: string, value: string | undefined, why: string): SubmitOption => ({
  name,
  ...(value !== undefined && { value }),
  effect: { kind: 'unused', why },
  help: why,
  hidden: true,
});
const action = (name: string, of: 'kill' | 'status', help: string): SubmitOption => ({
  name,
  value: 'ID',
  effect: { kind: 'action', action: of },
  help,
});
const own = (name: string, help: string, more: Partial<SubmitOption> = {}): SubmitOption => ({
  name,
  effect: { kind: 'own' },
  help,
  ...more,
});

const BY_NPM = 'npm decides which packages others need';
const NO_JVM = 'there is no JVM';
const NO_KERBEROS = 'there is no Kerberos in this build';

/** Spark's options, in the order of its help. */
export const SUBMIT_OPTIONS: readonly SubmitOption[] = [
  conf(
    '--master',
    'URL',
    'spark.master',
    'local, local[N], local[*], local[N,F], spark://HOST:PORT[,HOST:PORT] (default: local[*])',
  ),
  conf(
    '--deploy-mode',
    'MODE',
    'spark.submit.deployMode',
    'client: the driver runs in this process (default); cluster: on a worker of spark://…',
  ),
  conf('--name', 'NAME', 'spark.app.name', "the application's name (default: its file's)"),
  own('--conf', 'any setting; may be given many times', { short: '-c', value: 'KEY=VALUE' }),
  own('--properties-file', 'settings from a file, instead of conf/spark-defaults.conf', { value: 'FILE' }),
  own('--load-spark-defaults', 'read conf/spark-defaults.conf as well, below --properties-file'),
  conf(
    '--driver-memory',
    'MEM',
    'spark.driver.memory',
    'what slots and cached blocks share, 512m or 2g; in cluster mode the heap of the driver',
  ),
  conf('--executor-memory', 'MEM', 'spark.executor.memory', 'the memory of an executor, on a cluster'),
  conf('--executor-cores', 'NUM', 'spark.executor.cores', 'the slots of an executor, on a cluster'),
  conf('--total-executor-cores', 'NUM', 'spark.cores.max', 'the slots of all executors together, on a cluster'),
  conf('--num-executors', 'NUM', 'spark.executor.instances', 'how many executors to start, on a cluster'),
  conf('--driver-cores', 'NUM', 'spark.driver.cores', 'the cores that the driver takes in cluster mode (default: 1)'),
  conf(
    '--files',
    'FILES',
    'spark.files',
    'files for tasks, with commas between them; found by SparkFiles.get(name); in cluster mode they travel along',
  ),
  conf(
    '--archives',
    'FILES',
    'spark.archives',
    'the same, unpacked: zip, jar, tar, tar.gz, tgz; FILE#NAME chooses the name',
  ),
  conf(
    '--packages',
    'NAMES',
    'spark.jars.packages',
    'npm packages for the application, NAME@VERSION with commas between them; installed once',
  ),
  conf('--repositories', 'URL', 'spark.jars.repositories', "the registry for --packages (default: npm's)"),
  conf('--queue', 'NAME', 'spark.yarn.queue', "YARN's queue"),
  {
    name: '--supervise',
    effect: { kind: 'flag', key: 'spark.driver.supervise' },
    help: 'starts the driver again when it fails, in cluster mode',
  },
  action('--kill', 'kill', 'ends a driver that was submitted in cluster mode'),
  action('--status', 'status', 'tells the state of a driver that was submitted in cluster mode'),
  own('--verbose', 'show settings before, and whole stacks on errors', { short: '-v' }),
  own('--help', 'show this help', { short: '-h' }),
  own('--version', 'show the version'),
  own('--usage-error', 'show this help and fail', { hidden: true }),
  unused('--class', 'NAME', 'an application is a module that exports main, or a script'),
  unused('--jars', 'FILES', NO_JVM),
  unused('--py-files', 'FILES', 'there is no Python'),
  unused('--exclude-packages', 'NAMES', BY_NPM),
  unused('--driver-java-options', 'OPTIONS', `${NO_JVM}; set NODE_OPTIONS`),
  unused('--driver-library-path', 'PATH', NO_JVM),
  unused('--driver-class-path', 'PATH', NO_JVM),
  unused('--proxy-user', 'NAME', NO_KERBEROS),
  unused('--principal', 'NAME', NO_KERBEROS),
  unused('--keytab', 'FILE', NO_KERBEROS),
];

/** The options as lines of a help text. */
export function optionLines(): string {
  const shown = SUBMIT_OPTIONS.filter((option) => !option.hidden);
  const left = shown.map(({ name, short, value }) => `${short ? `${short}, ` : ''}${name}${value ? ` ${value}` : ''}`);
  const width = Math.max(...left.map((text) => text.length));
  return shown.map(({ help }, i) => `  ${(left[i] ?? '').padEnd(width)}  ${help}`).join('\n');
}

import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { redactPairs } from '../../base/redaction.ts';
import { type Environment, findConfFile } from '../../config/conf-file.ts';
import { MASTER } from '../../config/core-entries.ts';
import { REDACTION_REGEX } from '../../config/logging-entries.ts';
import { parseMasterUrl } from '../../config/master-url.ts';
import { METRICS_CONF, METRICS_FILE } from '../../config/metrics-entries.ts';
import { JARS_PACKAGES, JARS_REPOSITORIES } from '../../config/package-entries.ts';
import { SparkConf } from '../../config/spark-conf.ts';
import { SUBMIT_DEPLOY_MODE } from '../../config/submit-entries.ts';
import { type Installation, type PreparedApplication, prepareApplication } from './app-loader.ts';
import { filesOf, patternsOf } from './files-of-driver.ts';
import { likelyMaster } from './likely-master.ts';
import { findDefaultsFile, readProperties, withEnvironment } from './spark-defaults.ts';
import {
  type DriverActionRequest,
  type GivenSettings,
  type OtherRequest,
  parseSubmitArguments,
  type RunRequest,
  UsageError,
} from './submit-arguments.ts';

export type { Environment } from '../../config/conf-file.ts';
// The door of this folder.
export type { Installation } from './app-loader.ts';
export { type ReportOptions, reportError } from './report-error.ts';
export { parseSubmitArguments, UsageError } from './submit-arguments.ts';
export { optionLines } from './submit-options.ts';

/** What `submit` needs from the process it runs in. */
export interface SubmitHost {
  readonly env: Environment;
  readonly workingFolder: string;
  readonly installation: Installation;
  warn(message: string): void;
  /** Lines for somebody who asked for them with `--verbose`. */
  show(text: string): void;
  /**
   * Called first of all when the application is to run in this process: what it will need can be started meanwhile.
   *
   * @param master the one it is likely to have.
   */
  runsHere?(conf: SparkConf, master: string | undefined): void;
}

/** An application with all that is needed to run it. */
export interface Submission {
  readonly kind: 'ready';
  readonly application: PreparedApplication;
  readonly args: readonly string[];
  /** Settings for contexts that the application creates. */
  readonly values: Readonly<Record<string, string>>;
  readonly verbose: boolean;
}

/** Something that a standalone cluster is to do. */
export type ClusterCommand = {
  readonly values: Readonly<Record<string, string>>;
  /** `host:port` of each master. */
  readonly masters: readonly string[];
} & (
  | {
      readonly kind: 'submit';
      /** As it was named: a path, or a URL that workers are given as it is. */
      readonly name: string;
      /** null: it is not here to be looked at. */
      readonly application: PreparedApplication | null;
      readonly args: readonly string[];
    }
  | { readonly kind: 'kill' | 'status'; readonly driverId: string }
);

/**
 * Turns a command line of `iskra submit` into an application that is ready to run here, or to be sent to a cluster.
 *
 * @throws UsageError, or an IskraError that says why the application cannot be run: also before anything is sent.
 */
export async function prepareSubmission(
  argv: readonly string[],
  host: SubmitHost,
): Promise<Submission | ClusterCommand | OtherRequest> {
  const request = parseSubmitArguments(argv);
  switch (request.kind) {
    case 'run':
    case 'kill':
    case 'status':
      break;
    default:
      return request;
  }
  for (const warning of request.warnings) host.warn(warning);
  const values = await settingsOf(request, host);
  if (request.kind !== 'run') {
    return { kind: request.kind, driverId: request.driverId, values, masters: mastersOf(checked(values), request) };
  }
  const conf = checked(values);
  if (request.verbose) host.show(describe(request, conf));
  const inCluster = conf.get(SUBMIT_DEPLOY_MODE) === 'cluster';
  const metricsFile = inCluster ? undefined : findConfFile(host.env, host.workingFolder, METRICS_FILE);
  if (metricsFile !== undefined) values[METRICS_CONF.key] ??= metricsFile;
  if (!inCluster) host.runsHere?.(conf, likelyMaster(conf, request, host.workingFolder));
  const masters = inCluster ? mastersOf(conf, request) : [];
  const isElsewhere = inCluster && /^(?!file:)[a-z][a-z0-9+.-]+:/i.test(request.application);
  const packages = isElsewhere ? null : await packagesOf(conf, host);
  const application = isElsewhere
    ? null
    : await prepareApplication(inCluster ? localPath(request.application) : request.application, {
        installation: host.installation,
        workingFolder: host.workingFolder,
        ...(packages === null ? {} : { packages }),
      });
  const { args, verbose } = request;
  if (inCluster) {
    const settings = { ...values, ...(await filesOf(conf, host.workingFolder, isElsewhere)) };
    return { kind: 'submit', name: request.application, application, args, values: settings, masters };
  }
  const settings = { ...values, ...(await patternsOf(conf, host.workingFolder)) };
  // isElsewhere is false
  return { kind: 'ready', application: application as PreparedApplication, args, values: settings, verbose };
}

/** @throws UsageError with Spark's words when the master is no standalone cluster. */
function mastersOf(conf: SparkConf, request: RunRequest | DriverActionRequest): readonly string[] {
  const text = conf.get(MASTER) ?? '';
  const master = parseMasterUrl(text);
  if (master.kind === 'standalone') return master.masters.map((url) => url.slice('spark://'.length));
  const form = 'give --master spark://HOST:PORT';
  switch (request.kind) {
    case 'kill':
      throw new UsageError(
        `Killing submissions is only supported in standalone mode, but the master is ${text}: ${form}`,
      );
    case 'status':
      throw new UsageError(
        `Requesting submission statuses is only supported in standalone mode, but the master is ${text}: ${form}`,
      );
    default:
      throw new UsageError(`Cluster deploy mode is not compatible with master "${text}": ${form}`);
  }
}

/** A `file:` URL as a path. @throws UsageError when it is of another machine. */
function localPath(name: string): string {
  if (!/^file:/i.test(name)) return name;
  try {
    return fileURLToPath(name);
  } catch {
    throw new UsageError(`${name} is not the URL of a file here: write file:///path`);
  }
}

/** The folder of `--packages`; null: none are wanted. */
export async function packagesOf(conf: SparkConf, host: Pick<SubmitHost, 'show'>): Promise<string | null> {
  const specs = conf.get(JARS_PACKAGES);
  if (specs.length === 0) return null;
  const { installPackages } = await import('./install-packages.ts');
  const registry = conf.get(JARS_REPOSITORIES);
  return installPackages(specs, {
    ...(registry === undefined ? {} : { registry }),
    tell: (message) => host.show(`iskra: ${message}\n`),
  });
}

/** What says it when no option and no file does. Spark: SparkSubmitArguments.loadEnvironmentArguments */
const VARIABLES: readonly (readonly [key: string, ...names: readonly string[]])[] = [
  ['spark.master', 'MASTER'],
  ['spark.submit.deployMode', 'DEPLOY_MODE'],
  ['spark.driver.memory', 'ISKRA_DRIVER_MEMORY', 'SPARK_DRIVER_MEMORY'],
  ['spark.executor.memory', 'ISKRA_EXECUTOR_MEMORY', 'SPARK_EXECUTOR_MEMORY'],
  ['spark.executor.cores', 'ISKRA_EXECUTOR_CORES', 'SPARK_EXECUTOR_CORES'],
];

/** Options over the properties file over the defaults over the environment. */
async function settingsOf(
  request: RunRequest | DriverActionRequest,
  host: SubmitHost,
): Promise<Record<string, string>> {
  const { propertiesFile, loadDefaults }: GivenSettings = request;
  const files: string[] = [];
  if (propertiesFile === undefined || loadDefaults) {
    const defaults = findDefaultsFile(host.env, host.workingFolder);
    if (defaults !== undefined) files.push(defaults);
  }
  if (propertiesFile !== undefined) files.push(resolve(host.workingFolder, propertiesFile));
  const values: Record<string, string> = {
    'spark.master': 'local[*]',
    ...(request.kind === 'run' && { 'spark.app.name': basename(request.application) }),
  };
  for (const [key, ...names] of VARIABLES) {
    const value = names.map((name) => host.env[name]).find((text) => text);
    if (value !== undefined) values[key] = value;
  }
  for (const file of files) {
    const read = await readProperties(file, host.env);
    for (const warning of read.warnings) host.warn(warning);
    Object.assign(values, read.values);
  }
  for (const [key, value] of Object.entries(request.values)) values[key] = withEnvironment(value, host.env);
  return values;
}

/** A bad value is found before the application starts, and is the command line's fault. */
function checked(values: Readonly<Record<string, string>>): SparkConf {
  const conf = new SparkConf(values);
  try {
    conf.checkAll();
    const master = conf.get(MASTER);
    if (master !== undefined) parseMasterUrl(master);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  return conf;
}

function describe(request: RunRequest, conf: SparkConf): string {
  const lines = redactPairs(conf.get(REDACTION_REGEX), conf.getAll()).map(([key, value]) => `  ${key} = ${value}`);
  return `Application ${request.application} ${JSON.stringify(request.args)}\nSettings:\n${lines.join('\n')}\n`;
}

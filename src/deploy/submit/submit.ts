import { basename, resolve } from 'node:path';
import { redactPairs } from '../../base/redaction.ts';
import { MASTER } from '../../config/core-entries.ts';
import { REDACTION_REGEX } from '../../config/logging-entries.ts';
import { parseMasterUrl } from '../../config/master-url.ts';
import { SparkConf } from '../../config/spark-conf.ts';
import { type Installation, type PreparedApplication, prepareApplication } from './app-loader.ts';
import { type Environment, findDefaultsFile, readProperties, withEnvironment } from './spark-defaults.ts';
import { type OtherRequest, parseSubmitArguments, type RunRequest, UsageError } from './submit-arguments.ts';

// The door of this folder.
export type { Installation } from './app-loader.ts';
export { type ReportOptions, reportError } from './report-error.ts';
export type { Environment } from './spark-defaults.ts';
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

/**
 * Turns a command line of `iskra submit` into an application that is ready to run here.
 *
 * @throws UsageError, or an IskraError that says why the application cannot be run.
 */
export async function prepareSubmission(argv: readonly string[], host: SubmitHost): Promise<Submission | OtherRequest> {
  const request = parseSubmitArguments(argv);
  if (request.kind !== 'run') return request;
  for (const warning of request.warnings) host.warn(warning);
  const values = await settingsOf(request, host);
  if (values['spark.submit.deployMode'] === 'cluster') {
    return { kind: 'cluster-only', option: 'spark.submit.deployMode=cluster' };
  }
  const conf = checked(values);
  if (request.verbose) host.show(describe(request, conf));
  const application = await prepareApplication(request.application, {
    installation: host.installation,
    workingFolder: host.workingFolder,
  });
  return { kind: 'ready', application, args: request.args, values, verbose: request.verbose };
}

/** Options over the properties file over the defaults. */
async function settingsOf(request: RunRequest, host: SubmitHost): Promise<Record<string, string>> {
  const { propertiesFile, loadDefaults } = request;
  const files: string[] = [];
  if (propertiesFile === undefined || loadDefaults) {
    const defaults = findDefaultsFile(host.env, host.workingFolder);
    if (defaults !== undefined) files.push(defaults);
  }
  if (propertiesFile !== undefined) files.push(resolve(host.workingFolder, propertiesFile));
  const values: Record<string, string> = {
    'spark.master': 'local[*]',
    'spark.app.name': basename(request.application),
  };
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

// What a submission comes to: the driver as a master gets it, whichever way it was submitted.
import { IllegalArgumentError } from '../../base/errors.ts';
import { DRIVER_MEMORY } from '../../config/memory-entries.ts';
import { SparkConf } from '../../config/spark-conf.ts';
import { DRIVER_CORES, DRIVER_SUPERVISE } from '../../config/submit-entries.ts';
import type { DriverDescription } from '../../protocol/deploy-description.ts';
import { DRIVER_CONF_VARIABLE, DRIVER_MAIN } from '../../protocol/worker-process.ts';

export interface DriverRequest {
  readonly appResource: string;
  /** What pages call the program: `job.ts`. */
  readonly mainClass: string;
  readonly args: readonly string[];
  /** `spark.…` settings by key. */
  readonly properties: Readonly<Record<string, string>>;
  /** Of the submitter: `submitterEnvironment` has filtered it. */
  readonly environment: Readonly<Record<string, string>>;
}

const MIB: number = 1024 ** 2;
/** Linux takes 128 KiB for one variable, with its name. */
const MAX_CONF_BYTES: number = 120 * 1024;
/** Settings that hold for the submitter's machine and process only. */
const OF_THE_SUBMITTER = ['spark.driver.host', 'spark.driver.bindAddress'];
/** Its worker gives it the secret. */
const SECRETS: RegExp = /^spark\.authenticate\.secret(\.|$)/;

/**
 * @throws IllegalArgumentError for a setting of the driver that cannot be, and for more settings than a process can be given.
 *
 * Spark: StandaloneRestServer.buildDriverDescription, ClientEndpoint.onStart
 */
export function describeDriver(request: DriverRequest): DriverDescription {
  const properties = Object.fromEntries(
    Object.entries(request.properties).filter(([key]) => !OF_THE_SUBMITTER.includes(key) && !SECRETS.test(key)),
  );
  const conf = new SparkConf(properties);
  const memory = Math.floor(conf.get(DRIVER_MEMORY) / MIB);
  const settings = JSON.stringify(properties);
  if (Buffer.byteLength(settings) > MAX_CONF_BYTES) {
    throw new IllegalArgumentError(
      `the settings are ${Buffer.byteLength(settings)} bytes, and a driver in the cluster can be given ${MAX_CONF_BYTES}: put what is large into a file`,
    );
  }
  return {
    appResource: request.appResource,
    memory,
    cores: conf.get(DRIVER_CORES),
    supervise: conf.get(DRIVER_SUPERVISE),
    command: {
      mainClass: DRIVER_MAIN,
      arguments: ['{{WORKER_URL}}', '{{USER_JAR}}', request.mainClass, ...request.args],
      environment: { ...request.environment, [DRIVER_CONF_VARIABLE]: settings },
      nodeOptions: [`--max-old-space-size=${memory}`],
    },
    resources: driverResources(conf),
  };
}

/** `spark.driver.resource.gpu.amount=1` */
function driverResources(conf: SparkConf): Record<string, number> {
  const resources: Record<string, number> = {};
  for (const [key, value] of conf.getAll()) {
    const name = /^spark\.driver\.resource\.([^.]+)\.amount$/.exec(key)?.[1];
    if (name === undefined) continue;
    if (!/^\d{1,9}$/.test(value)) {
      throw new IllegalArgumentError(`${key} should be int, but was ${value}: give a whole number, such as 1`);
    }
    if (Number(value) > 0) resources[name] = Number(value);
  }
  return resources;
}

/** Where a process listens on the submitter's machine. Spark: what StandaloneSubmitRequestServlet leaves out */
const OF_ITS_ADDRESS = ['SPARK_LOCAL_IP', 'SPARK_LOCAL_HOSTNAME'];
/** What an installation of the submitter says of itself. Spark: RestSubmissionClient.EXCLUDED_SPARK_ENV_VARS */
const OF_ITS_INSTALLATION = ['SPARK_ENV_LOADED', 'SPARK_HOME', 'SPARK_CONF_DIR'];

/**
 * Variables that were sent over HTTP: whoever wrote them there means them, but for the address of a machine, and what is ours.
 *
 * Spark: StandaloneSubmitRequestServlet.buildDriverDescription
 */
export function sentEnvironment(variables: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !OF_ITS_ADDRESS.includes(name) && !/^(ISKRA_|_SPARK_)/.test(name)),
  );
}

/** A value that is `{{NAME}}` as a whole is that variable of `env`, if there is one. Spark: replacePlaceHolder */
export function withPlaceholders(
  values: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const filled = (value: string): string => {
    const [, name] = /^\{\{(.*)\}\}$/s.exec(value) ?? [];
    return (name === undefined ? undefined : Object.hasOwn(env, name) ? env[name] : undefined) ?? value;
  };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, filled(value)]));
}

/** What of an environment goes along: Spark's own variables. Spark: RestSubmissionClient.filterSystemEnvironment */
export function submitterEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (pair): pair is [string, string] =>
        pair[0].startsWith('SPARK_') &&
        ![...OF_ITS_ADDRESS, ...OF_ITS_INSTALLATION].includes(pair[0]) &&
        typeof pair[1] === 'string',
    ),
  );
}

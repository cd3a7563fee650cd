// The entry of an executor's process. Whoever starts it passes what it is in arguments, and secrets in the environment.
import { parseArgs } from 'node:util';
import { SparkConf } from '../config/spark-conf.ts';
import { ExecutorBackend } from '../executor/executor-backend.ts';
import { SCHEDULER_ENDPOINT } from '../protocol/executor-registration.ts';
import { parseEndpointUrl, type RpcAddress } from '../rpc/rpc-address.ts';
import { rpcSettings } from '../rpc/rpc-settings.ts';
import { resolveSecurity } from '../rpc/security.ts';

const USAGE = `Usage: executor-process --driver-url URL --executor-id ID --hostname HOST --cores N --app-id ID

 Options are:
   --driver-url <driverUrl>          spark://CoarseGrainedScheduler@HOST:PORT
   --executor-id <executorId>
   --hostname <hostname>             what others reach this executor by
   --cores <cores>                   tasks at the same time
   --app-id <appid>
   --worker-url <workerUrl>
   --resourceProfileId <id>
`;

function usage(message: string): never {
  process.stderr.write(`${message}\n${USAGE}`);
  process.exit(1);
}

const text = { type: 'string' } as const;

function readArguments(): { readonly [name: string]: string | undefined } {
  try {
    return parseArgs({
      options: {
        'driver-url': text,
        'executor-id': text,
        hostname: text,
        cores: text,
        'app-id': text,
        'worker-url': text,
        resourceProfileId: text,
      },
    }).values;
  } catch (error) {
    return usage(`Unrecognized options: ${(error as Error).message}`);
  }
}

function readDriverUrl(url: string): RpcAddress {
  try {
    const { name, address } = parseEndpointUrl(url);
    if (name === SCHEDULER_ENDPOINT) return address;
  } catch {
    // said below
  }
  return usage(`--driver-url ${url} is not of the form spark://${SCHEDULER_ENDPOINT}@HOST:PORT`);
}

const args = readArguments();
for (const name of ['driver-url', 'executor-id', 'hostname', 'cores', 'app-id'])
  if (args[name] === undefined) usage(`--${name} is missing`);
const driver = readDriverUrl(args['driver-url'] as string);
const cores = Number(args['cores']);
if (!Number.isSafeInteger(cores) || cores < 1) usage(`--cores ${args['cores']} has to be a whole number of 1 or more`);

// What has to be known before the driver can be asked for the rest.
const conf = new SparkConf(JSON.parse(process.env['ISKRA_EXECUTOR_CONF'] ?? '{}'));
const backend = new ExecutorBackend(
  {
    driver,
    executorId: args['executor-id'] as string,
    host: args['hostname'] as string,
    cores,
    applicationId: args['app-id'] as string,
    resourceProfileId: Number(args['resourceProfileId'] ?? 0),
    security: resolveSecurity(conf, {
      role: 'executor',
      environment: process.env,
      keyId: args['app-id'] as string,
    }),
    rpc: rpcSettings(conf),
    environment: process.env,
    slotEntry: new URL('./task-slot.js', import.meta.url),
  },
  (code) => process.exit(code),
);
// The terminal sends Ctrl-C to all of its processes; it is the driver's to say when executors end.
process.on('SIGINT', () => {});
// Spark: spark.executor.decommission.signal
process.on('SIGPWR', () => backend.decommission());
process.on('SIGTERM', () => backend.end(143, 'RECEIVED SIGNAL TERM'));
process.on('exit', () => backend.removeFiles());
process.on('uncaughtException', (error) => backend.end(50, `Uncaught exception in the executor: ${error.stack}`));
void backend.start();

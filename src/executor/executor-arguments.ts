import { SCHEDULER_ENDPOINT } from '../protocol/executor-registration.ts';
import { WORKER_ENDPOINT } from '../protocol/master-worker.ts';
import { parseEndpointUrl, type RpcAddress } from '../rpc/rpc-address.ts';

/** What an executor's process is told on its command line. */
export interface ExecutorArguments {
  readonly driver: RpcAddress;
  readonly executorId: string;
  /** What others reach it by. */
  readonly host: string;
  /** Where it listens; null: at `host`. */
  readonly bindAddress: string | null;
  readonly cores: number;
  readonly applicationId: string;
  /** Of the worker that it ends with; null: none has started it. */
  readonly workerUrl: string | null;
  readonly resourceProfileId: number;
  /** Which custom resources are its own; null: it has none. */
  readonly resourcesFile: string | null;
}

export type ReadArguments =
  | { readonly kind: 'good'; readonly args: ExecutorArguments }
  /** For the usage text. */
  | { readonly kind: 'wrong'; readonly message: string };

export const EXECUTOR_USAGE: string = `Usage: CoarseGrainedExecutorBackend [options]

 Options are:
   --driver-url <driverUrl>          spark://${SCHEDULER_ENDPOINT}@HOST:PORT
   --executor-id <executorId>
   --bind-address <bindAddress>      where it listens; the hostname when absent
   --hostname <hostname>             what others reach this executor by
   --resourcesFile <fileWithJSONResourceInformation>
   --cores <cores>                   tasks at the same time
   --app-id <appid>
   --worker-url <workerUrl>          the executor ends when this worker does
   --user-class-path <url>           of no effect; may be given more than once
   --resourceProfileId <id>
`;

const NAMES: ReadonlySet<string> = new Set([
  ...['driver-url', 'executor-id', 'bind-address', 'hostname', 'resourcesFile', 'cores', 'app-id', 'worker-url'],
  ...['user-class-path', 'resourceProfileId'],
]);

/** Spark: CoarseGrainedExecutorBackend.parseArguments */
export function readExecutorArguments(argv: readonly string[]): ReadArguments {
  const given = new Map<string, string>();
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i]?.replace(/^--/, '') ?? '';
    const value = argv[i + 1];
    if (!argv[i]?.startsWith('--') || !NAMES.has(name) || value === undefined)
      return wrong(`Unrecognized options: ${argv.slice(i).join(' ')}`);
    given.set(name, value);
  }
  for (const name of ['driver-url', 'executor-id', 'hostname', 'cores', 'app-id'])
    if (!given.get(name)) return wrong(`--${name} is missing`);
  const text = (name: string): string => given.get(name) ?? '';
  const driver = addressIn(text('driver-url'), SCHEDULER_ENDPOINT);
  if (driver === null)
    return wrong(`--driver-url ${text('driver-url')} is not of the form spark://${SCHEDULER_ENDPOINT}@HOST:PORT`);
  const workerUrl = given.get('worker-url') ?? null;
  if (workerUrl !== null && addressIn(workerUrl, WORKER_ENDPOINT) === null)
    return wrong(`--worker-url ${workerUrl} is not of the form spark://${WORKER_ENDPOINT}@HOST:PORT`);
  const cores = Number(text('cores'));
  if (!Number.isSafeInteger(cores) || cores < 1)
    return wrong(`--cores ${text('cores')} has to be a whole number of 1 or more`);
  const resourceProfileId = Number(given.get('resourceProfileId') ?? 0);
  if (!Number.isSafeInteger(resourceProfileId) || resourceProfileId < 0)
    return wrong(`--resourceProfileId ${text('resourceProfileId')} has to be a whole number`);
  return {
    kind: 'good',
    args: {
      driver,
      executorId: text('executor-id'),
      host: text('hostname'),
      bindAddress: given.get('bind-address') ?? null,
      cores,
      applicationId: text('app-id'),
      workerUrl,
      resourceProfileId,
      resourcesFile: given.get('resourcesFile') ?? null,
    },
  };
}

/** `SPARK_LOG_URL_STDOUT` of the environment is the log `stdout`. Spark: extractLogUrls */
export function logUrlsOf(environment: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const prefix = 'SPARK_LOG_URL_';
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, url]) =>
      name.startsWith(prefix) && url !== undefined ? [[name.slice(prefix.length).toLowerCase(), url]] : [],
    ),
  );
}

function addressIn(url: string, endpoint: string): RpcAddress | null {
  try {
    const { name, address } = parseEndpointUrl(url);
    return name === endpoint ? address : null;
  } catch {
    return null;
  }
}

function wrong(message: string): ReadArguments {
  return { kind: 'wrong', message };
}

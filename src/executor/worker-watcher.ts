import { IllegalArgumentError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { WORKER_ENDPOINT } from '../protocol/master-worker.ts';
import { WORKER_ACCESS_VARIABLE, type WorkerAccess } from '../protocol/worker-process.ts';
import { formatAddress, parseEndpointUrl } from '../rpc/rpc-address.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import type { RpcSettings } from '../rpc/rpc-settings.ts';
import { type RpcSecurity, sharedSecret } from '../rpc/security.ts';

export interface WatchOptions {
  /** `spark://Worker@host:port`, as `--worker-url` has it. */
  readonly workerUrl: string;
  /** See `takeWorkerAccess`. */
  readonly security: RpcSecurity;
  readonly rpc: RpcSettings;
  /** The worker is gone, or was not there: this process has to end. Once. */
  readonly onLost: (why: string) => void;
  readonly log: Logger;
}

/**
 * Connects a process to the worker that started it, so that it ends with it, however the worker ends.
 *
 * The connection does not keep the process alive.
 *
 * @returns ends the watch: from then on nothing is told.
 * @throws IllegalArgumentError for a URL of another form.
 *
 * Spark: WorkerWatcher
 */
export function watchWorker(options: WatchOptions): () => Promise<void> {
  const { workerUrl, security, rpc, onLost } = options;
  const log = options.log.named('WorkerWatcher');
  const { name, address } = parseEndpointUrl(workerUrl);
  if (name !== WORKER_ENDPOINT)
    throw new IllegalArgumentError(
      `'${workerUrl}' is no worker's: it has the form spark://${WORKER_ENDPOINT}@host:port`,
    );
  let over = false;
  const lost = (why: string): void => {
    if (over) return;
    over = true;
    onLost(why);
  };
  let env: RpcEnv | null = null;
  const connecting = (async () => {
    log.info(`Connecting to worker ${workerUrl}`);
    env = await RpcEnv.create({ name: 'worker watcher', security, ...rpc, logger: log });
    env.setKeepAlive(false);
    env.register('WorkerWatcher', {
      receive: () => {},
      // It has one connection.
      onDisconnected: () => lost(`Lost connection to worker rpc endpoint ${workerUrl}. Exiting.`),
    });
    await env.connect(address, WORKER_ENDPOINT);
    log.info(`Successfully connected to ${workerUrl}`);
  })().catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    lost(`Error was ${why}: no connection to worker ${formatAddress(address)}. Exiting.`);
  });
  return async () => {
    over = true;
    await env?.stop();
    await connecting;
  };
}

/**
 * How to prove to the worker who this process is. Takes the secret out of the environment, so that what this process runs
 * and starts does not see it.
 *
 * @throws IllegalArgumentError when there is one and it cannot be read.
 */
export function takeWorkerAccess(environment: Record<string, string | undefined>): RpcSecurity {
  const text = environment[WORKER_ACCESS_VARIABLE];
  if (text === undefined) return { kind: 'none', offLoopback: 'refused' };
  delete environment[WORKER_ACCESS_VARIABLE];
  let access: Partial<WorkerAccess>;
  try {
    access = JSON.parse(text) as Partial<WorkerAccess>;
  } catch {
    access = {};
  }
  const { keyId, secret, encrypt } = access;
  if (typeof keyId !== 'string' || typeof secret !== 'string' || typeof encrypt !== 'boolean')
    throw new IllegalArgumentError(`${WORKER_ACCESS_VARIABLE} is not what a worker sets`);
  return sharedSecret(Buffer.from(secret, 'hex'), { keyId, encrypt });
}

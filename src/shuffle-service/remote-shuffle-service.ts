import type { Logger } from '../base/logger.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import { type AskShuffleService, SHUFFLE_SERVICE_ENDPOINT } from '../protocol/shuffle-service.ts';
import { formatAddress, type RpcAddress } from '../rpc/rpc-address.ts';
import type { RpcRef } from '../rpc/rpc-endpoint.ts';
import { RpcEnv, type RpcEnvOptions } from '../rpc/rpc-env.ts';
import type { ShuffleServicePort } from './shuffle-service-port.ts';

/** A shuffle service in a process of its own, as the worker of its machine speaks to it. What it does not hear is logged. */
export class RemoteShuffleService implements ShuffleServicePort {
  readonly address: RpcAddress;
  readonly #env: RpcEnv;
  readonly #ref: RpcRef<never, AskShuffleService>;
  readonly #log: Logger;

  /** @param options shows the cluster's key. Whether the service runs shows when it is told something. */
  static async open(address: RpcAddress, options: RpcEnvOptions, log: Logger): Promise<RemoteShuffleService> {
    const env = await RpcEnv.create(options);
    env.setKeepAlive(false);
    return new RemoteShuffleService(address, env, log);
  }

  private constructor(address: RpcAddress, env: RpcEnv, log: Logger) {
    this.address = address;
    this.#env = env;
    this.#ref = env.ref(address, SHUFFLE_SERVICE_ENDPOINT);
    this.#log = log;
  }

  applicationStarted(appId: string, secret: string | Uint8Array | null, localRoots: readonly string[]): void {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
    this.#tell('ApplicationStarted', { appId, secret: bytes, localRoots });
  }

  executorRemoved(appId: string, executorId: ExecutorId): void {
    this.#tell('ExecutorRemoved', { appId, executorId });
  }

  applicationRemoved(appId: string): void {
    this.#tell('ApplicationRemoved', { appId });
  }

  stop(): Promise<void> {
    return this.#env.stop();
  }

  #tell<K extends keyof AskShuffleService & string>(name: K, request: AskShuffleService[K][0]): void {
    this.#ref.ask(name, request).catch((error: Error) => {
      const { appId } = request;
      this.#log.warn(`The shuffle service at ${formatAddress(this.address)} did not hear ${name}: ${error.message}`, {
        appId,
      });
    });
  }
}

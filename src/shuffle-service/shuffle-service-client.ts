import type { Clock } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import { type AskShuffleService, SHUFFLE_LAYOUT, SHUFFLE_SERVICE_ENDPOINT } from '../protocol/shuffle-service.ts';
import { formatAddress, type RpcAddress } from '../rpc/rpc-address.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';
import { RemoteError } from '../rpc/rpc-errors.ts';

export interface RegistrationSettings {
  /** spark.shuffle.registration.maxAttempts */
  readonly maxAttempts: number;
  /** spark.shuffle.registration.timeout, ms */
  readonly timeoutMs: number;
}

/** Spark: BlockManager.registerWithExternalShuffleServer, SLEEP_TIME_SECS */
const RETRY_WAIT_MS = 5000;

/**
 * What an application asks of shuffle services. Its connections must show its id.
 *
 * Spark: ExternalBlockStoreClient
 */
export class ShuffleServiceClient {
  readonly #env: RpcEnv;
  readonly #appId: string;
  readonly #clock: Clock;
  readonly #log: Logger;

  /** @param env shows the application's id as its key id. */
  constructor(env: RpcEnv, appId: string, clock: Clock, log: Logger) {
    this.#env = env;
    this.#appId = appId;
    this.#clock = clock;
    this.#log = log.named('ShuffleClient');
  }

  /**
   * Has the service of an executor's host serve what the executor writes.
   *
   * @throws IskraError after the last attempt. Spark: unableToRegisterWithExternalShuffleServerError
   */
  async register(
    service: RpcAddress,
    executorId: ExecutorId,
    localDirs: readonly string[],
    { maxAttempts, timeoutMs }: RegistrationSettings,
  ): Promise<void> {
    const timeoutKey = 'spark.shuffle.registration.timeout';
    const shuffleInfo = { localDirs, layout: SHUFFLE_LAYOUT };
    this.#log.info('Registering executor with local external shuffle service.');
    for (let attempt = 1; ; attempt++) {
      try {
        const ref = await this.#env.connect<never, AskShuffleService>(service, SHUFFLE_SERVICE_ENDPOINT, { timeoutMs });
        await ref.ask('RegisterExecutor', { appId: this.#appId, executorId, shuffleInfo }, { timeoutMs, timeoutKey });
        return;
      } catch (error) {
        const why = (error as Error).message;
        // It was there and said no: it would say it again.
        if (attempt >= maxAttempts || error instanceof RemoteError)
          throw new IskraError(
            'SHUFFLE_REGISTRATION',
            `Unable to register with external shuffle server due to : ${why} (${formatAddress(service)}, attempt ${attempt}). Is the shuffle service of this host running, at spark.shuffle.service.port?`,
            { cause: error, details: { ...service, attempts: attempt } },
          );
        this.#log.error(
          `Failed to connect to external shuffle server, will retry ${maxAttempts - attempt} more times after waiting ${RETRY_WAIT_MS / 1000} seconds...`,
          { error: why },
        );
        await new Promise<void>((resolve) => this.#clock.after(RETRY_WAIT_MS, resolve));
      }
    }
  }

  /** Where these executors keep their files; those that are not registered are left out. */
  async localDirs(
    service: RpcAddress,
    executorIds: readonly ExecutorId[],
  ): Promise<Readonly<Record<ExecutorId, readonly string[]>>> {
    const ref = await this.#env.connect<never, AskShuffleService>(service, SHUFFLE_SERVICE_ENDPOINT);
    return (await ref.ask('GetLocalDirsForExecutors', { appId: this.#appId, executorIds })).localDirs;
  }

  /** Removes files of an executor that is gone. @returns how many were there. */
  async removeBlocks(service: RpcAddress, executorId: ExecutorId, blocks: readonly string[]): Promise<number> {
    const ref = await this.#env.connect<never, AskShuffleService>(service, SHUFFLE_SERVICE_ENDPOINT);
    return (await ref.ask('RemoveBlocks', { appId: this.#appId, executorId, blocks })).removed;
  }
}

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../base/logger.ts';
import {
  SHUFFLE_SERVICE_DB_ENABLED,
  SHUFFLE_SERVICE_FETCH_RDD_ENABLED,
  SHUFFLE_SERVICE_PORT,
} from '../config/shuffle-service-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { AskBlocks } from '../protocol/block-transfer.ts';
import { BLOCK_TRANSFER_ENDPOINT } from '../protocol/executor-registration.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import {
  type AskShuffleService,
  SHUFFLE_SERVICE_ENDPOINT,
  SHUFFLE_STATE_DIRECTORY,
} from '../protocol/shuffle-service.ts';
import type { RpcAddress } from '../rpc/rpc-address.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import { rpcSettings } from '../rpc/rpc-settings.ts';
import type { RpcSecurity } from '../rpc/security.ts';
import { ExecutorBook } from './executor-book.ts';
import { MeasuredEndpoint } from './measured-endpoint.ts';
import { removeDirectories, removeUnservedFiles } from './served-files.ts';
import { ServiceBlocks, ServiceQuestions } from './service-endpoints.ts';
import { SAFE_ID, ServiceState } from './service-state.ts';
import type { ShuffleServicePort } from './shuffle-service-port.ts';
import type { ShuffleServiceSource } from './shuffle-service-source.ts';

export interface ShuffleServiceOptions {
  /** The name or address by which others reach it. */
  readonly host: string;
  readonly bindAddress?: string;
  /** Instead of spark.shuffle.service.port. */
  readonly port?: number;
  /** Who may talk; a shared secret opens the service to every application that has none of its own. */
  readonly security: RpcSecurity;
  /** Where state is kept, if spark.shuffle.service.db.enabled; null: nowhere. */
  readonly stateParent: string | null;
  /** Where executors keep files whose application was not told of. */
  readonly localRoots: readonly string[];
  /** Only applications that `applicationStarted` told of may register executors. */
  readonly onlyToldApplications: boolean;
  readonly log: Logger;
}

/**
 * Serves the files of executors, so that they can be read when the executor is gone.
 *
 *   executor ──RegisterExecutor──► service ◄──FetchShuffleBlocks── executors, anywhere
 *      └── writes ──► local directories ◄── reads ──┘
 *
 * An application reads and removes only its own: with authentication an application's connections show its id, and prove its
 * secret.
 *
 * Spark: ExternalShuffleService, ExternalBlockHandler
 */
export class ShuffleService implements ShuffleServicePort {
  readonly #rpc: RpcEnv;
  readonly #book: ExecutorBook;
  readonly #servesRddBlocks: boolean;
  readonly #blocks: MeasuredEndpoint<AskBlocks>;
  readonly #questions: MeasuredEndpoint<AskShuffleService>;
  readonly #log: Logger;
  /** Removals that go on. */
  readonly #removals = new Set<Promise<void>>();

  /** @throws IskraError when its port is taken or its state cannot be kept; IllegalArgumentError when others could reach it without a secret. */
  static async start(conf: SparkConf, options: ShuffleServiceOptions): Promise<ShuffleService> {
    const log = options.log.named('ExternalShuffleService');
    const { host, bindAddress, security, stateParent, onlyToldApplications } = options;
    const keepsState = conf.get(SHUFFLE_SERVICE_DB_ENABLED) && stateParent !== null;
    const book = new ExecutorBook({
      localRoots: options.localRoots.length > 0 ? options.localRoots : [tmpdir()],
      onlyToldApplications,
      state: keepsState ? new ServiceState(join(stateParent, SHUFFLE_STATE_DIRECTORY), log) : null,
      log,
    });
    const rpc = await RpcEnv.create({
      name: 'shuffleService',
      host,
      ...(bindAddress === undefined ? {} : { bindAddress }),
      ...rpcSettings(conf),
      port: options.port ?? conf.get(SHUFFLE_SERVICE_PORT),
      portMaxRetries: 0, // executors would not find it at another one
      security: securityOf(security, book, onlyToldApplications),
      logger: options.log,
    });
    const clusterKeyId = security.kind === 'none' ? null : security.keyId;
    const servesRddBlocks = conf.get(SHUFFLE_SERVICE_FETCH_RDD_ENABLED);
    return new ShuffleService(rpc, book, !onlyToldApplications, clusterKeyId, servesRddBlocks, log);
  }

  private constructor(
    rpc: RpcEnv,
    book: ExecutorBook,
    hearsWorkers: boolean,
    clusterKeyId: string | null,
    servesRddBlocks: boolean,
    log: Logger,
  ) {
    this.#rpc = rpc;
    this.#book = book;
    this.#servesRddBlocks = servesRddBlocks;
    this.#log = log;
    this.#blocks = new MeasuredEndpoint(new ServiceBlocks(book, servesRddBlocks));
    this.#questions = new MeasuredEndpoint(
      new ServiceQuestions(book, { worker: hearsWorkers ? this : null, clusterKeyId, servesRddBlocks, log }),
    );
    rpc.register<never, AskBlocks>(BLOCK_TRANSFER_ENDPOINT, this.#blocks);
    rpc.register<never, AskShuffleService>(SHUFFLE_SERVICE_ENDPOINT, this.#questions);
    log.info(`Starting shuffle service on port ${this.address.port}`);
  }

  /** What it does is looked at from now on. */
  async measure(): Promise<ShuffleServiceSource> {
    const { ShuffleServiceSource: Measuring } = await import('./shuffle-service-source.ts');
    const source = new Measuring({
      executors: () => this.#book.numExecutors,
      connections: () => this.#blocks.numConnections,
    });
    this.#blocks.source = source;
    this.#questions.source = source;
    return source;
  }

  get address(): RpcAddress {
    return this.#rpc.address as RpcAddress; // it was given a port
  }

  applicationStarted(appId: string, secret: string | Uint8Array | null, localRoots: readonly string[]): void {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
    this.#book.startApplication(appId, { secret: bytes, localRoots });
  }

  executorRemoved(appId: string, executorId: ExecutorId): void {
    const paths = this.#book.pathsOf(appId, executorId);
    if (paths === null) return;
    this.#log.info(`Clean up non-shuffle and non-RDD files associated with the finished executor ${executorId}`);
    this.#remove(removeUnservedFiles(paths, this.#servesRddBlocks, this.#log));
  }

  applicationRemoved(appId: string): void {
    const paths = this.#book.removeApplication(appId);
    if (paths === null) return;
    this.#log.info(`Application ${appId} removed, cleanupLocalDirs = true`);
    this.#remove(removeDirectories(paths, this.#log));
  }

  /** Ends the service; what it knows stays on disk. Twice is fine. */
  async stop(): Promise<void> {
    await this.#rpc.stop();
    await Promise.all(this.#removals);
  }

  /** Only work that goes on, not the service, keeps the process alive. */
  unref(): void {
    this.#rpc.setKeepAlive(false);
  }

  #remove(removal: Promise<void>): void {
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }
}

/** Applications show their own id, and prove their own secret where they have one. */
function securityOf(security: RpcSecurity, book: ExecutorBook, onlyToldApplications: boolean): RpcSecurity {
  if (security.kind === 'none') return security;
  const { secret } = security;
  return {
    ...security,
    secretFor(keyId) {
      // A worker in another process.
      if (keyId === security.keyId) return onlyToldApplications ? null : secret;
      const record = book.recordOf(keyId);
      if (record !== null) return record.secret ?? secret;
      return onlyToldApplications || !SAFE_ID.test(keyId) ? null : secret;
    },
  };
}

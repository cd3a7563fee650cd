import { rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { AskBlocks } from '../protocol/block-transfer.ts';
import type { AskShuffleService } from '../protocol/shuffle-service.ts';
import { FileRegion } from '../rpc/file-region.ts';
import type { AskMessage, RpcCaller, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import { serveShuffleBlock } from '../shuffle/serve-shuffle-block.ts';
import type { ExecutorBook } from './executor-book.ts';
import { isServedFile } from './served-files.ts';
import type { ShuffleServicePort } from './shuffle-service-port.ts';

/** The blocks of executors, as they would serve them themselves. */
export class ServiceBlocks implements RpcEndpoint<never, AskBlocks> {
  readonly #book: ExecutorBook;
  readonly #servesRddBlocks: boolean;

  constructor(book: ExecutorBook, servesRddBlocks: boolean) {
    this.#book = book;
    this.#servesRddBlocks = servesRddBlocks;
  }

  receive(): void {}

  receiveAndReply(ask: AskMessage<AskBlocks>, from: RpcCaller): unknown {
    switch (ask.type) {
      case 'FetchShuffleBlocks': {
        const { appId, executorId, blocks } = ask.request;
        authorize(from, appId);
        const dirs = this.#book.dirsOf(appId, executorId);
        return { replies: blocks.map((block) => serveShuffleBlock(dirs, block)) };
      }
      case 'FetchRddBlock':
        return this.#rddBlock(ask.request, from);
      case 'UploadRddBlock':
      case 'UploadShuffleFile':
      case 'FetchBroadcastPiece':
        throw new IskraError(
          'NOT_OF_SHUFFLE_SERVICE',
          `a shuffle service does not answer ${ask.type}: ask an executor`,
        );
    }
  }

  async #rddBlock(
    { appId, executorId, rddId, partition }: AskBlocks['FetchRddBlock'][0],
    from: RpcCaller,
  ): Promise<{ readonly bytes: FileRegion | null }> {
    authorize(from, appId);
    const name = `rdd_${rddId}_${partition}`;
    if (!isServedFile(name, this.#servesRddBlocks))
      throw new IskraError(
        'NOT_OF_SHUFFLE_SERVICE',
        `this shuffle service does not serve ${JSON.stringify(name)}: cached partitions need spark.shuffle.service.fetch.rdd.enabled=true, at the service too`,
      );
    const path = this.#book.dirsOf(appId, executorId).find(name);
    const file = await stat(path).catch(() => null);
    return { bytes: file === null ? null : new FileRegion(path, 0, file.size) };
  }
}

/** Questions of the machine's worker. */
interface OfWorker {
  readonly type: 'ApplicationStarted' | 'ExecutorRemoved' | 'ApplicationRemoved';
}

/** What executors, drivers and workers want of the service itself. */
export class ServiceQuestions implements RpcEndpoint<never, AskShuffleService> {
  readonly #book: ExecutorBook;
  readonly #worker: ShuffleServicePort | null;
  readonly #clusterKeyId: string | null;
  readonly #servesRddBlocks: boolean;
  readonly #log: Logger;

  constructor(
    book: ExecutorBook,
    options: {
      /** What a worker in another process says; null: the worker is in this one. */
      readonly worker: ShuffleServicePort | null;
      /** What that worker shows; null: nobody proves anything. */
      readonly clusterKeyId: string | null;
      readonly servesRddBlocks: boolean;
      readonly log: Logger;
    },
  ) {
    this.#book = book;
    this.#worker = options.worker;
    this.#clusterKeyId = options.clusterKeyId;
    this.#servesRddBlocks = options.servesRddBlocks;
    this.#log = options.log;
  }

  receive(): void {}

  receiveAndReply(ask: AskMessage<AskShuffleService>, from: RpcCaller): unknown {
    switch (ask.type) {
      case 'ApplicationStarted':
      case 'ExecutorRemoved':
      case 'ApplicationRemoved':
        return this.#ofWorker(ask, from);
      default:
        authorize(from, ask.request.appId);
        return this.#ofApplication(ask);
    }
  }

  #ofWorker(ask: Extract<AskMessage<AskShuffleService>, OfWorker>, { keyId }: RpcCaller): null {
    const { appId } = ask.request;
    const worker = this.#worker;
    if (worker === null)
      throw new IskraError('NOT_AUTHORIZED', `this shuffle service hears ${ask.type} of its own worker only`);
    if (keyId !== this.#clusterKeyId)
      throw new IskraError(
        'NOT_AUTHORIZED',
        `Client for ${keyId} is not a worker: it cannot say ${ask.type} of ${appId}.`,
      );
    switch (ask.type) {
      case 'ApplicationStarted':
        worker.applicationStarted(appId, ask.request.secret, ask.request.localRoots);
        return null;
      case 'ExecutorRemoved':
        worker.executorRemoved(appId, ask.request.executorId);
        return null;
      case 'ApplicationRemoved':
        worker.applicationRemoved(appId);
        return null;
    }
  }

  #ofApplication(ask: Exclude<AskMessage<AskShuffleService>, OfWorker>): unknown {
    switch (ask.type) {
      case 'RegisterExecutor': {
        const { appId, executorId, shuffleInfo } = ask.request;
        this.#book.register(appId, executorId, shuffleInfo);
        return null;
      }
      case 'RemoveBlocks':
        return { removed: this.#removeBlocks(ask.request) };
      case 'GetLocalDirsForExecutors': {
        const { appId, executorIds } = ask.request;
        const found = executorIds.map((id) => [id, this.#book.pathsOf(appId, id)] as const);
        return { localDirs: Object.fromEntries(found.filter(([, paths]) => paths !== null)) };
      }
    }
  }

  /** Spark: ExternalShuffleBlockResolver.removeBlocks */
  #removeBlocks({ appId, executorId, blocks }: AskShuffleService['RemoveBlocks'][0]): number {
    const dirs = this.#book.dirsOf(appId, executorId);
    let removed = 0;
    for (const name of blocks) {
      if (!isServedFile(name, this.#servesRddBlocks)) {
        this.#log.warn(`Asked to remove ${JSON.stringify(name)}, which is no block that is served`, {
          appId,
          executorId,
        });
        continue;
      }
      try {
        rmSync(dirs.find(name));
        removed++;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          this.#log.warn(`Failed to delete block: ${name}: ${(error as Error).message}`, { appId, executorId });
      }
    }
    return removed;
  }
}

/** @throws IskraError when the connection is another application's. Spark: ExternalBlockHandler.checkAuth */
function authorize({ keyId }: RpcCaller, appId: string): void {
  if (keyId === null || keyId === appId) return;
  throw new IskraError('NOT_AUTHORIZED', `Client for ${keyId} not authorized for application ${appId}.`);
}

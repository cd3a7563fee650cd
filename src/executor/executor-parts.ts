import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExecutorPackage, seesDriversFiles } from '../app-package/executor-package.ts';
import { openPackageCache } from '../app-package/package-cache.ts';
import { systemClock } from '../base/clock.ts';
import { keepCode } from '../base/code-cache.ts';
import type { StderrLogger } from '../base/stderr-logger.ts';
import { FILES_FETCH_TIMEOUT, FILES_OVERWRITE } from '../config/context-entries.ts';
import {
  BROADCAST_CHECKSUM,
  REDUCER_MAX_REQS_IN_FLIGHT,
  REDUCER_MAX_SIZE_IN_FLIGHT,
  SHUFFLE_IO_MAX_RETRIES,
  SHUFFLE_IO_RETRY_WAIT,
  STORAGE_DECOMMISSION_ENABLED,
  STORAGE_DECOMMISSION_MAX_FAILURES,
  STORAGE_DECOMMISSION_RDD_BLOCKS,
  STORAGE_DECOMMISSION_SHUFFLE_BLOCKS,
} from '../config/executor-entries.ts';
import { TASK_MAX_DIRECT_RESULT_SIZE } from '../config/io-entries.ts';
import { EXECUTOR_MEMORY } from '../config/memory-entries.ts';
import { PACKAGE_CACHE_MAX_SIZE, PACKAGE_CACHE_TTL } from '../config/package-entries.ts';
import { SLOT_KILL_GRACE } from '../config/slot-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { type AskPackages, PACKAGES_ENDPOINT } from '../protocol/app-package.ts';
import type { FromExecutor, ToExecutor } from '../protocol/driver-executor.ts';
import type { AppConfig, AskScheduler, ExecutorNews } from '../protocol/executor-registration.ts';
import type { StoredBlock } from '../protocol/executor-slot.ts';
import type { AskOptions, RpcRef } from '../rpc/rpc-endpoint.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';
import type { ShuffleServiceClient } from '../shuffle-service/shuffle-service-client.ts';
import { BlockManager } from '../storage/block-manager.ts';
import type { LocalDirs } from '../storage/local-dirs.ts';
import { MemoryManager } from '../storage/memory-manager.ts';
import { BlockClient } from './block-client.ts';
import { BlockFetcher } from './block-fetcher.ts';
import { BlockMigration } from './block-migration.ts';
import { BlockServer } from './block-server.ts';
import { Executor } from './executor.ts';
import { FileFetcher, placeFromDriver } from './file-fetcher.ts';
import { LargeResults } from './large-results.ts';
import { planMemory } from './memory-plan.ts';
import { RemoteExecutors } from './other-executors.ts';
import { TorrentBroadcasts } from './torrent-broadcast.ts';

/** A driver whose program computes answers when it is done, and one that is gone closes the connection. */
export const NO_LIMIT: AskOptions = { timeoutMs: Number.POSITIVE_INFINITY };

export type Driver = RpcRef<FromExecutor | ExecutorNews, AskScheduler>;

/** What an executor process knows when it has its settings. */
export interface ExecutorPartsOptions {
  readonly executorId: string;
  readonly applicationId: string;
  readonly host: string;
  readonly cores: number;
  readonly slotEntry: URL;
  readonly app: AppConfig;
  readonly conf: SparkConf;
  readonly rpc: RpcEnv;
  readonly driver: Driver;
  readonly dirs: LocalDirs;
  readonly services: ShuffleServiceClient;
  /** Of the shuffle service that serves its files; null: it serves them itself. */
  readonly servicePort: number | null;
  readonly log: StderrLogger;
}

export interface ExecutorParts {
  readonly executor: Executor;
  readonly memory: MemoryManager;
  /** Too large to be sent unasked. */
  readonly results: LargeResults;
  /** Serves its blocks to others. */
  readonly server: BlockServer;
  /** Hands its blocks on when it is drained. */
  readonly migration: BlockMigration;
  readonly replicateAgain: (lost: Extract<ToExecutor, { type: 'ReplicateBlock' }>) => void;
}

/** Puts together what an executor process consists of: its executor, its blocks, and its ways to the others. */
export function makeExecutorParts(options: ExecutorPartsOptions): ExecutorParts {
  const { executorId, applicationId: appId, host, cores, slotEntry, app, conf, rpc, driver, dirs } = options;
  const { services, servicePort, log } = options;
  /** Of map outputs. Spark: BlockManager.shuffleServerId */
  const location = { executorId, host, port: servicePort ?? rpc.address?.port ?? 0 };
  const filesDir = join(dirs.toData().dirs[0] as string, 'userFiles'); // open() made one at least
  const memory = planMemory(conf, conf.get(EXECUTOR_MEMORY), cores);
  const results = new LargeResults(conf.get(TASK_MAX_DIRECT_RESULT_SIZE));
  const send = (message: FromExecutor | ExecutorNews): void => driver.send(message);
  const ask = <K extends keyof AskScheduler & string>(
    name: K,
    request: AskScheduler[K][0],
  ): Promise<AskScheduler[K][1]> => driver.ask(name, request, NO_LIMIT);
  const pool = new MemoryManager({ ...memory, slots: cores });
  const blocks = new BlockManager(executorId, pool, dirs, (update) =>
    send({ type: 'BlockUpdated', executorId, ...update }),
  );
  const client = new BlockClient({
    env: rpc,
    appId,
    servesOutputs: servicePort === null ? 'executors' : 'services',
    clock: systemClock,
    maxRetries: conf.get(SHUFFLE_IO_MAX_RETRIES),
    retryWaitMs: conf.get(SHUFFLE_IO_RETRY_WAIT),
    isAlive: async (id) => (await ask('IsExecutorAlive', { executorId: id })).alive,
  });
  const broadcasts = new TorrentBroadcasts(
    {
      info: (broadcastId) => ask('GetBroadcastInfo', { broadcastId }),
      locations: async (broadcastId, piece, insist) =>
        (await ask('GetBroadcastPieceLocations', { broadcastId, piece, executorId, insist })).locations,
      fetch: (owner, broadcastId, piece) => client.fetchBroadcastPiece(owner, broadcastId, piece),
      stored: (broadcastId, piece) => send({ type: 'BroadcastPieceStored', executorId, broadcastId, piece }),
    },
    conf.get(BROADCAST_CHECKSUM),
    Math.random,
    log,
  );
  const others = new RemoteExecutors({
    me: executorId,
    client,
    fetcher: new BlockFetcher((owner, requests) => client.fetchShuffleBlocks(owner, requests), {
      maxBytesInFlight: conf.get(REDUCER_MAX_SIZE_IN_FLIGHT),
      maxRequestsInFlight: conf.get(REDUCER_MAX_REQS_IN_FLIGHT),
    }),
    broadcasts,
    ask,
    readBlock,
    hostLocalDirs: async (executorIds) => ({ localDirs: await services.localDirs(location, executorIds) }),
    random: Math.random,
    log: log,
  });
  const { packages } = app;
  const connectToPackages = () =>
    rpc.connect<never, AskPackages>(driver.address, PACKAGES_ENDPOINT, { whileReachable: true });
  const shipped = new ExecutorPackage({
    connect: connectToPackages,
    openStore: () => openPackageCache(conf),
    limits: { ttlMs: conf.get(PACKAGE_CACHE_TTL), maxBytes: conf.get(PACKAGE_CACHE_MAX_SIZE) },
    clock: systemClock,
    log: log.named('Packages'),
  });
  const executor = new Executor(
    {
      location,
      cores,
      slotEntry: slotEntry,
      memory,
      killGraceMs: conf.get(SLOT_KILL_GRACE),
      conf: app.conf,
      mainScripts: app.mainScripts,
      localDirs: dirs.toData(),
      filesDir,
      files: new FileFetcher(
        filesDir,
        placeFromDriver(
          { overwrite: conf.get(FILES_OVERWRITE), timeoutMs: conf.get(FILES_FETCH_TIMEOUT) },
          packages === null ? null : { connect: connectToPackages, always: packages.ship === 'always' },
          log,
        ),
      ),
      ...(packages === null || seesDriversFiles(packages) ? {} : { package: shipped }),
      logLevel: log.level,
    },
    blocks,
    ask,
    others,
    (message) => {
      for (const each of results.keep(message)) send(each);
      if (message.type === 'StatusUpdate' || message.type === 'StatusUpdates') keepCode();
    },
    systemClock,
    log,
  );
  const migrates = conf.get(STORAGE_DECOMMISSION_ENABLED);
  const migration = new BlockMigration({
    me: executorId,
    client,
    dirs,
    ask,
    servicePort,
    cached: () => blocks.cached(),
    readBlock,
    migrated: (rddId, partition) => blocks.removeRddBlock(rddId, partition),
    shuffleBlocks: migrates && conf.get(STORAGE_DECOMMISSION_SHUFFLE_BLOCKS),
    rddBlocks: migrates && conf.get(STORAGE_DECOMMISSION_RDD_BLOCKS),
    maxFailuresPerBlock: conf.get(STORAGE_DECOMMISSION_MAX_FAILURES),
    log: log,
  });
  const server = new BlockServer(
    { appId, executorId },
    blocks,
    dirs,
    (id, piece) => broadcasts.piece(id, piece),
    (shuffleId, mapId) => executor.adoptMapOutput(shuffleId, mapId),
  );
  // One after another: each is held whole while it travels. Spark: BlockManager.replicateBlock
  let replicating = Promise.resolve();
  const replicateAgain = (lost: Extract<ToExecutor, { type: 'ReplicateBlock' }>): void => {
    const { rddId, partition, holders, replicas } = lost;
    replicating = replicating
      .then(() => {
        const here = blocks.cachedBlock(rddId, partition);
        if (here === undefined) return undefined; // evicted meanwhile
        const level = { ...here.level, replication: replicas };
        return others.replicate(rddId, partition, level, here.block, holders);
      })
      .catch((error: unknown) => {
        log.warn(`rdd_${rddId}_${partition} could not be replicated again`, { error: String(error) });
      });
  };
  return { executor, memory: pool, results, server, migration, replicateAgain };
}

function readBlock(block: StoredBlock): Uint8Array {
  if (block.kind === 'disk') {
    const bytes = readFileSync(block.path);
    if (bytes.length === block.bytes) return bytes;
    throw new Error(`${block.path} has ${bytes.length} bytes instead of ${block.bytes}`);
  }
  return block.chunks.length === 1 ? (block.chunks[0] as Uint8Array) : Buffer.concat(block.chunks);
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { BlockClient } from '../../src/executor/block-client.ts';
import type { RpcAddress } from '../../src/rpc/rpc-address.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { type RpcSecurity, sharedSecret } from '../../src/rpc/security.ts';
import { encodeIndex, mapOutputNames } from '../../src/shuffle/map-output-files.ts';
import { ShuffleService, type ShuffleServiceOptions } from '../../src/shuffle-service/shuffle-service.ts';
import { ShuffleServiceClient } from '../../src/shuffle-service/shuffle-service-client.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';
import { OPEN, recordingLogger } from './rpc.ts';

/** A directory with what executors and services keep; it goes after the test. */
export class ServiceScene {
  readonly directory: string;
  /** Where executors keep files. */
  readonly root: string;
  /** Warnings and errors of services. */
  readonly lines: string[] = [];
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    this.directory = mkdtempSync(join(tmpdir(), 'iskra-service-'));
    this.root = join(this.directory, 'local');
    mkdirSync(this.root);
    t.after(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  async start(
    conf: Readonly<Record<string, string>> = {},
    more: Partial<ShuffleServiceOptions> = {},
  ): Promise<ShuffleService> {
    const service = await ShuffleService.start(new SparkConf(conf), {
      host: '127.0.0.1',
      port: 0,
      security: OPEN,
      stateParent: join(this.directory, 'work'),
      localRoots: [this.root],
      onlyToldApplications: false,
      log: recordingLogger(this.lines),
      ...more,
    });
    this.#t.after(() => service.stop());
    return service;
  }

  /** An executor's directories. */
  dirs(roots: readonly string[] = [this.root]): LocalDirs {
    return LocalDirs.open(roots, silentLogger, true);
  }

  /** What an application's process connects with. */
  async env(appId: string, secret: string | null = null): Promise<RpcEnv> {
    const security: RpcSecurity = secret === null ? OPEN : sharedSecret(secret, { keyId: appId });
    const env = await RpcEnv.create({ name: `client of ${appId}`, security });
    this.#t.after(() => env.stop());
    return env;
  }

  async client(appId: string, secret: string | null = null): Promise<ShuffleServiceClient> {
    return new ShuffleServiceClient(await this.env(appId, secret), appId, systemClock, silentLogger);
  }

  async blocks(appId: string, secret: string | null = null): Promise<BlockClient> {
    return blockClient(await this.env(appId, secret), appId);
  }
}

export function blockClient(env: RpcEnv, appId: string, maxRetries = 0): BlockClient {
  return new BlockClient({
    env,
    appId,
    servesOutputs: 'services',
    clock: systemClock,
    maxRetries,
    retryWaitMs: 1,
    isAlive: () => Promise.resolve(false),
  });
}

export const ONCE = { maxAttempts: 1, timeoutMs: 5000 };

/** A map output with this text in each partition. */
export function writeMapOutput(dirs: LocalDirs, shuffleId: number, mapId: number, partitions: readonly string[]): void {
  const names = mapOutputNames(shuffleId, mapId);
  const offsets = new Float64Array(partitions.length + 1);
  partitions.forEach((text, i) => {
    offsets[i + 1] = (offsets[i] as number) + text.length;
  });
  writeFileSync(dirs.file(names.data), partitions.join(''));
  writeFileSync(dirs.file(names.index), encodeIndex(offsets));
}

/** The whole of each block, or the error. */
export async function read(
  client: BlockClient,
  at: RpcAddress,
  executorId: string,
  ...blocks: readonly { shuffleId?: number; mapId: number; reduceId: number; numPartitions: number }[]
): Promise<string[]> {
  const requests = blocks.map((block) => ({ shuffleId: 0, offset: 0, maxBytes: 1 << 20, ...block }));
  const replies = await client.fetchShuffleBlocks({ executorId, ...at }, requests);
  return replies.map((reply) => (reply.kind === 'bytes' ? Buffer.from(reply.bytes).toString() : reply.message));
}

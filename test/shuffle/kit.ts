import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { BatchIterator } from '../../src/base/batch-iterator.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { hashValue } from '../../src/base/value-hash.ts';
import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import type { MapOutputs, MapStatus } from '../../src/protocol/map-output.ts';
import type { CombinePlan, OrderingPlan } from '../../src/protocol/stage-program.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';
import { RecordEncoder } from '../../src/serializer/serializer.ts';
import { resolveCombiner } from '../../src/shuffle/combiner.ts';
import { nodeFiles } from '../../src/shuffle/file-ops.ts';
import type { ShuffleEnv } from '../../src/shuffle/shuffle-env.ts';
import { openShuffleReader } from '../../src/shuffle/shuffle-reader.ts';
import { createCombiningWriter, createPartitioningWriter } from '../../src/shuffle/shuffle-writer.ts';
import { fixedMemory, TaskMemory } from '../../src/shuffle/task-memory.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';

export type Pair = [unknown, unknown];

/** A directory that is gone after the test. */
export function scratchDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A task's surroundings on local directories of its own. */
export function newEnv(t: TestContext, budgetBytes = 64 << 20, changes: Partial<ShuffleEnv> = {}): ShuffleEnv {
  return {
    programKey: 'test.0',
    localDirs: LocalDirs.open(scratchDir(t), silentLogger),
    encoder: new RecordEncoder(),
    memory: calmMemory(budgetBytes),
    metrics: newTaskMetrics(),
    clock: systemClock,
    logger: silentLogger,
    remoteBlocks: null,
    sameHostBlocks: null,
    files: nodeFiles,
    throwIfKilled: () => {},
    ...changes,
  };
}

/** The same directories, another task. */
export function nextTask(env: ShuffleEnv, budgetBytes = 64 << 20): ShuffleEnv {
  return { ...env, memory: calmMemory(budgetBytes), metrics: newTaskMetrics() };
}

/** Only the budget counts, not what the test process's heap looks like. */
export function calmMemory(budgetBytes: number): TaskMemory {
  return new TaskMemory(fixedMemory(budgetBytes), () => ({ used_heap_size: 0, heap_size_limit: 2 ** 50 }));
}

/** Paths of the block files that exist, without the directories that they lie in. */
export function blockFiles(env: ShuffleEnv): string[] {
  return env.localDirs
    .toData()
    .dirs.flatMap((dir) => readdirSync(dir, { recursive: true }).map((f) => join(dir, String(f))))
    .filter((f) => statSync(f).isFile() && !f.endsWith('owner.json'))
    .sort();
}

export const LOCATION = { executorId: 'driver', host: 'localhost', port: 0 } as const;

export const hashPartition =
  (numPartitions: number) =>
  (_key: unknown, hash: number): number =>
    ((hash % numPartitions) + numPartitions) % numPartitions;

export interface ShuffleCase {
  readonly numPartitions: number;
  readonly combine?: CombinePlan;
  readonly mapSide?: boolean;
  readonly ordering?: OrderingPlan;
  readonly functions?: readonly unknown[];
  readonly batch?: number;
  readonly budget?: number;
}

/** Writes one map output. */
export function writeMap(env: ShuffleEnv, mapId: number, pairs: readonly Pair[], how: ShuffleCase): MapStatus {
  const id = { shuffleId: 1, mapId, numPartitions: how.numPartitions };
  const partition = hashPartition(how.numPartitions);
  const batch = how.batch ?? 2048;
  if (how.mapSide === true && how.combine !== undefined) {
    const combiner = resolveCombiner(how.combine, how.functions ?? []);
    const writer = createCombiningWriter(env, { ...id, partition });
    const { table } = writer;
    pairs.forEach(([k, v], i) => {
      const e = table.upsert(k);
      if (e === table.values.length) table.values.push(combiner.create(v));
      else table.values[e] = combiner.mergeValue(table.values[e], v);
      if (i % batch === batch - 1) writer.endBatch();
    });
    writer.endBatch();
    return { location: LOCATION, mapId, sizes: toBlockSizes(writer.commit().sizes) };
  }
  const writer = createPartitioningWriter(env, { ...id, partition });
  pairs.forEach(([k, v], i) => {
    writer.add(k, v);
    if (i % batch === batch - 1) writer.endBatch();
  });
  writer.endBatch();
  return { location: LOCATION, mapId, sizes: toBlockSizes(writer.commit().sizes) };
}

/** Reads one reduce partition to its end. */
export function readPartition(env: ShuffleEnv, outputs: MapOutputs, reduceId: number, how: ShuffleCase): Pair[] {
  return drain(
    openShuffleReader(env, {
      read: {
        shuffleId: 1,
        combine: how.combine ?? null,
        mapSideCombine: how.mapSide ?? false,
        ordering: how.ordering ?? null,
      },
      reduceId,
      outputs,
      functions: how.functions ?? [],
      localExecutorId: 'driver',
    }),
  );
}

export function drain(records: BatchIterator<[unknown, unknown]>): Pair[] {
  const all: Pair[] = [];
  try {
    for (let batch = records.next(); batch !== null; batch = records.next()) for (const pair of batch) all.push(pair);
  } finally {
    records.close();
  }
  return all;
}

export function outputsOf(statuses: readonly (MapStatus | null)[]): MapOutputs {
  return { shuffleId: 1, epoch: 0, statuses };
}

/** A whole shuffle: `maps` map tasks, then every reduce partition; also checks that each key is where it belongs. */
export function shuffle(
  env: ShuffleEnv,
  maps: readonly (readonly Pair[])[],
  how: ShuffleCase,
): { readonly partitions: Pair[][]; readonly env: ShuffleEnv } {
  const task = nextTask(env, how.budget);
  const outputs = outputsOf(
    maps.map((pairs, m) => writeMap({ ...task, memory: calmMemory(how.budget ?? 64 << 20) }, m, pairs, how)),
  );
  const partitions: Pair[][] = [];
  const partition = hashPartition(how.numPartitions);
  for (let r = 0; r < how.numPartitions; r++) {
    const pairs = readPartition({ ...task, memory: calmMemory(how.budget ?? 64 << 20) }, outputs, r, how);
    for (const [k] of pairs) if (partition(k, hashValue(k)) !== r) throw new Error(`key ${String(k)} came to ${r}`);
    partitions.push(pairs);
  }
  return { partitions, env: task };
}

import { IllegalArgumentError, IskraError } from '../../src/base/errors.ts';
import { BernoulliSample, Reservoir } from '../../src/base/reservoir.ts';
import { hashValue } from '../../src/base/value-hash.ts';
import { LocalPropertyScope } from '../../src/driver/local-properties.ts';
import { CheckpointFileWriter } from '../../src/io/checkpoint-files.ts';
import { commitTask, outputJob, setupTask } from '../../src/io/file-output.ts';
import { openRecordWriter, partExtension, prepareOutput } from '../../src/io/open-record-writer.ts';
import type { PartitionerPlan, SinkPlan, StageProgram } from '../../src/protocol/stage-program.ts';
import { withBuiltIns } from '../../src/rdd/built-in-functions.ts';
import type { ShuffleDependency } from '../../src/rdd/dependency.ts';
import type {
  CheckpointHost,
  JobHandle,
  JobRunner,
  RddSettings,
  RddStorageInfo,
  RunJobOptions,
} from '../../src/rdd/job-runner.ts';
import { type Partitioner, partitionOfHash } from '../../src/rdd/partitioner.ts';
import type { RDDNode } from '../../src/rdd/rdd-node.ts';
import { encodeOne, encodeRecords } from '../../src/rdd/record-blocks.ts';
import type { SinkSpec } from '../../src/rdd/sink-spec.ts';
import { buildStageProgram, splitFor } from '../../src/rdd/stage-program-builder.ts';
import { type AnyCall, ArrayStage, combineAll, comparatorOf, type Pair } from './array-stage.ts';

/** What one job was: for tests that count jobs, or look at what they ran on. */
export interface RanJob {
  readonly sink: SinkSpec['kind'];
  readonly partitions: readonly number[];
  readonly callSite: string;
}

/**
 * Runs stage programs over plain arrays in this thread: no scheduler, no bytes but the results'. It stands for the engine
 * where only the RDD layer is tested. Results arrive last partition first, so that nobody relies on their order.
 */
export class ArrayEngine implements JobRunner {
  settings: RddSettings = {
    defaultParallelism: 2,
    configuredParallelism: null,
    defaultMinPartitions: 2,
    limitInitialNumPartitions: 1,
    limitScaleUpFactor: 4,
    validateOutputSpecs: true,
  };
  readonly jobs: RanJob[] = [];
  readonly programs: StageProgram[] = [];
  readonly cancelled: (string | undefined)[] = [];
  readonly unpersisted: number[] = [];
  readonly cached: Map<string, readonly unknown[]> = new Map();
  stopped = false;
  readonly properties: LocalPropertyScope = new LocalPropertyScope();
  /** Jobs wait for this before they run. */
  gate: Promise<void> = Promise.resolve();
  readonly #shuffles = new Map<number, Map<number, Pair[]>>();
  readonly #roots = new Map<string, readonly unknown[]>();
  #ids = 0;
  #shuffleIds = 0;

  newRddId(): number {
    return this.#ids++;
  }

  newShuffleId(): number {
    return this.#shuffleIds++;
  }

  assertNotStopped(): void {
    if (this.stopped) throw new IskraError('STOPPED', 'Cannot call methods on a stopped SparkContext.');
  }

  localProperties(): Readonly<Record<string, string>> {
    return this.properties.all;
  }

  persistRDD(): void {}

  unpersistRDD(node: RDDNode): Promise<void> {
    this.unpersisted.push(node.id);
    for (const key of this.cached.keys()) if (key.startsWith(`${node.id}_`)) this.cached.delete(key);
    return Promise.resolve();
  }

  readonly checkpoints: CheckpointHost & { dir: string | null; readonly warnings: string[] } = {
    dir: null,
    compress: false,
    unsafeLocally: null,
    warnings: [],
    isStored: (rddId, partition) => this.cached.has(`${rddId}_${partition}`),
    written: () => {},
    warn: (message) => void this.checkpoints.warnings.push(message),
  };

  addResourceProfile(): void {}

  removeShuffle(shuffleId: number): Promise<void> {
    this.#shuffles.delete(shuffleId);
    return Promise.resolve();
  }

  storageInfo(rddId: number): RddStorageInfo | null {
    const blocks = [...this.cached.keys()].filter((key) => key.startsWith(`${rddId}_`));
    return blocks.length === 0 ? null : { numCachedPartitions: blocks.length, memoryBytes: 100, diskBytes: 0 };
  }

  startJob(node: RDDNode, sink: SinkSpec, partitions: readonly number[], options: RunJobOptions): JobHandle {
    this.assertNotStopped();
    for (const p of partitions) {
      if (!(p >= 0 && p < node.numPartitions)) throw new IllegalArgumentError(`no partition ${p}`);
    }
    const jobId = this.jobs.length;
    this.jobs.push({ sink: sink.kind, partitions, callSite: options.callSite });
    let stop: (error: unknown) => void = () => {};
    const stopped = new Promise<never>((_, reject) => {
      stop = reject;
    });
    const done = Promise.race([this.#run(node, sink, partitions, options), stopped]);
    const cancel = (reason?: string): void => {
      this.cancelled.push(reason);
      stop(new IskraError('JOB_CANCELLED', `Job ${jobId} cancelled ${reason ?? ''}`));
    };
    return { jobId, done, cancel };
  }

  async #run(node: RDDNode, sink: SinkSpec, partitions: readonly number[], options: RunJobOptions): Promise<void> {
    await this.gate;
    const program = await this.#program(node, sink);
    for (let i = partitions.length - 1; i >= 0; i--) {
      const bytes = await this.#resultTask(program, node, partitions[i] as number);
      options.onResult(i, bytes);
    }
  }

  async #program(node: RDDNode, sink: SinkSpec | ShuffleDependency): Promise<StageProgram> {
    for (const shuffle of shufflesAbove(node)) await this.#mapStage(shuffle);
    const key = `${this.programs.length}.0`;
    const capture = (roots: readonly unknown[], whats: readonly string[]): Uint8Array => {
      if (whats.length !== roots.length) throw new Error('each root needs a name');
      this.#roots.set(key, roots);
      return new Uint8Array(1);
    };
    const program = buildStageProgram({ key, node, sink, capture });
    this.#roots.set(key, withBuiltIns(program.builtIns, this.#roots.get(key) ?? []));
    this.programs.push(program);
    return program;
  }

  async #mapStage(dependency: ShuffleDependency): Promise<void> {
    if (this.#shuffles.has(dependency.shuffleId)) return;
    const program = await this.#program(dependency.rdd, dependency);
    const sink = program.sink as Extract<SinkPlan, { kind: 'shuffleWrite' }>;
    const functions = this.#roots.get(program.key) ?? [];
    const place = placeOf(sink.partitioner, functions);
    const out = new Map<number, Pair[]>();
    for (let p = 0; p < dependency.rdd.numPartitions; p++) {
      let pairs = (await this.#records(program, dependency.rdd, p)) as readonly Pair[];
      if (sink.combine !== null) pairs = combineAll(pairs, sink.combine, functions, false);
      for (const pair of pairs) {
        const to = place(pair[0]);
        const list = out.get(to);
        if (list === undefined) out.set(to, [pair]);
        else list.push(pair);
      }
    }
    this.#shuffles.set(dependency.shuffleId, out);
  }

  #records(program: StageProgram, node: RDDNode, partition: number): Promise<readonly unknown[]> {
    return this.#stage(program).records(program.root, splitFor(node, partition));
  }

  #stage(program: StageProgram): ArrayStage {
    const read = (shuffleId: number, reduce: number) => this.#shuffles.get(shuffleId)?.get(reduce) ?? [];
    return new ArrayStage(program.nodes, this.#roots.get(program.key) ?? [], read, this.cached);
  }

  async #resultTask(program: StageProgram, node: RDDNode, partition: number): Promise<Uint8Array> {
    const { sink } = program;
    const functions = this.#roots.get(program.key) ?? [];
    const call = (ref: number): AnyCall => functions[ref] as AnyCall;
    const limit = sink.kind === 'take' ? sink.limit : Infinity;
    const records = (await this.#records(program, node, partition)).slice(0, limit);
    switch (sink.kind) {
      case 'count':
        return encodeOne(records.length);
      case 'sum':
        return encodeOne((records as number[]).reduce((a, b) => a + b, 0));
      case 'collect':
      case 'take':
        return encodeRecords(records);
      case 'reduce':
        return encodeOne(records.length === 0 ? [] : [records.reduce((a, b) => call(sink.f)(a, b))]);
      case 'fold':
        return encodeOne(records.reduce((a, b) => call(sink.op)(a, b), structuredClone(functions[sink.zero])));
      case 'takeOrdered':
        return encodeRecords([...records].sort(comparatorOf(sink.ordering, functions)).slice(0, sink.limit));
      case 'foreach':
        for (const record of records) call(sink.f)(record);
        return new Uint8Array(0);
      case 'iterator': {
        const result = call(sink.f)(records.values(), { partitionId: partition });
        return sink.discard ? new Uint8Array(0) : encodeOne(result);
      }
      case 'reservoir': {
        const reservoir = new Reservoir(sink.limit, sink.seed, partition);
        reservoir.add(records);
        return encodeOne([reservoir.count, reservoir.sample]);
      }
      case 'bernoulli': {
        const sample = new BernoulliSample(sink.fraction, sink.seed, partition);
        sample.add(records);
        return encodeRecords(sample.sample);
      }
      case 'saveFiles': {
        const job = outputJob(sink.path, partExtension(sink.format), sink.jobUuid);
        const path = setupTask(job, { partition, attempt: 0 });
        await prepareOutput(sink.format);
        const writer = openRecordWriter(path, sink.format, partition);
        writer.write(records);
        writer.close();
        commitTask(job, { partition, attempt: 0 });
        return new Uint8Array(0);
      }
      case 'checkpoint': {
        const file = new CheckpointFileWriter(sink.dir, partition, 0);
        file.write(encodeRecords(records));
        file.commit();
        return new Uint8Array(0);
      }
      case 'drain':
        return new Uint8Array(0);
      case 'shuffleWrite':
        throw new Error('not a result stage');
    }
  }
}

/** The shuffles that a stage ending in `node` reads. */
function shufflesAbove(node: RDDNode): readonly ShuffleDependency[] {
  const found: ShuffleDependency[] = [];
  const seen = new Set<RDDNode>([node]);
  const stack = [node];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    for (const d of top.dependencies) {
      if (d.kind === 'Shuffle') found.push(d);
      else if (!seen.has(d.rdd)) {
        seen.add(d.rdd);
        stack.push(d.rdd);
      }
    }
  }
  return found;
}

function placeOf(plan: PartitionerPlan, functions: readonly unknown[]): (key: unknown) => number {
  switch (plan.kind) {
    case 'hash':
      return (key) => (key === null || key === undefined ? 0 : partitionOfHash(hashValue(key), plan.numPartitions));
    case 'identity':
      return (key) => key as number;
    case 'ofKey': {
      const inner = placeOf(plan.inner, functions);
      return (pair) => inner((pair as Pair)[0]);
    }
    case 'custom':
      return (key) => (functions[plan.partitioner] as Partitioner).getPartition(key);
    case 'range': {
      const bounds = functions[plan.bounds] as readonly unknown[];
      const compare = comparatorOf({ ...plan.ordering, ascending: true }, functions);
      return (key) => {
        const above = bounds.filter((bound) => compare(key, bound) > 0).length;
        return plan.ordering.ascending ? above : bounds.length - above;
      };
    }
  }
}

import type { Logger } from '../../src/base/logger.ts';
import { seededRandom } from '../../src/base/seeded-random.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';
import type { StageProgram } from '../../src/protocol/stage-program.ts';
import type { AccumulatorUpdate } from '../../src/protocol/task.ts';
import type { RDDNode } from '../../src/rdd/rdd-node.ts';
import { Scheduler } from '../../src/scheduler/dag-scheduler-loop.ts';
import type { CacheLocations } from '../../src/scheduler/ports.ts';
import type { JobHandle } from '../../src/scheduler/scheduler-options.ts';
import type { SchedulerSettings } from '../../src/scheduler/settings.ts';
import type { StageWork } from '../../src/scheduler/task-set.ts';
import { MapOutputTracker } from '../../src/shuffle/map-output-tracker.ts';
import { FakeBackend } from './fake-backend.ts';
import { allPartitions } from './fake-nodes.ts';
import { ManualClock } from './manual-clock.ts';

/** What a test knows of a job that it started. */
export interface WatchedJob extends JobHandle {
  readonly results: Map<number, number>;
  /** undefined while it runs, null when it succeeded. */
  outcome: () => unknown;
}

/** The cache of a test: `rddId:partition` → executors. */
export class FakeCache implements CacheLocations {
  readonly blocks = new Map<string, string[]>();

  locations(rddId: number, partition: number): readonly string[] {
    return this.blocks.get(`${rddId}:${partition}`) ?? [];
  }

  put(rddId: number, partition: number, executorId: string): void {
    const key = `${rddId}:${partition}`;
    this.blocks.set(key, [...(this.blocks.get(key) ?? []), executorId]);
  }

  executorLost(executorId: string): void {
    for (const [key, holders] of this.blocks) {
      const left = holders.filter((e) => e !== executorId);
      if (left.length === 0) this.blocks.delete(key);
      else this.blocks.set(key, left);
    }
  }
}

/** A real scheduler over a fake backend, a fake cache and a clock that stands still; invariants checked at each event. */
export class FakeCluster {
  readonly backend = new FakeBackend();
  readonly clock = new ManualClock();
  readonly cache = new FakeCache();
  readonly mapOutputs = new MapOutputTracker();
  readonly events: SparkListenerEvent[] = [];
  readonly logs: string[] = [];
  readonly accumulated: AccumulatorUpdate[] = [];
  readonly fatal: unknown[] = [];
  readonly scheduler: Scheduler;
  makeProgram: (work: StageWork, key: string) => StageProgram = (_work, key) => ({
    key,
    nodes: [],
    root: 0,
    sink: { kind: 'count' },
    closures: new Uint8Array(),
    builtIns: [],
  });

  addToAccumulators = (updates: readonly AccumulatorUpdate[]): void => {
    this.accumulated.push(...updates);
  };

  constructor(settings: Partial<SchedulerSettings> = {}, seed = 1) {
    this.scheduler = new Scheduler({
      settings: { paranoid: true, ...settings },
      backend: this.backend,
      programs: { makeProgram: (work, key) => this.makeProgram(work, key) },
      mapOutputs: this.mapOutputs,
      cacheLocations: this.cache,
      clock: this.clock,
      log: this.#logger(),
      random: seededRandom(seed),
      post: (event) => this.events.push(event),
      addToAccumulators: (updates) => this.addToAccumulators(updates),
      onFatal: (error) => this.fatal.push(error),
    });
    this.scheduler.start();
  }

  run(
    node: RDDNode,
    options: {
      partitions?: readonly number[];
      properties?: Record<string, string>;
      onTaskResult?: (index: number, bytes: Uint8Array) => void;
    } = {},
  ): WatchedJob {
    const results = new Map<number, number>();
    const handle = this.scheduler.submitJob({
      node,
      partitions: options.partitions ?? allPartitions(node),
      sink: { kind: 'count' },
      properties: options.properties ?? {},
      callSite: 'count at test.ts:1',
      onTaskResult: (index, bytes) => {
        if (results.has(index)) throw new Error(`result ${index} came twice`);
        results.set(index, bytes[0] ?? -1);
        options.onTaskResult?.(index, bytes);
      },
    });
    let outcome: unknown;
    handle.done.then(
      () => {
        outcome = null;
      },
      (error: unknown) => {
        outcome = error;
      },
    );
    return { ...handle, results, outcome: () => outcome };
  }

  /** Events as short texts, of the kinds named: `StageSubmitted 1.0`. */
  heard(...kinds: readonly string[]): string[] {
    const out: string[] = [];
    for (const event of this.events) {
      const kind = event.type.replace('SparkListener', '');
      if (!kinds.includes(kind)) continue;
      if (event.type === 'SparkListenerStageSubmitted') out.push(`${kind} ${stageName(event.stage)}`);
      else if (event.type === 'SparkListenerStageCompleted')
        out.push(`${kind} ${stageName(event.stage)}${event.failureReason === null ? '' : ' failed'}`);
      else if (event.type === 'SparkListenerJobStart') out.push(`${kind} ${event.jobId}`);
      else if (event.type === 'SparkListenerJobEnd')
        out.push(`${kind} ${event.jobId}${event.error === null ? '' : ' failed'}`);
      else if (event.type === 'SparkListenerTaskStart')
        out.push(`${kind} ${event.stageId}.${event.stageAttemptId}/${event.task.partition}`);
      else if (event.type === 'SparkListenerTaskEnd')
        out.push(`${kind} ${event.stageId}.${event.stageAttemptId}/${event.task.partition} ${event.reason.kind}`);
      else out.push(kind);
    }
    return out;
  }

  #logger(): Logger {
    const log = (message: string): void => {
      this.logs.push(message);
    };
    const logger: Logger = {
      debug: log,
      info: log,
      warn: log,
      error: log,
      enabled: () => true,
      named: () => logger,
    };
    return logger;
  }
}

function stageName(stage: { readonly stageId: number; readonly attemptNumber: number }): string {
  return `${stage.stageId}.${stage.attemptNumber}`;
}

/** Lets promises settle. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

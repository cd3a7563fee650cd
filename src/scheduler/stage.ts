import type { JobId, RddId, StageId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { RddInfo, StageInfo } from '../protocol/spark-listener-event.ts';
import type { ShuffleDependency } from '../rdd/dependency.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import type { ActiveJob } from './active-job.ts';
import type { StageWork } from './task-set.ts';

/**
 * Where a stage is in its life. Changed by DAGScheduler only.
 *
 *           submit, parents missing            parents complete
 *   idle ───────────────────────────► waiting ──────────────────► (submit again)
 *    │ ▲
 *    │ └───────── all outputs there ─────────┐
 *    └── submit, parents complete ──► running ┴─ fetch failure ──► failed ── 200 ms ──► (submit again)
 */
export type StageState = 'idle' | 'waiting' | 'running' | 'failed';

/** One stage attempt: which output each of its tasks computes, and how much of the past it knew. */
export interface StageAttempt {
  readonly outputs: readonly number[];
  /** Epoch of the map outputs when the attempt began. */
  readonly epoch: number;
}

/**
 * A maximal pipeline of narrow steps, ending in a shuffle's map side or in a job's result.
 *
 * Spark: Stage, ShuffleMapStage, ResultStage
 */
export class Stage {
  readonly id: StageId;
  readonly work: StageWork;
  readonly parents: readonly Stage[];
  /** Partitions of the stage's last RDD. */
  readonly numPartitions: number;
  /** Number of outputs: partitions of a map stage, partitions asked for of a result stage. */
  readonly numOutputs: number;
  readonly name: string;
  readonly rddIds: readonly RddId[];
  readonly #rdds: () => readonly RddInfo[];
  /** All tasks run together, and one that fails ends the attempt. */
  readonly isBarrier: boolean;
  readonly resourceProfile: ResourceProfile;
  /** Jobs that need this stage. */
  readonly jobs: Set<JobId> = new Set();
  readonly attempts: StageAttempt[] = [];
  /** Attempts that ended in a fetch failure since the stage last succeeded. */
  readonly failedAttempts: Set<number> = new Set();
  /** Attempts up to this one read what is no longer so: their tasks' successes do not count. -1: all count. */
  lastIgnoredAttempt = -1;
  state: StageState = 'idle';
  /** Result stages: the job. Null once it is done. */
  resultJob: ActiveJob | null = null;
  /** Map stages: jobs that wait for the map side alone. */
  readonly mapStageJobs: Set<ActiveJob> = new Set();
  /** 1: this output is awaited from a task of the running attempt. */
  readonly #pending: Uint8Array;
  #pendingCount = 0;

  constructor(
    id: StageId,
    work: StageWork,
    parents: readonly Stage[],
    numPartitions: number,
    numOutputs: number,
    name: string,
    nodes: readonly RDDNode[],
    isBarrier: boolean,
    resourceProfile: ResourceProfile,
  ) {
    this.id = id;
    this.work = work;
    this.parents = parents;
    this.numPartitions = numPartitions;
    this.numOutputs = numOutputs;
    this.name = name;
    this.#rdds = laterOf(nodes.map((node) => new WeakRef(node)));
    this.rddIds = nodes.map((node) => node.id);
    this.isBarrier = isBarrier;
    this.resourceProfile = resourceProfile;
    this.#pending = new Uint8Array(numOutputs);
  }

  get node(): RDDNode {
    return this.work.node;
  }

  get dependency(): ShuffleDependency | null {
    return this.work.kind === 'ShuffleMap' ? this.work.dependency : null;
  }

  /** Number of the latest attempt; -1 before the first. */
  get latestAttempt(): number {
    return this.attempts.length - 1;
  }

  /** Whether other records may come out when the stage is computed again. Costs a walk over its lineage. */
  get isIndeterminate(): boolean {
    return this.node.outputDeterminism === 'INDETERMINATE';
  }

  /** Whatever the attempts so far still bring is too late. */
  ignoreAttempts(): void {
    this.lastIgnoredAttempt = this.latestAttempt;
  }

  isAwaited(output: number): boolean {
    return this.#pending[output] === 1;
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  awaitOutputs(outputs: readonly number[]): void {
    this.#pending.fill(0);
    for (const output of outputs) this.#pending[output] = 1;
    this.#pendingCount = outputs.length;
  }

  awaitAgain(output: number): void {
    if (this.#pending[output] === 1) return;
    this.#pending[output] = 1;
    this.#pendingCount++;
  }

  arrived(output: number): void {
    if (this.#pending[output] !== 1) return;
    this.#pending[output] = 0;
    this.#pendingCount--;
  }

  /** For checkInvariants: the bitmap counted anew. */
  countPending(): number {
    return this.#pending.reduce((sum, bit) => sum + bit, 0);
  }

  /** The stage as listeners see it. `attempt` -1 (not yet submitted) shows as 0, as in Spark. */
  info(attempt: number = this.latestAttempt): StageInfo {
    return {
      stageId: this.id,
      attemptNumber: Math.max(attempt, 0),
      name: this.name,
      numTasks: this.attempts[attempt]?.outputs.length ?? this.numOutputs,
      rddIds: this.rddIds,
      rdds: this.#rdds,
      parentIds: this.parents.map((p) => p.id),
      kind: this.work.kind === 'ShuffleMap' ? 'ShuffleMapStage' : 'ResultStage',
      shuffleDepId: this.dependency?.shuffleId ?? null,
      resourceProfileId: this.resourceProfile.id,
    };
  }

  /** `ShuffleMapStage 3 (map at app.ts:5)`, as Spark's messages name it. */
  toString(): string {
    return `${this.work.kind}Stage ${this.id} (${this.name})`;
  }
}

/**
 * What is to be said of nodes when somebody asks. Whoever keeps it keeps neither stage nor nodes: the program's RDDs are cleaned up
 * when nothing else reaches them, and descriptions of stages are kept for long.
 */
function laterOf(nodes: readonly WeakRef<RDDNode>[]): () => readonly RddInfo[] {
  return () =>
    nodes.flatMap((reference) => {
      const node = reference.deref();
      return node === undefined ? [] : [rddInfo(node)];
    });
}

/** Spark: RDDInfo.fromRdd */
function rddInfo(node: RDDNode): RddInfo {
  return {
    rddId: node.id,
    name: node.name ?? node.className,
    callSite: node.callSite,
    parentIds: node.dependencies.map((dependency) => dependency.rdd.id),
    storageLevel: node.storageLevel,
    isBarrier: node.isFromBarrier,
    determinism: node.outputDeterminism,
    numPartitions: node.numPartitions,
  };
}

import type { ExecutorId, JobId, ShuffleId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { ActiveJob } from './active-job.ts';
import type { BarrierLimits } from './barrier-checks.ts';
import type { DagEffect, DagEvent } from './dag-events.ts';
import type { CacheLocations, MapOutputRegistry } from './ports.ts';
import type { ResourceProfiles } from './resource-profiles.ts';
import type { SchedulerSettings } from './settings.ts';
import type { Stage } from './stage.ts';
import { StageGraph } from './stage-graph.ts';

export type DagSettings = Pick<
  SchedulerSettings,
  | 'barrierCheckIntervalMs'
  | 'barrierCheckMaxFailures'
  | 'dynamicAllocation'
  | 'ignoreDecommissionFetchFailure'
  | 'maxConsecutiveStageAttempts'
  | 'maxStageAttempts'
  | 'numCancelledJobGroupsToTrack'
  | 'reduceLocality'
  | 'resubmitDelayMs'
  | 'shuffleServiceEnabled'
  | 'unregisterOutputOnHost'
>;

/** A job that is submitted again at `at`. */
export interface WaitingJob {
  readonly event: Extract<DagEvent, { type: 'JobSubmitted' }>;
  readonly numFailedChecks: number;
  readonly at: number;
}

/** What the parts of the DAG scheduler share: its tables, and the effects of the event that is being handled. */
export class DagTables {
  readonly settings: DagSettings;
  readonly mapOutputs: MapOutputRegistry;
  readonly cache: CacheLocations;
  readonly graph: StageGraph;
  readonly jobs: Map<JobId, ActiveJob> = new Map();
  readonly byState: Readonly<Record<'waiting' | 'running' | 'failed', Set<Stage>>> = {
    waiting: new Set(),
    running: new Set(),
    failed: new Set(),
  };
  readonly hosts: Map<ExecutorId, string> = new Map();
  /** Epoch in which an executor was found to be lost. */
  readonly failureEpochs: Map<ExecutorId, number> = new Map();
  /** Executors told to leave, or gone so, with the host that leaves with them (null: it stays). */
  readonly decommissioned: Map<ExecutorId, string | null> = new Map();
  /** Groups whose jobs are refused; the oldest is forgotten first. */
  readonly cancelledJobGroups: Set<string> = new Set();
  /** Jobs with a barrier stage for which there are too few slots. */
  readonly waitingForSlots: Map<JobId, WaitingJob> = new Map();
  /** Shuffles that go as soon as no active job needs them. */
  readonly unwantedShuffles: Set<ShuffleId> = new Set();
  resubmissionComing = false;
  out: DagEffect[] = [];

  constructor(
    settings: DagSettings,
    mapOutputs: MapOutputRegistry,
    cache: CacheLocations,
    maxConcurrentTasks: BarrierLimits['maxConcurrentTasks'],
    profiles: Pick<ResourceProfiles, 'ofStage'>,
  ) {
    this.settings = settings;
    this.mapOutputs = mapOutputs;
    this.cache = cache;
    const { dynamicAllocation } = settings;
    this.graph = new StageGraph(mapOutputs, cache, { dynamicAllocation, maxConcurrentTasks }, profiles);
  }

  enter(stage: Stage, state: Stage['state']): void {
    if (stage.state !== 'idle') this.byState[stage.state].delete(stage);
    stage.state = state;
    if (state !== 'idle') this.byState[state].add(stage);
  }

  /** The stage is submitted again, with all others that failed, after `resubmitDelayMs`. */
  resubmitLater(stage: Stage, at: number): void {
    if (stage.state === 'idle') this.enter(stage, 'failed');
    if (this.resubmissionComing || this.byState.failed.size === 0) return;
    this.resubmissionComing = true;
    this.out.push({ type: 'WakeAt', at: at + this.settings.resubmitDelayMs, why: 'ResubmitFailedStages' });
  }

  /** Forgets the stage, and its shuffle if nobody wants that either. */
  forget(stage: Stage): void {
    this.enter(stage, 'idle');
    this.graph.remove(stage);
    this.out.push({ type: 'StageForgotten', stageId: stage.id });
    const shuffleId = stage.dependency?.shuffleId;
    if (shuffleId !== undefined && this.unwantedShuffles.has(shuffleId)) this.removeShuffle(shuffleId);
  }

  removeShuffle(shuffleId: ShuffleId): void {
    this.unwantedShuffles.delete(shuffleId);
    const outputs = this.mapOutputs.unregisterShuffle(shuffleId);
    this.out.push({ type: 'RemoveShuffle', shuffleId, outputs });
  }

  want(effect: DagEffect): void {
    this.out.push(effect);
  }

  post(event: SparkListenerEvent): void {
    this.out.push({ type: 'Post', event });
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void {
    this.out.push({ type: 'Log', level, message });
  }
}

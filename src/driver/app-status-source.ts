import type { SparkListener } from '../events/listener-bus.ts';
import { Counter, gauge, type Metric } from '../metrics/instruments.ts';
import type { Source } from '../metrics/metrics-snapshot.ts';
import type { JobId, StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';

interface RunningJob {
  readonly startedAt: number;
  /** Tasks of stages that were not submitted. */
  readonly waiting: Map<StageId, number>;
}

const NAMES = [
  'stages.failedStages',
  'stages.skippedStages',
  'stages.completedStages',
  'tasks.completedTasks',
  'tasks.failedTasks',
  'tasks.killedTasks',
  'tasks.skippedTasks',
  'jobs.succeededJobs',
  'jobs.failedJobs',
] as const;

/** How many jobs, stages and tasks have ended how. Spark: AppStatusSource */
export class AppStatusSource implements Source, SparkListener {
  readonly name = 'appStatus';
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly #counters = Object.fromEntries(NAMES.map((name) => [name, new Counter()])) as Readonly<
    Record<(typeof NAMES)[number], Counter> // one each
  >;
  readonly #jobs = new Map<JobId, RunningJob>();
  /** Of the job that ended last, ms. */
  #jobDuration = 0;

  constructor() {
    this.metrics = { ...this.#counters, jobDuration: gauge(() => this.#jobDuration) };
  }

  onEvent(event: SparkListenerEvent): void {
    const counters = this.#counters;
    switch (event.type) {
      case 'SparkListenerJobStart': {
        const waiting = new Map(event.stages.map(({ stageId, numTasks }) => [stageId, numTasks]));
        this.#jobs.set(event.jobId, { startedAt: event.at, waiting });
        return;
      }
      case 'SparkListenerStageSubmitted':
        for (const { waiting } of this.#jobs.values()) waiting.delete(event.stage.stageId);
        return;
      case 'SparkListenerStageCompleted':
        counters[event.failureReason === null ? 'stages.completedStages' : 'stages.failedStages'].inc();
        return;
      case 'SparkListenerTaskEnd':
        if (event.reason.kind === 'Success') counters['tasks.completedTasks'].inc();
        else counters[event.reason.kind === 'TaskKilled' ? 'tasks.killedTasks' : 'tasks.failedTasks'].inc();
        return;
      case 'SparkListenerJobEnd': {
        counters[event.error === null ? 'jobs.succeededJobs' : 'jobs.failedJobs'].inc();
        const job = this.#jobs.get(event.jobId);
        if (job === undefined) return;
        this.#jobs.delete(event.jobId);
        this.#jobDuration = event.at - job.startedAt;
        counters['stages.skippedStages'].inc(job.waiting.size);
        for (const numTasks of job.waiting.values()) counters['tasks.skippedTasks'].inc(numTasks);
        return;
      }
      default:
    }
  }
}

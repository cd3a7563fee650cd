import { InvariantError } from '../base/errors.ts';
import type { ExecutorId, JobId } from '../protocol/ids.ts';
import type { ActiveJob } from './active-job.ts';
import type { Stage } from './stage.ts';
import type { StageGraph } from './stage-graph.ts';

/** The tables of the DAG scheduler, for looking at only. */
interface DagTables {
  readonly graph: StageGraph;
  readonly jobs: ReadonlyMap<JobId, ActiveJob>;
  readonly byState: Readonly<Record<'waiting' | 'running' | 'failed', ReadonlySet<Stage>>>;
  readonly failureEpochs: ReadonlyMap<ExecutorId, number>;
  readonly resubmissionComing: boolean;
}

/** The numbered invariants of DAGScheduler as code. Costs the size of all tables; not for every event of a big job. */
export function checkDagInvariants(tables: DagTables): void {
  const { graph, jobs, byState } = tables;
  const holds = (rule: number, condition: boolean, what: string): void => {
    if (!condition) throw new InvariantError(`DAGScheduler, rule ${rule}: ${what}`);
  };
  for (const state of ['waiting', 'running', 'failed'] as const)
    for (const stage of byState[state]) {
      holds(1, stage.state === state, `${stage} is listed as ${state} and says ${stage.state}`);
      holds(1, graph.get(stage.id) === stage, `${stage} is ${state} and forgotten`);
    }
  for (const stage of graph.all()) {
    if (stage.state !== 'idle') holds(1, byState[stage.state].has(stage), `${stage} is ${stage.state} and not listed`);
    const shuffleId = stage.dependency?.shuffleId;
    if (shuffleId !== undefined)
      holds(1, graph.ofShuffle(shuffleId) === stage, `shuffle ${shuffleId} has two stages or none`);
    holds(2, stage.jobs.size > 0, `${stage} is needed by no job`);
    for (const jobId of stage.jobs)
      holds(1, jobs.get(jobId)?.stages.has(stage) === true, `${stage} names job ${jobId}, which does not name it`);
    holds(3, stage.state !== 'running' || stage.pendingCount > 0, `${stage} runs and awaits nothing`);
    holds(3, stage.pendingCount === stage.countPending(), `${stage} counts its pending outputs wrong`);
    holds(8, stage.state !== 'running' || stage.latestAttempt > stage.lastIgnoredAttempt, `${stage} runs in vain`);
    if (stage.state === 'waiting')
      holds(
        4,
        stage.parents.some((p) => p.state !== 'idle'),
        `${stage} waits for nothing`,
      );
  }
  for (const job of jobs.values()) {
    for (const stage of job.stages) holds(1, stage.jobs.has(job.id), `job ${job.id} needs ${stage}, which forgot it`);
    const open = job.unfinishedOutputs().length;
    holds(6, open + job.numFinished === job.partitions.length, `job ${job.id} counts its outputs wrong`);
    holds(4, job.finalStage.state !== 'idle', `job ${job.id} is active and its final stage idle`);
  }
  holds(5, byState.failed.size === 0 || tables.resubmissionComing, 'a failed stage will not be resubmitted');
  if (jobs.size === 0) {
    holds(2, graph.size === 0 && graph.numShuffles === 0, 'no job, but stages');
    holds(2, tables.failureEpochs.size === 0, 'no job, but lost executors');
  }
}

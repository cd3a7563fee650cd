import type { ActiveJob } from './active-job.ts';
import type { MapOutputRegistry } from './ports.ts';
import type { PreferredLocations } from './preferred-locations.ts';
import type { Stage } from './stage.ts';
import type { TaskSet } from './task-set.ts';

/** The outputs a stage has still to compute, ascending. Spark: Stage.findMissingPartitions */
export function missingOutputs(stage: Stage, mapOutputs: MapOutputRegistry): readonly number[] {
  if (stage.work.kind === 'ShuffleMap') return mapOutputs.missingPartitions(stage.work.dependency.shuffleId);
  return stage.resultJob?.unfinishedOutputs() ?? [];
}

/**
 * The tasks of the stage's latest attempt, on behalf of `job`.
 *
 * @throws what the nodes throw when asked where they want to be computed.
 */
export function taskSetOf(stage: Stage, job: ActiveJob, places: PreferredLocations): TaskSet {
  const attempt = stage.latestAttempt;
  const outputs = stage.attempts[attempt]?.outputs ?? [];
  const owner = stage.resultJob;
  // A result stage's outputs are indexes into its job's partitions.
  const partitions = owner === null ? outputs : outputs.map((output) => owner.partitions[output] as number);
  return {
    stageId: stage.id,
    attempt,
    work: stage.work,
    partitions,
    outputs,
    numPartitions: stage.numPartitions,
    locations: places.ofAll(stage.node, partitions),
    priority: job.id,
    properties: job.properties,
    isBarrier: stage.isBarrier,
    resourceProfile: stage.resourceProfile,
  };
}

import type { StageId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { ResourceAmounts } from './executor-resources.ts';
import type { ExecutorState } from './running-task.ts';
import type { SchedulerSettings } from './settings.ts';

/** What each task of a task set takes, and of which executors. */
export interface TaskNeeds {
  readonly cpus: number;
  /** Null: cores only. */
  readonly resources: ResourceAmounts | null;
  /** Executors of this profile only. */
  readonly profileId: number;
}

/**
 * What the tasks of a profile take. The default profile is what the settings say. One that asks for tasks alone runs on
 * executors of the default profile, unless dynamic allocation gets executors for it.
 *
 * Spark: TaskSchedulerImpl.resourcesMeetTaskRequirements, ResourceProfileManager.canBeScheduled
 */
export function taskNeeds(
  profile: ResourceProfile,
  settings: Pick<SchedulerSettings, 'cpusPerTask' | 'taskResources' | 'dynamicAllocation'>,
): TaskNeeds {
  const { id, taskResources, executorResources } = profile;
  const isDefault = id === 0;
  const amounts = new Map<string, number>(isDefault ? Object.entries(settings.taskResources) : []);
  if (!isDefault)
    for (const { resourceName, amount } of Object.values(taskResources))
      if (resourceName !== 'cpus') amounts.set(resourceName, amount);
  const isTaskOnly = Object.keys(executorResources).length === 0 && !settings.dynamicAllocation;
  return {
    cpus: taskResources['cpus']?.amount ?? settings.cpusPerTask,
    resources: amounts.size === 0 ? null : amounts,
    profileId: isTaskOnly ? 0 : id,
  };
}

/**
 * How many such tasks the executor could start now.
 *
 * @param queue cores beyond those that are free.
 */
export function slotsFor(needs: TaskNeeds, executor: ExecutorState, queue: number): number {
  if (executor.profileId !== needs.profileId) return 0;
  const cores = Math.floor((executor.freeCores + queue) / needs.cpus);
  return needs.resources === null ? cores : Math.min(cores, executor.resources.slots(needs.resources));
}

/** How many such tasks the executor could run if it ran nothing else. */
export function capacityFor(needs: TaskNeeds, executor: ExecutorState): number {
  if (executor.profileId !== needs.profileId || executor.decommissionedAt !== null) return 0;
  const cores = Math.floor(executor.cores / needs.cpus);
  return needs.resources === null ? cores : Math.min(cores, executor.resources.capacity(needs.resources));
}

/** Why tasks wait though there are executors, in words; '' when each of them could run on one of those. */
export function whyNoneFits(
  sets: Iterable<{
    readonly hasPending: boolean;
    readonly needs: TaskNeeds;
    readonly taskSet: { readonly stageId: StageId };
  }>,
  executors: readonly ExecutorState[],
): string {
  for (const { hasPending, needs, taskSet } of sets) {
    if (!hasPending || executors.some((executor) => capacityFor(needs, executor) > 0)) continue;
    const { profileId, cpus, resources } = needs;
    const whose = profileId === 0 ? '' : ` of resource profile ${profileId}`;
    const isThere = executors.some((executor) => executor.profileId === profileId);
    const has = isThere ? `no executor${whose} has them` : `there is no executor${whose}`;
    const needed = [`${cpus} cpus`, ...[...(resources ?? [])].map(([name, amount]) => `${amount} of ${name}`)];
    return ` (a task of stage ${taskSet.stageId} needs ${needed.join(' and ')}, and ${has})`;
  }
  return '';
}

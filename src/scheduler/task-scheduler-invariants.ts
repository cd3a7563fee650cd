import { InvariantError } from '../base/errors.ts';
import type { StageId, TaskId } from '../protocol/ids.ts';
import type { ExecutorTable } from './executor-table.ts';
import type { Pool } from './pool.ts';
import type { RunningTask } from './running-task.ts';
import type { TaskSetManager } from './task-set-manager.ts';

/** What a TaskScheduler keeps to itself. */
export interface TaskSchedulerTables {
  readonly executors: ExecutorTable;
  readonly running: ReadonlyMap<TaskId, RunningTask>;
  readonly managers: ReadonlyMap<StageId, ReadonlyMap<number, TaskSetManager>>;
  readonly root: Pool<TaskSetManager>;
}

/** Throws InvariantError if one of the first four rules of TaskScheduler's class comment is broken. */
export function checkTaskSchedulerInvariants({ executors, running, managers, root }: TaskSchedulerTables): void {
  const holds = (rule: number, condition: boolean, what: string): void => {
    if (!condition) throw new InvariantError(`TaskScheduler, rule ${rule}: ${what}`);
  };
  let onExecutors = 0;
  for (const executor of executors.all()) {
    let used = 0;
    for (const { manager } of executor.running) used += manager.needs.cpus;
    holds(1, executor.freeCores + used === executor.cores, `executor ${executor.id} counts its cores wrong`);
    holds(1, executor.freeCores >= -executor.shortQueue, `executor ${executor.id} has more tasks than it takes`);
    onExecutors += executor.running.size;
    for (const task of executor.running)
      holds(2, running.get(task.taskId) === task, `task ${task.taskId} is forgotten`);
  }
  let inSets = 0;
  for (const [stageId, attempts] of managers) {
    const active = [...attempts.values()].filter((manager) => !manager.isZombie).length;
    holds(3, active <= 1, `stage ${stageId} has ${active} active task sets`);
    for (const manager of attempts.values()) {
      inSets += manager.running.size;
      holds(4, !manager.isZombie || manager.running.size > 0, `${manager.name} is finished and still here`);
      manager.checkInvariants();
    }
  }
  const total = running.size;
  holds(2, onExecutors === total && inSets === total, `${total} run, ${onExecutors} on executors, ${inSets} in sets`);
  holds(2, root.runningTasks === total, `the root pool counts ${root.runningTasks} of ${total}`);
}

import { InvariantError } from '../base/errors.ts';
import type { PendingTasks } from './pending-tasks.ts';
import type { Speculation } from './speculation.ts';
import type { TaskSetManager } from './task-set-manager.ts';
import type { TaskStates } from './task-states.ts';

/** What a TaskSetManager keeps to itself. */
export interface TaskSetTables {
  readonly manager: TaskSetManager;
  readonly pending: PendingTasks;
  readonly speculation: Speculation | null;
  readonly states: TaskStates;
}

/** Throws InvariantError if a numbered rule of TaskSetManager's class comment is broken. */
export function checkTaskSetInvariants(tables: TaskSetTables): void {
  const { manager, pending, speculation, states } = tables;
  const { isZombie, running, name } = manager;
  const holds = (rule: number, condition: boolean, what: string): void => {
    if (!condition) throw new InvariantError(`TaskSetManager ${name}, rule ${rule}: ${what}`);
  };
  const copiesOf = new Map<number, number>();
  for (const { info } of running) copiesOf.set(info.index, (copiesOf.get(info.index) ?? 0) + 1);
  let numDone = 0;
  let numPending = 0;
  for (let index = 0; index < states.numTasks; index++) {
    const isDone = states.isSuccessful(index);
    numDone += isDone ? 1 : 0;
    const isPending = pending.isPending(index);
    numPending += isPending ? 1 : 0;
    const n = copiesOf.get(index) ?? 0;
    holds(1, !(isPending && (n > 0 || isDone)), `task ${index} is pending, with ${n} copies running`);
    holds(1, isZombie || isPending || n > 0 || isDone, `task ${index} is forgotten`);
    holds(2, n <= (speculation === null ? 1 : 2), `${n} copies of task ${index} run`);
    const isWanted = speculation?.isWanted(index) === true;
    holds(2, !isWanted || n === 1, `a second copy of task ${index} is wanted, ${n} run`);
    holds(3, states.copies(index) === n, `task ${index}: ${states.copies(index)} copies counted, ${n} run`);
  }
  holds(3, numDone === states.numSuccessful, `${states.numSuccessful} successes counted, ${numDone} there`);
  holds(3, numPending === pending.count, `${pending.count} pending counted, ${numPending} there`);
  holds(4, !isZombie || running.size > 0, 'a finished zombie is still here');
}

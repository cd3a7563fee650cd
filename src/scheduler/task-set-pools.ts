import { Pool, poolNameOf } from './pool.ts';
import type { SchedulerSettings } from './settings.ts';
import type { TaskSet } from './task-set.ts';
import type { TaskSetManager } from './task-set-manager.ts';

/** The pools that task sets stand in. FIFO knows none; FAIR makes one with defaults for a name it has not heard of. */
export class TaskSetPools {
  readonly root: Pool<TaskSetManager>;
  readonly #byName = new Map<string, Pool<TaskSetManager>>();

  constructor(settings: Pick<SchedulerSettings, 'mode' | 'pools'>) {
    this.root = new Pool({ name: '', schedulingMode: settings.mode, weight: 0, minShare: 0 });
    if (settings.mode === 'FAIR')
      for (const definition of settings.pools) this.#byName.set(definition.name, new Pool(definition, this.root));
  }

  poolFor(taskSet: TaskSet): Pool<TaskSetManager> {
    if (this.root.schedulingMode === 'FIFO') return this.root;
    const name = poolNameOf(taskSet.properties);
    let pool = this.#byName.get(name);
    if (pool === undefined) {
      pool = new Pool({ name, schedulingMode: 'FIFO', weight: 1, minShare: 0 }, this.root);
      this.#byName.set(name, pool);
    }
    return pool;
  }
}

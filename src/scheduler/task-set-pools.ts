import { Pool, poolNameOf } from './pool.ts';
import type { SchedulerSettings } from './settings.ts';
import type { TaskSet } from './task-set.ts';
import type { TaskSetManager } from './task-set-manager.ts';

const DEFAULT_POOL = 'default';

/**
 * The pools that task sets stand in. FIFO knows none; FAIR has one for jobs that name none, and makes one with defaults for a name it
 * has not heard of.
 *
 * Spark: FairSchedulableBuilder
 */
export class TaskSetPools {
  readonly root: Pool<TaskSetManager>;
  readonly #byName = new Map<string, Pool<TaskSetManager>>();
  readonly #warn: (message: string) => void;

  constructor(settings: Pick<SchedulerSettings, 'mode' | 'pools'>, warn: (message: string) => void) {
    this.#warn = warn;
    this.root = new Pool({ name: '', schedulingMode: settings.mode, weight: 0, minShare: 0 });
    if (settings.mode === 'FIFO') return;
    for (const definition of settings.pools) this.#byName.set(definition.name, new Pool(definition, this.root));
    if (!this.#byName.has(DEFAULT_POOL)) this.#make(DEFAULT_POOL);
  }

  poolFor(taskSet: TaskSet): Pool<TaskSetManager> {
    if (this.root.schedulingMode === 'FIFO') return this.root;
    const name = poolNameOf(taskSet.properties);
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const pool = this.#make(name);
    const { schedulingMode, minShare, weight } = pool;
    this.#warn(
      `A job was submitted with scheduler pool ${name}, which has not been configured. This can happen when the file that pools are read from isn't set, or when that file doesn't contain ${name}. Created ${name} with default configuration (schedulingMode: ${schedulingMode}, minShare: ${minShare}, weight: ${weight})`,
    );
    return pool;
  }

  #make(name: string): Pool<TaskSetManager> {
    const pool = new Pool<TaskSetManager>({ name, schedulingMode: 'FIFO', weight: 1, minShare: 0 }, this.root);
    this.#byName.set(name, pool);
    return pool;
  }
}

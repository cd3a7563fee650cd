/** A pool of the FAIR scheduler, as its allocation file states it. */
export interface PoolDefinition {
  readonly name: string;
  /** Order of the task sets within the pool. */
  readonly schedulingMode: 'FIFO' | 'FAIR';
  /** Share relative to other pools. */
  readonly weight: number;
  /** Running tasks up to which the pool goes before all others. */
  readonly minShare: number;
}

/** A pool as a program sees it. */
export interface PoolState extends PoolDefinition {
  readonly runningTasks: number;
}

/** What stands in a pool: a task set or another pool. Spark: Schedulable */
export interface Schedulable {
  readonly name: string;
  readonly weight: number;
  readonly minShare: number;
  readonly runningTasks: number;
  /** Job id; under FIFO the lower goes first. Pools: 0. */
  readonly priority: number;
  /** Breaks ties under FIFO. Pools: -1. */
  readonly stageId: number;
  /** False: nothing to launch, not worth looking at. */
  readonly hasPending: boolean;
}

/**
 * An ordered group of task sets and pools.
 *
 * FIFO children are kept sorted, since their order never changes; FAIR children are sorted when asked for, since every
 * launch changes it.
 *
 * Spark: Pool
 */
export class Pool<T extends Schedulable> implements Schedulable {
  readonly name: string;
  readonly schedulingMode: 'FIFO' | 'FAIR';
  readonly weight: number;
  readonly minShare: number;
  readonly priority = 0;
  readonly stageId = -1;
  readonly parent: Pool<T> | null;
  readonly #children: (T | Pool<T>)[] = [];
  #runningTasks = 0;

  constructor(definition: PoolDefinition, parent: Pool<T> | null = null) {
    this.name = definition.name;
    this.schedulingMode = definition.schedulingMode;
    this.weight = definition.weight;
    this.minShare = definition.minShare;
    this.parent = parent;
    parent?.add(this);
  }

  get runningTasks(): number {
    return this.#runningTasks;
  }

  get hasPending(): boolean {
    return this.#children.some((child) => child.hasPending);
  }

  get children(): readonly (T | Pool<T>)[] {
    return this.#children;
  }

  add(child: T | Pool<T>): void {
    let i = this.#children.length;
    if (this.schedulingMode === 'FIFO') while (i > 0 && fifoOrder(this.#children[i - 1] as T | Pool<T>, child) > 0) i--; // i - 1 is within bounds
    this.#children.splice(i, 0, child);
  }

  remove(child: T | Pool<T>): void {
    const i = this.#children.indexOf(child);
    if (i >= 0) this.#children.splice(i, 1);
  }

  /** One task more, or one less, runs somewhere below. */
  countRunning(change: 1 | -1): void {
    for (let pool: Pool<T> | null = this; pool !== null; pool = pool.parent) pool.#runningTasks += change;
  }

  /** Task sets with something to launch, in the order in which they are offered cores. */
  sorted(into: T[] = []): T[] {
    let children: readonly (T | Pool<T>)[] = this.#children;
    if (this.schedulingMode === 'FAIR')
      children = children.length < 2 ? children : children.filter((c) => c.hasPending).sort(fairOrder);
    for (const child of children) {
      if (child instanceof Pool) child.sorted(into);
      else if (child.hasPending) into.push(child);
    }
    return into;
  }
}

/** Spark: FIFOSchedulingAlgorithm */
function fifoOrder(a: Schedulable, b: Schedulable): number {
  return a.priority - b.priority || a.stageId - b.stageId;
}

/** Spark: FairSchedulingAlgorithm */
function fairOrder(a: Schedulable, b: Schedulable): number {
  const aNeedy = a.runningTasks < a.minShare;
  const bNeedy = b.runningTasks < b.minShare;
  if (aNeedy !== bNeedy) return aNeedy ? -1 : 1;
  const difference = aNeedy
    ? a.runningTasks / Math.max(a.minShare, 1) - b.runningTasks / Math.max(b.minShare, 1)
    : a.runningTasks / a.weight - b.runningTasks / b.weight;
  if (difference !== 0) return difference;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** The name of the pool that a task set asks for (spark.scheduler.pool). */
export function poolNameOf(properties: Readonly<Record<string, string>>): string {
  return properties['spark.scheduler.pool'] ?? 'default';
}

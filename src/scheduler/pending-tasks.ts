import type { ExecutorId } from '../protocol/ids.ts';
import { Locality } from './locality.ts';
import type { TaskLocation } from './task-set.ts';

/**
 * Task indexes to be launched, lowest first, those that came back first of all. Entries are not removed when a task is
 * launched through another list: whoever takes one must ask whether it still waits.
 */
class IndexList {
  readonly #back: number[] = [];
  readonly #initial: readonly number[] | null;
  readonly #end: number;
  #next = 0;

  /** `initial`: ascending; or a count, meaning all indexes below it. */
  constructor(initial: readonly number[] | number) {
    this.#initial = typeof initial === 'number' ? null : initial;
    this.#end = typeof initial === 'number' ? initial : initial.length;
  }

  push(index: number): void {
    this.#back.push(index);
  }

  /** The first that waits, dropping those before it; -1 when there is none. */
  peek(waits: Uint8Array): number {
    for (let i = this.#back.length - 1; i >= 0; i--) {
      const index = this.#back[i] as number; // i is within bounds
      if (waits[index] === 1) return index;
      this.#back.length = i;
    }
    for (; this.#next < this.#end; this.#next++) {
      const index = this.#initial === null ? this.#next : (this.#initial[this.#next] as number);
      if (waits[index] === 1) return index;
    }
    return -1;
  }

  /** The first that waits and is not to be skipped. Costs as much as there are such that are skipped. */
  peekExcept(waits: Uint8Array, skip: (index: number) => boolean): number {
    const first = this.peek(waits);
    if (first < 0 || !skip(first)) return first;
    for (let i = this.#back.length - 1; i >= 0; i--) {
      const index = this.#back[i] as number; // i is within bounds
      if (waits[index] !== 1) this.#back.splice(i, 1);
      else if (!skip(index)) return index;
    }
    for (let next = this.#next; next < this.#end; next++) {
      const index = this.#initial === null ? next : (this.#initial[next] as number);
      if (waits[index] === 1 && !skip(index)) return index;
    }
    return -1;
  }
}

/** One list per executor, host or rack. */
class PlaceLists {
  readonly #lists: Map<string, IndexList>;
  readonly #inOrder: IndexList[];
  /** Lists before this one are exhausted; so asking whether any task waits does not walk over them again. */
  #cursor = 0;

  constructor(indexes: ReadonlyMap<string, readonly number[]>) {
    this.#lists = new Map();
    for (const [place, list] of indexes) this.#lists.set(place, new IndexList(list));
    this.#inOrder = [...this.#lists.values()];
  }

  get size(): number {
    return this.#inOrder.length;
  }

  get(place: string): IndexList | undefined {
    return this.#lists.get(place);
  }

  has(place: string): boolean {
    return this.#lists.has(place);
  }

  places(): Iterable<string> {
    return this.#lists.keys();
  }

  push(place: string, index: number): void {
    let list = this.#lists.get(place);
    if (list === undefined) {
      list = new IndexList(0);
      this.#lists.set(place, list);
      this.#inOrder.push(list);
    }
    list.push(index);
    this.#cursor = 0;
  }

  anyWaits(waits: Uint8Array): boolean {
    for (; this.#cursor < this.#inOrder.length; this.#cursor++)
      if ((this.#inOrder[this.#cursor] as IndexList).peek(waits) >= 0) return true; // the cursor is within bounds
    return false;
  }
}

const NOWHERE: readonly TaskLocation[] = [];

/**
 * The tasks of a task set that are to be launched, findable by place. Taking one costs amortised constant time however
 * many there are: a launched task's entries in other lists are dropped when they come up.
 *
 * Spark: PendingTasksByLocality
 */
export class PendingTasks {
  readonly #locations: readonly (readonly TaskLocation[])[] | null;
  readonly #rackOf: ((host: string) => string | null) | null;
  /** 1: to be launched. */
  readonly #waits: Uint8Array;
  /** The tasks that wait, in no order, in the first `count` places; and where each of them stands. */
  readonly #indexes: Uint32Array;
  readonly #positions: Uint32Array;
  readonly #all: IndexList;
  readonly #noPrefs: IndexList;
  readonly #byExecutor: PlaceLists;
  readonly #byHost: PlaceLists;
  readonly #byRack: PlaceLists;
  #count: number;

  constructor(
    numTasks: number,
    locations: readonly (readonly TaskLocation[])[] | null,
    rackOf: ((host: string) => string | null) | null,
    initially: 'all' | 'none' = 'all',
  ) {
    this.#locations = locations;
    this.#rackOf = rackOf;
    const all = initially === 'all';
    this.#waits = new Uint8Array(numTasks);
    this.#indexes = new Uint32Array(numTasks);
    this.#positions = new Uint32Array(numTasks);
    if (all) {
      this.#waits.fill(1);
      for (let i = 0; i < numTasks; i++) this.#indexes[i] = this.#positions[i] = i;
    }
    this.#count = all ? numTasks : 0;
    this.#all = new IndexList(this.#count);
    const noPrefs: number[] = [];
    const byExecutor = new Map<string, number[]>();
    const byHost = new Map<string, number[]>();
    const byRack = new Map<string, number[]>();
    const initial = all ? locations : null;
    initial?.forEach((places, index) => {
      if (places.length === 0) noPrefs.push(index);
      for (const { executorId, host } of places) {
        if (executorId !== null) append(byExecutor, executorId, index);
        append(byHost, host, index);
        const rack = rackOf?.(host) ?? null;
        if (rack !== null) append(byRack, rack, index);
      }
    });
    this.#noPrefs = new IndexList(initial === null ? this.#count : noPrefs);
    this.#byExecutor = new PlaceLists(byExecutor);
    this.#byHost = new PlaceLists(byHost);
    this.#byRack = new PlaceLists(byRack);
  }

  /** Tasks to be launched. */
  get count(): number {
    return this.#count;
  }

  isPending(index: number): boolean {
    return this.#waits[index] === 1;
  }

  /** The task needs no launch (any more). */
  remove(index: number): void {
    if (this.#waits[index] !== 1) return;
    this.#waits[index] = 0;
    this.#count--;
    // The last one takes its place.
    const position = this.#positions[index] as number; // indexes are below numTasks, here and in add()
    const last = this.#indexes[this.#count] as number;
    this.#indexes[position] = last;
    this.#positions[last] = position;
  }

  /** Calls `visit` with each place that a waiting task prefers; some come more than once. */
  forEachPlace(visit: (place: TaskLocation) => void): void {
    if (this.#locations === null) return;
    for (let i = 0; i < this.#count; i++)
      for (const place of this.#locations[this.#indexes[i] as number] ?? NOWHERE) visit(place);
  }

  /** The task is to be launched again. */
  add(index: number): void {
    if (this.#waits[index] === 1) return;
    this.#waits[index] = 1;
    this.#indexes[this.#count] = index;
    this.#positions[index] = this.#count;
    this.#count++;
    this.#all.push(index);
    const places = this.#locations?.[index] ?? NOWHERE;
    if (places.length === 0) this.#noPrefs.push(index);
    for (const { executorId, host } of places) {
      if (executorId !== null) this.#byExecutor.push(executorId, index);
      this.#byHost.push(host, index);
      const rack = this.#rackOf?.(host) ?? null;
      if (rack !== null) this.#byRack.push(rack, index);
    }
  }

  /**
   * Index of a task for this executor, at `max` or nearer, as near as possible; -1 when there is none.
   *
   * @param skip tasks that must not run there; null: all may.
   */
  find(executorId: ExecutorId, host: string, max: Locality, skip: ((index: number) => boolean) | null): number {
    if (this.#count === 0) return -1;
    let index = this.#byExecutor.size === 0 ? -1 : this.#first(this.#byExecutor.get(executorId), skip);
    this.foundAt = Locality.PROCESS_LOCAL;
    if (index < 0 && max >= Locality.NODE_LOCAL && this.#byHost.size > 0) {
      index = this.#first(this.#byHost.get(host), skip);
      this.foundAt = Locality.NODE_LOCAL;
    }
    if (index < 0 && max >= Locality.NO_PREF) {
      index = this.#first(this.#noPrefs, skip);
      this.foundAt = Locality.NO_PREF;
    }
    if (index < 0 && max >= Locality.RACK_LOCAL && this.#byRack.size > 0) {
      const rack = this.#rackOf?.(host) ?? null;
      index = rack === null ? -1 : this.#first(this.#byRack.get(rack), skip);
      this.foundAt = Locality.RACK_LOCAL;
    }
    if (index < 0 && max >= Locality.ANY) {
      index = this.#first(this.#all, skip);
      this.foundAt = Locality.ANY;
    }
    return index;
  }

  #first(list: IndexList | undefined, skip: ((index: number) => boolean) | null): number {
    if (list === undefined) return -1;
    return skip === null ? list.peek(this.#waits) : list.peekExcept(this.#waits, skip);
  }

  /** Any task, one that came back before one that has not run yet; -1 when there is none. */
  any(): number {
    return this.#all.peek(this.#waits);
  }

  /** The level at which the last find() found; a field rather than a second result, for no allocation per task. */
  foundAt: Locality = Locality.ANY;

  /** Whether any task could be launched at exactly this level, on whatever executor. */
  hasAt(level: Locality): boolean {
    switch (level) {
      case Locality.PROCESS_LOCAL:
        return this.#byExecutor.anyWaits(this.#waits);
      case Locality.NODE_LOCAL:
        return this.#byHost.anyWaits(this.#waits);
      case Locality.NO_PREF:
        return this.#noPrefs.peek(this.#waits) >= 0;
      case Locality.RACK_LOCAL:
        return this.#byRack.anyWaits(this.#waits);
      case Locality.ANY:
        return this.#count > 0;
    }
  }

  wantsExecutor(executorId: ExecutorId): boolean {
    return this.#byExecutor.has(executorId);
  }

  wantsHost(host: string): boolean {
    return this.#byHost.has(host);
  }

  /** Levels that can be had while these executors and hosts are alive, nearest first; ANY always. */
  levels(alive: {
    hasExecutor(id: ExecutorId): boolean;
    hasHost(host: string): boolean;
    hasRack(rack: string): boolean;
  }): Locality[] {
    const levels: Locality[] = [];
    if (some(this.#byExecutor, (id) => alive.hasExecutor(id))) levels.push(Locality.PROCESS_LOCAL);
    if (some(this.#byHost, (host) => alive.hasHost(host))) levels.push(Locality.NODE_LOCAL);
    if (this.#locations === null || this.#noPrefs.peek(this.#waits) >= 0) levels.push(Locality.NO_PREF);
    if (some(this.#byRack, (rack) => alive.hasRack(rack))) levels.push(Locality.RACK_LOCAL);
    levels.push(Locality.ANY);
    return levels;
  }
}

function append(lists: Map<string, number[]>, key: string, index: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [index]);
  // A task that names a host twice (two executors there) is listed once.
  else if (list.at(-1) !== index) list.push(index);
}

function some(lists: PlaceLists, holds: (place: string) => boolean): boolean {
  for (const place of lists.places()) if (holds(place)) return true;
  return false;
}

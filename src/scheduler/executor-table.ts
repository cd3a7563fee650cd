import { InvariantError } from '../base/errors.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import type { ExecutorState } from './running-task.ts';

/** Which places take tasks. */
export interface AlivePlaces {
  hasExecutor(executorId: ExecutorId): boolean;
  hasHost(host: string): boolean;
  hasRack(rack: string): boolean;
}

/**
 * The executors that are alive, by id and by host. A draining one is alive, and yet no place where a task could run.
 *
 * Those that have room for more stand in a list of their own: in a busy cluster it is short, however large the cluster.
 *
 * Invariants (checkInvariants): an executor is in the list exactly if it has room and is not draining. A host is a place
 * while it has an executor that is not draining.
 */
export class ExecutorTable implements AlivePlaces {
  readonly #rackOf: ((host: string) => string | null) | null;
  readonly #byId = new Map<ExecutorId, ExecutorState>();
  readonly #byHost = new Map<string, Set<ExecutorState>>();
  readonly #roomy: ExecutorState[] = [];
  /** Executors that take tasks. */
  readonly #takingOnHost = new Map<string, number>();
  readonly #takingInRack = new Map<string, number>();

  constructor(rackOf: ((host: string) => string | null) | null) {
    this.#rackOf = rackOf;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(executorId: ExecutorId): ExecutorState | undefined {
    return this.#byId.get(executorId);
  }

  all(): Iterable<ExecutorState> {
    return this.#byId.values();
  }

  byHost(): Iterable<readonly [string, ReadonlySet<ExecutorState>]> {
    return this.#byHost;
  }

  onHost(host: string): Iterable<ExecutorState> {
    return this.#byHost.get(host) ?? [];
  }

  /** Executors with room; the caller must not keep it. */
  withRoom(): readonly ExecutorState[] {
    return this.#roomy;
  }

  /** Cores were given out, or came back. */
  coresChanged(executor: ExecutorState): void {
    const has = hasRoom(executor);
    if (has === executor.roomIndex >= 0) return;
    if (!has) this.#leaveRoomy(executor);
    else if (this.#byId.get(executor.id) === executor) executor.roomIndex = this.#roomy.push(executor) - 1;
  }

  rackOf(host: string): string | null {
    return this.#rackOf?.(host) ?? null;
  }

  add(executor: ExecutorState): void {
    this.#byId.set(executor.id, executor);
    const onHost = this.#byHost.get(executor.host);
    if (onHost === undefined) this.#byHost.set(executor.host, new Set([executor]));
    else onHost.add(executor);
    this.#countPlace(executor, 1);
    this.coresChanged(executor);
  }

  remove(executor: ExecutorState): void {
    this.#byId.delete(executor.id);
    this.#leaveRoomy(executor);
    const onHost = this.#byHost.get(executor.host);
    onHost?.delete(executor);
    if (onHost?.size === 0) this.#byHost.delete(executor.host);
    if (executor.decommissionedAt === null) this.#countPlace(executor, -1);
  }

  /** It takes no more tasks. False: it was told before. */
  drain(executor: ExecutorState, at: number): boolean {
    if (executor.decommissionedAt !== null) return false;
    executor.decommissionedAt = at;
    this.#countPlace(executor, -1);
    this.#leaveRoomy(executor);
    return true;
  }

  hasExecutor(executorId: ExecutorId): boolean {
    return this.#byId.get(executorId)?.decommissionedAt === null;
  }

  hasHost(host: string): boolean {
    return this.#takingOnHost.has(host);
  }

  hasRack(rack: string): boolean {
    return this.#takingInRack.has(rack);
  }

  /** Throws InvariantError if a rule of the class comment is broken. */
  checkInvariants(): void {
    const holds = (condition: boolean, what: string): void => {
      if (!condition) throw new InvariantError(`ExecutorTable: ${what}`);
    };
    for (const executor of this.#byId.values()) {
      const { id, host, roomIndex } = executor;
      holds(hasRoom(executor) === roomIndex >= 0, `executor ${id} is listed wrongly`);
      holds(roomIndex < 0 || this.#roomy[roomIndex] === executor, `executor ${id} stands elsewhere`);
      holds(this.#byHost.get(host)?.has(executor) === true, `${host} does not know executor ${id}`);
    }
    for (const { id } of this.#roomy) holds(this.#byId.has(id), `executor ${id} is gone and has room`);
  }

  /** The last of the list takes its place. */
  #leaveRoomy(executor: ExecutorState): void {
    const { roomIndex } = executor;
    if (roomIndex < 0) return;
    const last = this.#roomy.pop() as ExecutorState; // it is at least the executor itself
    if (last !== executor) {
      this.#roomy[roomIndex] = last;
      last.roomIndex = roomIndex;
    }
    executor.roomIndex = -1;
  }

  #countPlace(executor: ExecutorState, change: 1 | -1): void {
    count(this.#takingOnHost, executor.host, change);
    const rack = this.rackOf(executor.host);
    if (rack !== null) count(this.#takingInRack, rack, change);
  }
}

function hasRoom(executor: ExecutorState): boolean {
  return executor.freeCores + executor.shortQueue > 0 && executor.decommissionedAt === null;
}

function count(counts: Map<string, number>, key: string, change: number): void {
  const n = (counts.get(key) ?? 0) + change;
  if (n === 0) counts.delete(key);
  else counts.set(key, n);
}

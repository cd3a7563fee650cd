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
 * Invariants (checked through TaskScheduler.checkInvariants): an executor is in the table of its host and no other; a
 * host is a place while it has an executor that is not draining.
 */
export class ExecutorTable implements AlivePlaces {
  readonly #rackOf: ((host: string) => string | null) | null;
  readonly #byId = new Map<ExecutorId, ExecutorState>();
  readonly #byHost = new Map<string, Set<ExecutorState>>();
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

  rackOf(host: string): string | null {
    return this.#rackOf?.(host) ?? null;
  }

  add(executor: ExecutorState): void {
    this.#byId.set(executor.id, executor);
    const onHost = this.#byHost.get(executor.host);
    if (onHost === undefined) this.#byHost.set(executor.host, new Set([executor]));
    else onHost.add(executor);
    this.#countPlace(executor, 1);
  }

  remove(executor: ExecutorState): void {
    this.#byId.delete(executor.id);
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

  #countPlace(executor: ExecutorState, change: 1 | -1): void {
    count(this.#takingOnHost, executor.host, change);
    const rack = this.rackOf(executor.host);
    if (rack !== null) count(this.#takingInRack, rack, change);
  }
}

function count(counts: Map<string, number>, key: string, change: number): void {
  const n = (counts.get(key) ?? 0) + change;
  if (n === 0) counts.delete(key);
  else counts.set(key, n);
}

import type { AskExecutorProcess, ToExecutor } from '../../protocol/driver-executor.ts';
import type { ExecutorId, TaskId } from '../../protocol/ids.ts';
import type { BlockManagerId } from '../../protocol/map-output.ts';
import type { RpcCaller, RpcRef } from '../../rpc/rpc-endpoint.ts';

export type ExecutorRef = RpcRef<ToExecutor, AskExecutorProcess>;

/** An executor that has registered with its driver. */
export interface RegisteredExecutor {
  readonly location: BlockManagerId;
  readonly cores: number;
  readonly resourceProfileId: number;
  readonly caller: RpcCaller;
  readonly ref: ExecutorRef;
  /** Tasks that were launched on it and have not ended. */
  readonly tasks: Set<TaskId>;
}

/** The driver's executors, and what is about to become of them. */
export class RegisteredExecutors {
  readonly #executors = new Map<ExecutorId, RegisteredExecutor>();
  /** Connection → executor. */
  readonly #byCaller = new Map<string, ExecutorId>();
  /** Executors that hand on what they hold, and end then → the host, when all of it goes. */
  readonly #draining = new Map<ExecutorId, string | null>();
  /** Executors that were told to end at once. */
  readonly #killing = new Set<ExecutorId>();

  get(executorId: ExecutorId): RegisteredExecutor | undefined {
    return this.#executors.get(executorId);
  }

  has(executorId: ExecutorId): boolean {
    return this.#executors.has(executorId);
  }

  values(): IterableIterator<RegisteredExecutor> {
    return this.#executors.values();
  }

  add(executor: RegisteredExecutor): void {
    const { executorId } = executor.location;
    this.#executors.set(executorId, executor);
    this.#byCaller.set(executor.caller.id, executorId);
  }

  /** Whose connection it is; undefined: nobody's that is registered. */
  idOf(caller: RpcCaller): ExecutorId | undefined {
    return this.#byCaller.get(caller.id);
  }

  /** @returns what was about to become of it; null when there is no such executor. */
  remove(
    executorId: ExecutorId,
  ): { readonly killed: boolean; readonly drained: { host: string | null } | null } | null {
    const executor = this.#executors.get(executorId);
    if (executor === undefined) return null;
    const host = this.#draining.get(executorId);
    this.#draining.delete(executorId);
    const killed = this.#killing.delete(executorId);
    this.#executors.delete(executorId);
    this.#byCaller.delete(executor.caller.id);
    return { killed, drained: host === undefined ? null : { host } };
  }

  /** @returns false when it is draining already, or not here. */
  drain(executorId: ExecutorId, workerHost: string | null): boolean {
    if (!this.#executors.has(executorId) || this.#draining.has(executorId)) return false;
    this.#draining.set(executorId, workerHost);
    return true;
  }

  kill(executorId: ExecutorId): void {
    this.#killing.add(executorId);
  }

  /** It was not killed after all. */
  spare(executorId: ExecutorId): void {
    this.#killing.delete(executorId);
  }

  isBeingKilled(executorId: ExecutorId): boolean {
    return this.#killing.has(executorId);
  }

  /** Those of these that are neither killed nor drained. */
  staying(executorIds: Iterable<ExecutorId>): ExecutorId[] {
    return [...executorIds].filter(
      (id) => this.#executors.has(id) && !this.#killing.has(id) && !this.#draining.has(id),
    );
  }

  onHost(host: string): ExecutorId[] {
    return [...this.#executors].flatMap(([id, { location }]) => (location.host === host ? [id] : []));
  }

  locations(executorIds: readonly ExecutorId[]): BlockManagerId[] {
    return executorIds.flatMap((id) => this.#executors.get(id)?.location ?? []);
  }

  /** Others that stay. */
  peersOf(executorId: ExecutorId): BlockManagerId[] {
    return this.locations(this.staying(this.#executors.keys()).filter((id) => id !== executorId));
  }

  get totalCores(): number {
    let cores = 0;
    for (const executor of this.#executors.values()) cores += executor.cores;
    return cores;
  }

  tellAll(message: ToExecutor): void {
    for (const { ref } of this.#executors.values()) ref.send(message);
  }
}

import type { ExecutorId } from '../../protocol/ids.ts';
import type { RpcAddress } from '../../rpc/rpc-address.ts';
import type { ExecutorLoss } from '../../scheduler/ports.ts';

/** What a provider tells its backend. */
export interface ProviderListener {
  /** The process of an executor has ended; it may or may not have registered before. */
  exited(executorId: ExecutorId, loss: ExecutorLoss): void;
  /** The executor's machine is being drained: it gets no more tasks, hands on what it holds, and ends. */
  draining(executorId: ExecutorId, message: string, workerHost: string | null): void;
  /** A machine is gone for good, with everything that a shuffle service on it served. */
  workerRemoved(workerId: string, host: string, message: string): void;
  /**
   * There will be no executors any more: the application cannot go on.
   *
   * @param wrote the last lines that the last one wrote, for when it could not tell the driver why it ended.
   */
  failed(message: string, wrote?: string): void;
}

/** Gets executor processes and gives them back. One per way to get them: local-cluster, standalone, YARN. */
export interface ExecutorProvider {
  /** Cores of all executors that are expected as things are; null: not known. */
  readonly expectedCores: number | null;
  /** Executors write to the same standard error as the driver: why one ends stands there already. Absent: they do not. */
  readonly sharesStderr?: boolean;
  /** @param driver where executors find the driver. */
  start(driver: RpcAddress, listener: ProviderListener): void;
  /** How many executors of a resource profile there are to be; without a limit as many as there are. */
  totalOf(resourceProfileId: number): number;
  /**
   * How many executors are wanted from now on, by resource profile, living ones included; ends none.
   *
   * @returns false when nobody could be told.
   */
  requestTotals(totals: ReadonlyMap<number, number>): Promise<boolean>;
  /**
   * Has executors end that are not needed any more. Absent: they are told to over their connections.
   *
   * @returns false when nobody could be told.
   */
  killExecutors?(executorIds: readonly ExecutorId[]): Promise<boolean>;
  /** Where logs of an executor can be looked at, by name. Absent, or nothing for one: nowhere. */
  logUrlsOf?(executorId: ExecutorId): Readonly<Record<string, string>> | undefined;
  /** Ends an executor that does not answer. */
  kill(executorId: ExecutorId): void;
  /** Resolves when no process of the application is left, or somebody else sees to it. Executors were told to stop before. */
  stop(): Promise<void>;
}

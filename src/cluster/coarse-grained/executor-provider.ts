import type { ExecutorId } from '../../protocol/ids.ts';
import type { RpcAddress } from '../../rpc/rpc-address.ts';
import type { ExecutorLoss } from '../../scheduler/ports.ts';

/** What a provider tells its backend. */
export interface ProviderListener {
  /** The process of an executor has ended; it may or may not have registered before. */
  exited(executorId: ExecutorId, loss: ExecutorLoss): void;
  /** There will be no executors any more: the application cannot go on. */
  failed(message: string): void;
}

/** Gets executor processes and gives them back. One per way to get them: local-cluster, standalone, YARN. */
export interface ExecutorProvider {
  /** Cores of all executors that are expected; null: not known. */
  readonly expectedCores: number | null;
  /** How many executors there are to be now. */
  readonly target: number;
  /** @param driver where executors find the driver. */
  start(driver: RpcAddress, listener: ProviderListener): void;
  /** How many executors are wanted; ends none. @returns how many there will be. */
  requestTotal(executors: number): number;
  /** Ends an executor that does not answer. */
  kill(executorId: ExecutorId): void;
  /** Resolves when no process of the application is left. Executors were told to stop before. */
  stop(): Promise<void>;
}

import type { ExecutorId } from '../protocol/ids.ts';

/** What a worker tells the service of its machine. Calls return at once; what cannot be removed is logged. */
export interface ShuffleServicePort {
  /**
   * Before the application's first executor here; again changes what was said.
   *
   * @param secret what its executors prove themselves with; null: with the secret that the cluster shares.
   * @param localRoots below which its executors keep their files (SPARK_EXECUTOR_DIRS).
   */
  applicationStarted(appId: string, secret: string | Uint8Array | null, localRoots: readonly string[]): void;
  /** Its process has ended: what of its files nobody is served goes (spark.storage.cleanupFilesAfterExecutorExit). */
  executorRemoved(appId: string, executorId: ExecutorId): void;
  /** All its files go, and what is known of it. */
  applicationRemoved(appId: string): void;
}

import type { RecoveryRecord } from '../../protocol/recovery.ts';

/**
 * Where a master keeps what the next one needs. What `persist` was given is safe when it returns, or when the promise that it
 * returns is settled; whatever throws has not been kept.
 *
 * Spark: PersistenceEngine
 */
export interface PersistenceEngine {
  /** Over an earlier record of the same kind and id. */
  persist(record: RecoveryRecord): void | Promise<void>;
  /** Does nothing when there is no such record. */
  unpersist(kind: RecoveryRecord['kind'], id: string): void | Promise<void>;
  /** All records that make sense; for each other one a line in the log says where it is. */
  readAll(): readonly RecoveryRecord[] | Promise<readonly RecoveryRecord[]>;
  close(): void | Promise<void>;
}

/** Keeps nothing. Spark: BlackHolePersistenceEngine */
export const noPersistence: PersistenceEngine = {
  persist() {},
  unpersist() {},
  readAll: () => [],
  close() {},
};

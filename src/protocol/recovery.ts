// What a master keeps for the one after it. Readers take every older version: see RECOVERY_VERSION.
import type { ApplicationDescription, DriverDescription } from './deploy-description.ts';
import type { WorkerDescription } from './master-worker.ts';

/** Written with each record. A reader refuses those of a newer version, and reads all older ones. */
export const RECOVERY_VERSION = 1;

export interface AppRecord {
  readonly kind: 'app';
  readonly id: string;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly app: ApplicationDescription;
  readonly driverAddress: string;
}

export interface DriverRecord {
  readonly kind: 'driver';
  readonly id: string;
  /** Epoch ms. */
  readonly submittedAt: number;
  readonly driver: DriverDescription;
}

export interface WorkerRecord {
  readonly kind: 'worker';
  readonly id: string;
  readonly worker: WorkerDescription;
}

export type RecoveryRecord = AppRecord | DriverRecord | WorkerRecord;

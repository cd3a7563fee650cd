import type { EpochMs } from '../../base/clock.ts';
import type { DriverDescription, ResourceAddresses } from '../../protocol/deploy-description.ts';
import type { DriverState } from '../../protocol/deploy-states.ts';
import type { DriverSummary } from '../../protocol/deploy-summaries.ts';
import type { WorkerInfo } from './worker-info.ts';

/** A driver that was submitted. Spark: DriverInfo */
export class DriverInfo {
  readonly id: string;
  readonly desc: DriverDescription;
  readonly submittedAt: EpochMs;
  state: DriverState = 'SUBMITTED';
  /** Where it runs, or ran; null: nowhere yet. */
  worker: WorkerInfo | null = null;
  resources: ResourceAddresses = {};
  exception: string | null = null;
  endedAt: EpochMs | null = null;

  constructor(id: string, desc: DriverDescription, submittedAt: EpochMs) {
    this.id = id;
    this.desc = desc;
    this.submittedAt = submittedAt;
  }

  summary(): DriverSummary {
    return {
      id: this.id,
      driver: this.desc,
      state: this.state,
      submittedAt: this.submittedAt,
      endedAt: this.endedAt,
      workerId: this.worker?.id ?? null,
      workerHostPort: this.worker?.address ?? null,
      resources: this.resources,
      exception: this.exception,
    };
  }
}

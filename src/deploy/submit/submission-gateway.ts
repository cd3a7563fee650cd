import type { DriverStatusResponse, KillDriverResponse, SubmitDriverResponse } from '../../protocol/master-client.ts';
import type { DriverRequest } from '../rest/driver-description.ts';
import type { PreparedApplication } from './app-loader.ts';

/** A way to a cluster for whoever submits drivers: to a master itself, or over HTTP. What fails throws an IskraError. */
export interface SubmissionGateway {
  /** Gives an application to the cluster, and says how its workers find it. Absent: they have to see it where it lies. */
  pack?(application: PreparedApplication): Promise<string>;
  submit(request: DriverRequest): Promise<SubmitDriverResponse>;
  kill(driverId: string): Promise<KillDriverResponse>;
  status(driverId: string): Promise<DriverStatusResponse>;
  /** Twice is fine. */
  close(): Promise<void>;
}

// Drivers that run in the cluster: submitted, placed, killed, started again elsewhere.
import { IskraError } from '../../base/errors.ts';
import type { DriverDescription } from '../../protocol/deploy-description.ts';
import { type DriverState, FINAL_DRIVER_STATES } from '../../protocol/deploy-states.ts';
import type { DriverStatusResponse, KillDriverResponse, SubmitDriverResponse } from '../../protocol/master-client.ts';
import { makeRoom } from '../retain.ts';
import { DriverInfo } from './driver-info.ts';
import type { MasterTables } from './master-tables.ts';

/** The beginning of every refusal of a master that does not lead. Spark: Utils.BACKUP_STANDALONE_MASTER_PREFIX */
const NOT_ALIVE = 'Current state is not alive';

/** Why a question is refused; null: it is not. */
export function refusal(tables: MasterTables, can: string): string | null {
  return tables.status === 'ALIVE' ? null : `${NOT_ALIVE}: ${tables.status}. Can only ${can} in ALIVE state.`;
}

/** Spark: RequestSubmitDriver */
export function submitDriver(tables: MasterTables, desc: DriverDescription): SubmitDriverResponse {
  const refused = refusal(tables, 'accept driver submissions') ?? faultOfDriver(desc);
  if (refused !== null) return { success: false, driverId: null, message: refused };
  tables.log.info(`Driver submitted ${desc.command.mainClass}`);
  const driver = addDriver(tables, desc);
  return { success: true, driverId: driver.id, message: `Driver successfully submitted as ${driver.id}` };
}

function addDriver(tables: MasterTables, desc: DriverDescription): DriverInfo {
  const driver = new DriverInfo(tables.newDriverId(), desc, tables.at);
  tables.drivers.set(driver.id, driver);
  tables.waitingDrivers.add(driver);
  tables.effects.push({
    type: 'Persist',
    record: { kind: 'driver', id: driver.id, submittedAt: driver.submittedAt, driver: desc },
  });
  tables.scheduleWanted = true;
  return driver;
}

/** What it asks for comes from the network. */
function faultOfDriver({ cores, memory, resources }: DriverDescription): string | null {
  if (!(Number.isSafeInteger(cores) && cores > 0)) return `Driver cores must be a positive number, but are ${cores}`;
  if (!(Number.isSafeInteger(memory) && memory > 0)) return `Driver memory must be at least 1 MiB, but is ${memory}`;
  for (const [name, amount] of Object.entries(resources))
    if (!Number.isSafeInteger(amount) || amount < 0) return `${amount} is not a number of ${name}`;
  return null;
}

/** Spark: RequestKillDriver */
export function killDriver(tables: MasterTables, driverId: string): KillDriverResponse {
  const refused = refusal(tables, 'kill drivers');
  if (refused !== null) return { driverId, success: false, message: refused };
  tables.log.info(`Asked to kill driver ${driverId}`);
  const driver = tables.drivers.get(driverId);
  if (driver === undefined) {
    const message = `Driver ${driverId} has already finished or does not exist`;
    tables.log.warn(message);
    return { driverId, success: false, message };
  }
  kill(tables, driver);
  const message = `Kill request for ${driverId} submitted`;
  tables.log.info(message);
  return { driverId, success: true, message };
}

/** Spark: RequestKillAllDrivers */
export function killAllDrivers(tables: MasterTables): { readonly success: boolean; readonly message: string } {
  const refused = refusal(tables, 'kill drivers');
  if (refused !== null) return { success: false, message: refused };
  tables.log.info('Asked to kill all drivers');
  for (const driver of [...tables.drivers.values()]) kill(tables, driver);
  return { success: true, message: 'Kill request for all drivers submitted' };
}

/** One that waits is gone at once; a running one when its worker says so. */
function kill(tables: MasterTables, driver: DriverInfo): void {
  if (tables.waitingDrivers.has(driver)) removeDriver(tables, driver.id, 'KILLED', null);
  else if (driver.worker !== null) tables.toWorker(driver.worker.peer, { type: 'KillDriver', driverId: driver.id });
}

/** Spark: RequestDriverStatus */
export function driverStatus(tables: MasterTables, driverId: string): DriverStatusResponse {
  const unknown = {
    found: false,
    state: null,
    workerId: null,
    workerHostPort: null,
    workerWebUiUrl: null,
    exception: null,
  };
  const refused = refusal(tables, 'request driver status');
  if (refused !== null) return { ...unknown, exception: refused };
  const driver = tables.drivers.get(driverId) ?? tables.completedDrivers.find(({ id }) => id === driverId);
  if (driver === undefined) return unknown;
  const { state, worker, exception } = driver;
  return {
    found: true,
    state,
    workerId: worker?.id ?? null,
    workerHostPort: worker?.address ?? null,
    workerWebUiUrl: worker?.desc.webUiAddress ?? null,
    exception,
  };
}

/**
 * A worker's news of a driver.
 *
 * @throws IskraError for a state in which a driver does not end.
 */
export function driverStateChanged(
  tables: MasterTables,
  driverId: string,
  state: DriverState,
  exception: string | null,
): void {
  if (!FINAL_DRIVER_STATES.has(state)) {
    throw new IskraError(
      'UNEXPECTED_DRIVER_STATE',
      `Received unexpected state update for driver ${driverId}: ${state}. Workers report ${[...FINAL_DRIVER_STATES].join(', ')}`,
      { details: { driverId, state } },
    );
  }
  removeDriver(tables, driverId, state, exception);
}

/** Spark: Master.removeDriver */
export function removeDriver(
  tables: MasterTables,
  driverId: string,
  state: DriverState,
  exception: string | null,
): void {
  const driver = tables.drivers.get(driverId);
  if (driver === undefined) {
    tables.log.warn(`Asked to remove unknown driver: ${driverId}`);
    return;
  }
  tables.log.info(`Removing driver: ${driverId} (${state})`);
  tables.drivers.delete(driverId);
  tables.waitingDrivers.delete(driver);
  makeRoom(tables.completedDrivers, tables.settings.retainedDrivers);
  tables.completedDrivers.push(driver);
  tables.effects.push({ type: 'Unpersist', kind: 'driver', id: driverId });
  driver.state = state;
  driver.exception = exception;
  driver.endedAt = tables.at;
  driver.worker?.removeDriver(driver);
  tables.scheduleWanted = true;
}

/** Its worker is lost, or does not know it: a supervised driver starts again, any other has failed. */
export function driverLost(tables: MasterTables, driver: DriverInfo): void {
  if (!driver.desc.supervise) {
    tables.log.info(`Not re-launching ${driver.id} because it was not supervised`);
    removeDriver(tables, driver.id, 'ERROR', null);
    return;
  }
  tables.log.info(`Re-launching ${driver.id}`);
  // A new id: the old driver may still run behind a cut link, and its news must not count for the new one.
  removeDriver(tables, driver.id, 'RELAUNCHING', null);
  addDriver(tables, driver.desc);
}

import { InvariantError } from '../../base/errors.ts';
import type { MasterTables } from './master-tables.ts';

/** The invariants of `Master`, as code. @throws InvariantError */
export function checkMasterInvariants(tables: MasterTables): void {
  const fail = (rule: number, text: string): never => {
    throw new InvariantError(`master, rule ${rule}: ${text}`);
  };
  for (const worker of tables.workers) {
    let cores = 0;
    let memory = 0;
    for (const executor of worker.executors.values()) {
      cores += executor.cores;
      memory += executor.memory;
      if (executor.worker !== worker) fail(2, `executor ${executor.fullId} is listed at ${worker.id}, but not there`);
    }
    for (const driver of worker.drivers.values()) {
      cores += driver.desc.cores;
      memory += driver.desc.memory;
      if (tables.drivers.get(driver.id) !== driver) fail(3, `driver ${driver.id} is at ${worker.id}, but not live`);
    }
    if (worker.coresUsed !== cores || worker.memoryUsed !== memory)
      fail(
        1,
        `${worker.id} counts ${worker.coresUsed} cores and ${worker.memoryUsed} MiB, but has ${cores}, ${memory}`,
      );
    // A worker that was taken over may run more than fits; no master ever gave it more.
    if (worker.state === 'DEAD' && worker.executors.size + worker.drivers.size > 0)
      fail(1, `dead worker ${worker.id} runs something`);
    const known = tables.workerById.get(worker.id) === worker && tables.workerByAddress.get(worker.address) === worker;
    if (known === (worker.state === 'DEAD')) fail(4, `${worker.state} worker ${worker.id} is found: ${known}`);
    if (worker.state === 'UNKNOWN' && tables.status !== 'RECOVERING') fail(5, `${worker.id} is UNKNOWN`);
  }
  for (const app of tables.apps.values()) {
    let cores = 0;
    for (const executor of app.executors.values()) {
      cores += executor.cores;
      if (executor.worker.executors.get(executor.fullId) !== executor || executor.worker.state === 'DEAD')
        fail(2, `executor ${executor.fullId} is not on a live worker`);
    }
    if (cores !== app.coresGranted) fail(2, `${app.id} has ${cores} cores, but counts ${app.coresGranted}`);
    if (app.state === 'UNKNOWN' && tables.status !== 'RECOVERING') fail(5, `${app.id} is UNKNOWN`);
    if (tables.appByAddress.get(app.driverAddress) !== app) fail(4, `${app.id} is not found by its address`);
  }
  if (tables.appByAddress.size !== tables.apps.size) fail(4, 'an address belongs to no application');
  for (const driver of tables.waitingDrivers)
    if (driver.worker !== null || !tables.drivers.has(driver.id)) fail(3, `driver ${driver.id} waits and runs`);
  for (const driver of tables.drivers.values())
    if (driver.worker !== null && driver.worker.drivers.get(driver.id) !== driver)
      fail(3, `driver ${driver.id} is not at its worker`);
    else if (driver.worker === null && tables.status === 'ALIVE' && !tables.waitingDrivers.has(driver))
      fail(3, `driver ${driver.id} neither runs nor waits`);
  if (tables.status === 'STANDBY' && tables.workerById.size + tables.apps.size + tables.drivers.size > 0)
    fail(6, 'a standby master has tables');
}

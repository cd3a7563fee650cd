import type { ExecutorDemand } from '../../protocol/deploy-description.ts';
import type { ApplicationInfo, ExecutorDesc } from './application-info.ts';
import type { DriverInfo } from './driver-info.ts';
import type { MasterTables } from './master-tables.ts';
import { assignCores, usableWorkers } from './schedule-executors.ts';
import type { WorkerInfo } from './worker-info.ts';

/** In a warning: more would hide it. */
const WORKERS_NAMED = 3;

/** Gives what is free to those who wait: drivers first, then applications, in the order in which they came. Spark: Master.schedule */
export function schedule(tables: MasterTables): void {
  tables.scheduleWanted = false;
  if (tables.status !== 'ALIVE') return;
  placeDrivers(tables);
  for (const app of tables.apps.values())
    for (const resourceProfileId of app.resourceProfileIds) placeExecutors(tables, app, resourceProfileId);
}

/** Each waiting driver goes to the next worker in turn that has room. */
function placeDrivers(tables: MasterTables): void {
  const { settings } = tables;
  if (tables.waitingDrivers.size === 0) return;
  const alive = [...tables.workers].filter(({ state }) => state === 'ALIVE');
  if (settings.spreadOutDrivers) shuffle(alive, tables);
  let position = 0;
  for (const driver of [...tables.waitingDrivers]) {
    if (tables.drivers.size - tables.waitingDrivers.size >= settings.maxDrivers) return;
    let idle = true;
    if (!settings.spreadOutDrivers) position = 0;
    for (let visited = 0; visited < alive.length && tables.waitingDrivers.has(driver); visited++) {
      const worker = alive[position];
      position = (position + 1) % alive.length;
      if (worker === undefined) break;
      if (worker.drivers.size > 0 || worker.executors.size > 0) idle = false;
      const { memory, cores, resources } = driver.desc;
      if (worker.memoryFree >= memory && worker.coresFree >= cores && worker.resources.has(resources))
        launchDriver(tables, worker, driver);
    }
    if (tables.waitingDrivers.has(driver) && idle)
      tables.log.warn(`Driver ${driver.id} requires more resource than any of Workers could have.`);
  }
}

function launchDriver(tables: MasterTables, worker: WorkerInfo, driver: DriverInfo): void {
  tables.log.info(`Launching driver ${driver.id} on worker ${worker.id}`);
  driver.resources = worker.resources.acquire(driver.desc.resources);
  tables.waitingDrivers.delete(driver);
  worker.addDriver(driver);
  driver.worker = worker;
  driver.state = 'RUNNING';
  tables.toWorker(worker.peer, {
    type: 'LaunchDriver',
    driverId: driver.id,
    driver: driver.desc,
    resources: driver.resources,
  });
}

function placeExecutors(tables: MasterTables, app: ApplicationInfo, resourceProfileId: number): void {
  const demand = app.demandOf(resourceProfileId);
  const { coresPerExecutor, memoryPerExecutor, resourcesPerExecutor } = demand;
  // Fewer cores than one executor's are not given.
  if (app.coresLeft < (coresPerExecutor ?? 1)) return;
  const usable = usableWorkers(tables.workers, app, resourceProfileId, tables.settings.workerSelectionPolicy);
  if (usable.length === 0) {
    if (tables.apps.size === 1 && app.executors.size === 0 && app.targetOf(resourceProfileId) > 0)
      tables.log.warn(`App ${app.id} requires more resource than any of Workers could have. (${lack(tables, demand)})`);
    return;
  }
  const assigned = assignCores(app, resourceProfileId, usable, tables.settings.spreadOutApps);
  usable.forEach((worker, i) => {
    const given = assigned[i] ?? 0;
    const each = coresPerExecutor ?? given;
    for (let left = given; left > 0; left -= each) {
      const resources = worker.resources.acquire(resourcesPerExecutor);
      launchExecutor(tables, app.addExecutor(worker, each, memoryPerExecutor, resources, resourceProfileId));
      app.state = 'RUNNING';
    }
  });
}

/** What an executor needs, and what there is. */
function lack(
  tables: MasterTables,
  { coresPerExecutor, memoryPerExecutor, resourcesPerExecutor }: ExecutorDemand,
): string {
  const custom = Object.entries(resourcesPerExecutor).map(([name, amount]) => `, ${amount} ${name}`);
  const alive = [...tables.workers].filter(({ state }) => state === 'ALIVE');
  const have = alive.map(({ id, coresFree, memoryFree }) => `${id}: ${coresFree} cores, ${memoryFree} MiB`);
  const needs = `${coresPerExecutor ?? 1} cores, ${memoryPerExecutor} MiB${custom.join('')}`;
  return `an executor needs ${needs}; free are ${have.slice(0, WORKERS_NAMED).join('; ') || 'none'}${have.length > WORKERS_NAMED ? '; …' : ''}`;
}

function launchExecutor(tables: MasterTables, executor: ExecutorDesc): void {
  const { app, worker, cores, memory } = executor;
  tables.log.info(`Launching executor ${executor.fullId} on worker ${worker.id}`);
  worker.addExecutor(executor);
  tables.toWorker(worker.peer, {
    type: 'LaunchExecutor',
    masterUrl: tables.settings.url,
    appId: app.id,
    execId: executor.id,
    resourceProfileId: executor.resourceProfileId,
    app: app.desc,
    cores,
    memory,
    resources: executor.resources,
  });
  tables.toApp(app.peer, {
    type: 'ExecutorAdded',
    execId: executor.id,
    workerId: worker.id,
    hostPort: worker.address,
    workerWebUiUrl: worker.desc.webUiAddress,
    cores,
    memory,
  });
}

function shuffle<T>(list: T[], { random }: MasterTables): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.nextInt(i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T]; // both indexes are in the list
  }
}

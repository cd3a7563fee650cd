import type { EpochMs } from '../../base/clock.ts';
import type { ResourceAddresses } from '../../protocol/deploy-description.ts';
import type { WorkerState } from '../../protocol/deploy-states.ts';
import type { WorkerSummary } from '../../protocol/deploy-summaries.ts';
import type { WorkerDescription } from '../../protocol/master-worker.ts';
import { formatAddress } from '../../rpc/rpc-address.ts';
import { ResourcePool } from '../resource-pool.ts';
import type { ExecutorDesc } from './application-info.ts';
import type { DriverInfo } from './driver-info.ts';
import type { ConnectionId, Peer } from './master-events.ts';

/** A worker as the master sees it: what it has, what of it is given away. Spark: WorkerInfo */
export class WorkerInfo {
  readonly desc: WorkerDescription;
  /** Null while it was only read from what an earlier master kept. */
  connection: ConnectionId | null;
  state: WorkerState = 'ALIVE';
  lastHeartbeat: EpochMs;
  coresUsed = 0;
  memoryUsed = 0;
  readonly resources: ResourcePool;
  /** By full id, `app-…/0`. */
  readonly executors: Map<string, ExecutorDesc> = new Map();
  readonly drivers: Map<string, DriverInfo> = new Map();
  /**
   * Set when it registered while it was on record already: what the master believed to run there at that moment. Its next
   * report says what is true; whatever is launched after it is in neither.
   */
  unconfirmed: { readonly executors: ReadonlySet<string>; readonly drivers: ReadonlySet<string> } | null = null;
  /** Read from what an earlier master kept, and has not said yet what runs there. */
  recovering = false;

  constructor(desc: WorkerDescription, connection: ConnectionId | null, at: EpochMs) {
    this.desc = desc;
    this.connection = connection;
    this.lastHeartbeat = at;
    this.resources = new ResourcePool(desc.resources);
  }

  get id(): string {
    return this.desc.id;
  }

  /** `host:port` of its endpoint. */
  get address(): string {
    return formatAddress(this.desc);
  }

  get peer(): Peer {
    return { address: this.address, connection: this.connection };
  }

  get coresFree(): number {
    return this.desc.cores - this.coresUsed;
  }

  get memoryFree(): number {
    return this.desc.memory - this.memoryUsed;
  }

  addExecutor(executor: ExecutorDesc): void {
    this.executors.set(executor.fullId, executor);
    this.coresUsed += executor.cores;
    this.memoryUsed += executor.memory;
  }

  /** Gives back what it holds, once. */
  removeExecutor(executor: ExecutorDesc): void {
    if (this.executors.get(executor.fullId) !== executor) return;
    this.executors.delete(executor.fullId);
    this.coresUsed -= executor.cores;
    this.memoryUsed -= executor.memory;
    this.resources.release(executor.resources);
  }

  addDriver(driver: DriverInfo): void {
    this.drivers.set(driver.id, driver);
    this.coresUsed += driver.desc.cores;
    this.memoryUsed += driver.desc.memory;
  }

  /** Gives back what it holds, once. */
  removeDriver(driver: DriverInfo): void {
    if (!this.drivers.delete(driver.id)) return;
    this.coresUsed -= driver.desc.cores;
    this.memoryUsed -= driver.desc.memory;
    this.resources.release(driver.resources);
  }

  summary(): WorkerSummary {
    return {
      worker: this.desc,
      state: this.state,
      coresUsed: this.coresUsed,
      memoryUsed: this.memoryUsed,
      resourcesUsed: this.resources.used,
      lastHeartbeat: this.lastHeartbeat,
    };
  }
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0; // a safe integer is a number

/** Says what is wrong with what a worker tells of itself; null: nothing. It comes from the network. */
export function faultOfWorker(worker: WorkerDescription): string | null {
  const { id, host, port, cores, memory, resources } = worker;
  if (typeof id !== 'string' || id === '' || id.length > 200) return 'the id of a worker has 1 to 200 characters';
  if (typeof host !== 'string' || host === '' || /[\s/@]/.test(host)) return `'${host}' is not a host`;
  if (!isCount(port) || port > 65535) return `${port} is not a port`;
  if (!isCount(cores) || cores === 0) return `a worker has at least 1 core, but said ${cores}`;
  if (!isCount(memory) || memory === 0) return `a worker has at least 1 MiB of memory, but said ${memory}`;
  return faultOfResources(resources);
}

function faultOfResources(resources: ResourceAddresses): string | null {
  for (const [name, addresses] of Object.entries(resources ?? {}))
    if (!Array.isArray(addresses) || new Set(addresses).size !== addresses.length)
      return `the addresses of ${name} are not a list of different ones`;
  return null;
}

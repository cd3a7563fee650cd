import type { EpochMs } from '../../base/clock.ts';
import type { ApplicationDescription, ExecutorDemand, ResourceAddresses } from '../../protocol/deploy-description.ts';
import type { ApplicationState, ExecutorState } from '../../protocol/deploy-states.ts';
import type { ApplicationSummary, ExecutorSummary } from '../../protocol/deploy-summaries.ts';
import type { ExecutorTotal } from '../../protocol/master-client.ts';
import type { ConnectionId, Peer } from './master-events.ts';
import type { WorkerInfo } from './worker-info.ts';

/** A page shows no more removed executors of one application; with executors that come and go the list would grow for ever. */
const REMOVED_EXECUTORS_SHOWN = 1000;

/** An executor that an application was given. Spark: ExecutorDesc */
export interface ExecutorDesc {
  readonly id: number;
  /** `app-…/0` */
  readonly fullId: string;
  readonly app: ApplicationInfo;
  readonly worker: WorkerInfo;
  readonly cores: number;
  readonly memory: number;
  readonly resources: ResourceAddresses;
  readonly resourceProfileId: number;
  state: ExecutorState;
}

/** An application: what it wants and what it has. Spark: ApplicationInfo */
export class ApplicationInfo {
  readonly id: string;
  readonly desc: ApplicationDescription;
  readonly startedAt: EpochMs;
  /** `host:port` of its driver. */
  readonly driverAddress: string;
  connection: ConnectionId | null;
  state: ApplicationState = 'WAITING';
  endedAt: EpochMs | null = null;
  coresGranted = 0;
  retryCount = 0;
  readonly executors: Map<number, ExecutorDesc> = new Map();
  readonly #removed: ExecutorDesc[] = [];
  readonly #maxCores: number;
  #nextExecutorId = 0;
  /** By resource profile; Infinity: no limit. */
  readonly #targets = new Map<number, number>();
  readonly #demands = new Map<number, ExecutorDemand>();

  constructor(
    id: string,
    desc: ApplicationDescription,
    driverAddress: string,
    connection: ConnectionId | null,
    startedAt: EpochMs,
    defaultCores: number,
  ) {
    this.id = id;
    this.desc = desc;
    this.driverAddress = driverAddress;
    this.connection = connection;
    this.startedAt = startedAt;
    this.#maxCores = desc.maxCores ?? defaultCores;
    this.#demands.set(0, desc.demand);
    this.#targets.set(0, desc.initialExecutorLimit ?? Number.POSITIVE_INFINITY);
  }

  get peer(): Peer {
    return { address: this.driverAddress, connection: this.connection };
  }

  get coresLeft(): number {
    return this.#maxCores - this.coresGranted;
  }

  /** Profiles that were asked for, lower ids first. */
  get resourceProfileIds(): number[] {
    return [...this.#targets.keys()].sort((a, b) => a - b);
  }

  /** What an executor of a profile gets; that of profile 0 for one that was never described. */
  demandOf(resourceProfileId: number): ExecutorDemand {
    return this.#demands.get(resourceProfileId) ?? this.desc.demand;
  }

  targetOf(resourceProfileId: number): number {
    return this.#targets.get(resourceProfileId) ?? Number.POSITIVE_INFINITY;
  }

  numExecutorsOf(resourceProfileId: number): number {
    let n = 0;
    for (const executor of this.executors.values()) if (executor.resourceProfileId === resourceProfileId) n++;
    return n;
  }

  /** Spark: ApplicationInfo.requestExecutors */
  request(totals: readonly ExecutorTotal[]): void {
    for (const { resourceProfileId, total, demand } of totals) {
      if (demand !== null && !this.#demands.has(resourceProfileId)) this.#demands.set(resourceProfileId, demand);
      this.#targets.set(resourceProfileId, total ?? Number.POSITIVE_INFINITY);
    }
  }

  /** @param useId the id that an executor has already; absent: the next free one. */
  addExecutor(
    worker: WorkerInfo,
    cores: number,
    memory: number,
    resources: ResourceAddresses,
    resourceProfileId: number,
    useId?: number,
  ): ExecutorDesc {
    const id = useId ?? this.#nextExecutorId;
    this.skipExecutorIds(id);
    const executor: ExecutorDesc = {
      id,
      fullId: `${this.id}/${id}`,
      app: this,
      worker,
      cores,
      memory,
      resources,
      resourceProfileId,
      state: 'LAUNCHING',
    };
    this.executors.set(id, executor);
    this.coresGranted += cores;
    return executor;
  }

  /** No executor gets this id or a lower one from now on. */
  skipExecutorIds(highest: number): void {
    this.#nextExecutorId = Math.max(this.#nextExecutorId, highest + 1);
  }

  removeExecutor(executor: ExecutorDesc): void {
    if (this.executors.get(executor.id) !== executor) return;
    this.executors.delete(executor.id);
    this.coresGranted -= executor.cores;
    this.#removed.push(executor);
    if (this.#removed.length > REMOVED_EXECUTORS_SHOWN) this.#removed.shift();
  }

  get hasRunningExecutor(): boolean {
    for (const { state } of this.executors.values()) if (state === 'RUNNING') return true;
    return false;
  }

  summary(): ApplicationSummary {
    const limits = [...this.#targets.values()];
    const limit = limits.reduce((sum, target) => sum + target, 0);
    return {
      id: this.id,
      app: this.desc,
      state: this.state,
      startedAt: this.startedAt,
      endedAt: this.endedAt,
      coresGranted: this.coresGranted,
      coresLeft: this.#maxCores === 2 ** 31 - 1 ? null : this.coresLeft,
      executorLimit: limit === Number.POSITIVE_INFINITY ? null : limit,
      executors: [...this.executors.values()].map(summaryOf),
      removedExecutors: this.#removed.map(summaryOf),
    };
  }
}

function summaryOf(executor: ExecutorDesc): ExecutorSummary {
  const { app, id, worker, resourceProfileId, cores, memory, resources, state } = executor;
  return { appId: app.id, execId: id, workerId: worker.id, resourceProfileId, cores, memory, resources, state };
}

/** Says what is wrong with what an application asks for; null: nothing. It comes from the network. */
export function faultOfDemand(demand: ExecutorDemand): string | null {
  const { coresPerExecutor, memoryPerExecutor, resourcesPerExecutor } = demand;
  if (coresPerExecutor !== null && !(Number.isSafeInteger(coresPerExecutor) && coresPerExecutor > 0))
    return `an executor has at least 1 core, but ${coresPerExecutor} were asked for`;
  if (!(Number.isSafeInteger(memoryPerExecutor) && memoryPerExecutor > 0))
    return `an executor has at least 1 MiB of memory, but ${memoryPerExecutor} were asked for`;
  for (const [name, amount] of Object.entries(resourcesPerExecutor))
    if (!Number.isSafeInteger(amount) || amount < 0) return `${amount} is not a number of ${name}`;
  return null;
}

/** As `faultOfDemand`, for a whole application. */
export function faultOfApplication(app: ApplicationDescription): string | null {
  const { maxCores, initialExecutorLimit } = app;
  if (maxCores !== null && !(Number.isSafeInteger(maxCores) && maxCores > 0))
    return `spark.cores.max must be larger than 0, but is ${maxCores}`;
  if (initialExecutorLimit !== null && !(Number.isSafeInteger(initialExecutorLimit) && initialExecutorLimit >= 0))
    return `${initialExecutorLimit} is not a number of executors`;
  return faultOfDemand(app.demand);
}

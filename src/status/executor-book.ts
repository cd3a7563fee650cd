// The executors of an application, and what they hold of persisted RDDs.
import { LiveExecutor } from './live-executor.ts';
import { type BlockChange, LiveRDD, levelOf } from './live-rdd.ts';
import { type LoggedObject, numberOf, objectOf, textOf } from './logged-values.ts';
import { numberToRemove } from './retention.ts';

export const DRIVER = 'driver';

/** Part of AppStatusStore, which hears the events. */
export class ExecutorBook {
  readonly #executors = new Map<string, LiveExecutor>();
  readonly #rdds = new Map<number, LiveRDD>();
  readonly #retainedDead: number;
  readonly #taskResources: (profileId: number) => LoggedObject;
  /** What the application told of its driver. */
  #driver: Pick<LiveExecutor, 'executorLogs' | 'attributes'> = { executorLogs: {}, attributes: {} };

  /** @param taskResources what a task of a resource profile takes, by resource. */
  constructor(retainedDead: number, taskResources: (profileId: number) => LoggedObject) {
    this.#retainedDead = retainedDead;
    this.#taskResources = taskResources;
  }

  get executors(): LiveExecutor[] {
    return [...this.#executors.values()];
  }

  executor(id: string): LiveExecutor | undefined {
    return this.#executors.get(id);
  }

  get rdds(): LiveRDD[] {
    return [...this.#rdds.values()].sort((a, b) => a.id - b.id);
  }

  rdd(id: number): LiveRDD | undefined {
    return this.#rdds.get(id);
  }

  tellOfDriver(executorLogs: LoggedObject, attributes: LoggedObject): void {
    this.#driver = { executorLogs, attributes };
    const driver = this.#executors.get(DRIVER);
    if (driver !== undefined) Object.assign(driver, this.#driver);
  }

  /** RDDs that the stage wants kept. */
  stageSubmitted(rdds: readonly LoggedObject[]): void {
    for (const rdd of rdds) {
      const level = levelOf(rdd['Storage Level']);
      const id = numberOf(rdd['RDD ID'], -1);
      const isKept = (level.useMemory || level.useDisk) && level.replication > 0;
      if (isKept && !this.#rdds.has(id)) this.#rdds.set(id, new LiveRDD(rdd, level));
    }
  }

  /** One that was lost and comes again begins anew. */
  #executorOf(id: string, addTime: number): LiveExecutor {
    const known = this.#executors.get(id);
    if (known !== undefined && known.removeTime === null) return known;
    const executor = new LiveExecutor(id, addTime);
    if (id === DRIVER) Object.assign(executor, this.#driver);
    this.#executors.delete(id);
    this.#executors.set(id, executor);
    return executor;
  }

  executorAdded(event: LoggedObject): void {
    const info = objectOf(event['Executor Info']);
    const executor = this.#executorOf(textOf(event['Executor ID']), numberOf(event['Timestamp']));
    executor.host = textOf(info['Host']);
    executor.isActive = true;
    executor.totalCores = numberOf(info['Total Cores']);
    executor.resourceProfileId = numberOf(info['Resource Profile Id']);
    const cpus = objectOf(objectOf(this.#taskResources(executor.resourceProfileId))['cpus']);
    executor.maxTasks = Math.floor(executor.totalCores / Math.max(1, numberOf(cpus['amount'], 1)));
    executor.executorLogs = objectOf(info['Log Urls']);
    executor.attributes = objectOf(info['Attributes']);
    executor.resources = objectOf(info['Resources']);
  }

  executorRemoved(event: LoggedObject): void {
    const id = textOf(event['Executor ID']);
    const executor = this.#executors.get(id);
    if (executor === undefined || executor.removeTime !== null) return;
    executor.isActive = false;
    executor.removeTime = numberOf(event['Timestamp']);
    executor.removeReason = textOf(event['Removed Reason']);
    for (const rdd of this.#rdds.values()) rdd.executorRemoved(id);
    const dead = [...this.#executors.values()].filter(({ removeTime }) => removeTime !== null);
    for (const old of dead.slice(0, numberToRemove(dead.length, this.#retainedDead))) this.#executors.delete(old.id);
  }

  blockManagerAdded(event: LoggedObject): void {
    const id = objectOf(event['Block Manager ID']);
    const executor = this.#executorOf(textOf(id['Executor ID']), numberOf(event['Timestamp']));
    executor.hostPort = `${textOf(id['Host'])}:${numberOf(id['Port'])}`;
    executor.maxMemory = numberOf(event['Maximum Memory']);
    const totalOnHeap = event['Maximum Onheap Memory'];
    if (typeof totalOnHeap === 'number')
      executor.memory = {
        totalOnHeap,
        totalOffHeap: numberOf(event['Maximum Offheap Memory']),
        usedOnHeap: 0,
        usedOffHeap: 0,
      };
    executor.isActive = true;
  }

  blockUpdated(info: LoggedObject): void {
    const executorId = textOf(objectOf(info['Block Manager ID'])['Executor ID']);
    const block = textOf(info['Block ID']);
    const rddId = /^rdd_(\d+)_\d+$/.exec(block)?.[1];
    if (rddId === undefined && !block.startsWith('broadcast_')) return;
    const level = levelOf(info['Storage Level']);
    const known = this.#executors.get(executorId);
    const executor = known?.removeTime === null ? known : null;
    const change: BlockChange = {
      executorId,
      executor,
      level,
      memory: numberOf(info['Memory Size']) * (level.useMemory ? 1 : -1),
      disk: numberOf(info['Disk Size']) * (level.useDisk ? 1 : -1),
    };
    executor?.use(change.memory, change.disk, level.useOffHeap);
    const rdd = rddId === undefined ? undefined : this.#rdds.get(Number(rddId));
    const delta = rdd?.update(block, change) ?? 0;
    if (executor !== null) executor.rddBlocks = Math.max(0, executor.rddBlocks + delta);
  }

  unpersisted(rddId: number): void {
    const rdd = this.#rdds.get(rddId);
    if (rdd === undefined) return;
    this.#rdds.delete(rddId);
    for (const { executors } of rdd.partitions.values())
      for (const id of executors) {
        const executor = this.#executors.get(id);
        if (executor !== undefined) executor.rddBlocks = Math.max(0, executor.rddBlocks - 1);
      }
    for (const { executor, memoryUsed, diskUsed } of rdd.distributions.values())
      executor.use(-memoryUsed, -diskUsed, rdd.level.useOffHeap);
  }

  excluded(id: unknown, isExcluded: boolean): void {
    const executor = this.#executors.get(textOf(id));
    if (executor !== undefined) executor.isExcluded = isExcluded;
  }

  nodeExcluded(host: unknown, isExcluded: boolean): void {
    for (const executor of this.#executors.values())
      if (executor.host === host && executor.id !== DRIVER) executor.isExcluded = isExcluded;
  }
}

import { InvariantError } from '../base/errors.ts';
import { addBlockSizes } from '../protocol/block-sizes.ts';
import type { ExecutorId, ShuffleId, TaskId } from '../protocol/ids.ts';
import type { BlockManagerId, MapOutputs, MapStatus } from '../protocol/map-output.ts';

interface Shuffle {
  readonly statuses: (MapStatus | null)[];
  readonly numReduces: number;
  available: number;
}

/**
 * The driver's book: which executor has which map output of which shuffle.
 *
 * Invariants:
 * 1. `available` of a shuffle is the number of its statuses that are not null.
 * 2. Every registered output is listed under its executor. (The list may name outputs that moved on since.)
 * 3. The epoch never falls, and grows with every loss.
 *
 * Spark: MapOutputTrackerMaster
 */
export class MapOutputTracker {
  readonly #shuffles = new Map<ShuffleId, Shuffle>();
  /** Per executor and shuffle the map indexes ever registered there; so a loss costs what is lost, not what there is. */
  readonly #byExecutor = new Map<ExecutorId, { readonly host: string; readonly shuffles: Map<ShuffleId, number[]> }>();
  readonly #executorsByHost = new Map<string, Set<ExecutorId>>();
  #epoch = 0;

  /** Grows whenever an output is lost: what a reader remembers of an older epoch may be wrong. */
  get epoch(): number {
    return this.#epoch;
  }

  hasShuffle(shuffleId: ShuffleId): boolean {
    return this.#shuffles.has(shuffleId);
  }

  registerShuffle(shuffleId: ShuffleId, numMaps: number, numReduces: number): void {
    if (this.#shuffles.has(shuffleId)) throw new InvariantError(`shuffle ${shuffleId} is registered twice`);
    this.#shuffles.set(shuffleId, { statuses: new Array(numMaps).fill(null), numReduces, available: 0 });
  }

  /** Forgets a shuffle that nobody will read again. @returns what it had. */
  unregisterShuffle(shuffleId: ShuffleId): readonly MapStatus[] {
    const shuffle = this.#shuffles.get(shuffleId);
    if (shuffle === undefined) return [];
    this.#shuffles.delete(shuffleId);
    for (const [executorId, { shuffles }] of this.#byExecutor)
      if (shuffles.delete(shuffleId) && shuffles.size === 0) this.#forgetExecutor(executorId);
    return shuffle.statuses.filter((status) => status !== null);
  }

  registerMapOutput(shuffleId: ShuffleId, mapIndex: number, status: MapStatus): void {
    const shuffle = this.#get(shuffleId);
    if (shuffle.statuses[mapIndex] === undefined)
      throw new InvariantError(`shuffle ${shuffleId} has no map partition ${mapIndex}`);
    if (shuffle.statuses[mapIndex] === null) shuffle.available++;
    shuffle.statuses[mapIndex] = status;
    const { executorId, host } = status.location;
    let shuffles = this.#byExecutor.get(executorId)?.shuffles;
    if (shuffles === undefined) {
      shuffles = new Map();
      this.#byExecutor.set(executorId, { host, shuffles });
      this.#executorsByHost.set(host, (this.#executorsByHost.get(host) ?? new Set()).add(executorId));
    }
    const indexes = shuffles.get(shuffleId);
    if (indexes === undefined) shuffles.set(shuffleId, [mapIndex]);
    else indexes.push(mapIndex);
  }

  /**
   * Forgets an output that could not be read, unless a newer one has taken its place. `mapId` is the task that wrote
   * what could not be read; null forgets whatever this executor has of it.
   */
  unregisterMapOutput(shuffleId: ShuffleId, mapIndex: number, location: BlockManagerId, mapId: TaskId | null): void {
    const shuffle = this.#shuffles.get(shuffleId);
    const status = shuffle?.statuses[mapIndex];
    if (shuffle === undefined || !status || status.location.executorId !== location.executorId) return;
    if (mapId !== null && status.mapId !== mapId) return;
    shuffle.statuses[mapIndex] = null;
    shuffle.available--;
    this.#epoch++;
  }

  /** What lies on an executor. */
  outputsOn(executorId: ExecutorId): { readonly shuffleId: ShuffleId; readonly mapId: TaskId }[] {
    const outputs: { shuffleId: ShuffleId; mapId: TaskId }[] = [];
    for (const [shuffleId, indexes] of this.#byExecutor.get(executorId)?.shuffles ?? []) {
      const { statuses } = this.#get(shuffleId);
      for (const index of new Set(indexes)) {
        const status = statuses[index];
        if (status?.location.executorId === executorId) outputs.push({ shuffleId, mapId: status.mapId });
      }
    }
    return outputs;
  }

  /** An output lies with somebody else now. @returns false when it is not known. Spark: updateMapOutput */
  moveMapOutput(shuffleId: ShuffleId, mapId: TaskId, location: BlockManagerId): boolean {
    const statuses = this.#shuffles.get(shuffleId)?.statuses ?? [];
    const mapIndex = statuses.findIndex((status) => status?.mapId === mapId);
    const status = statuses[mapIndex];
    if (!status) return false;
    this.registerMapOutput(shuffleId, mapIndex, { ...status, location });
    this.#epoch++;
    return true;
  }

  /** Forgets all outputs of a shuffle that is to be written anew. */
  unregisterAllMapOutputs(shuffleId: ShuffleId): void {
    const shuffle = this.#get(shuffleId);
    if (shuffle.available === 0) return;
    shuffle.statuses.fill(null);
    shuffle.available = 0;
    this.#epoch++;
    for (const [executorId, { shuffles }] of this.#byExecutor)
      if (shuffles.delete(shuffleId) && shuffles.size === 0) this.#forgetExecutor(executorId);
  }

  removeOutputsOnExecutor(executorId: ExecutorId): void {
    this.#forgetExecutor(executorId);
    this.#epoch++;
  }

  removeOutputsOnHost(host: string): void {
    for (const executorId of [...(this.#executorsByHost.get(host) ?? [])]) this.#forgetExecutor(executorId);
    this.#epoch++;
  }

  /** Who has this output; null: nobody. Spark: MapOutputTrackerMaster.getMapOutputLocation */
  locationOf(shuffleId: ShuffleId, mapIndex: number): BlockManagerId | null {
    return this.#shuffles.get(shuffleId)?.statuses[mapIndex]?.location ?? null;
  }

  numAvailableOutputs(shuffleId: ShuffleId): number {
    return this.#shuffles.get(shuffleId)?.available ?? 0;
  }

  /** Map indexes without an output, ascending. */
  missingPartitions(shuffleId: ShuffleId): number[] {
    const missing: number[] = [];
    const { statuses } = this.#get(shuffleId);
    for (let i = 0; i < statuses.length; i++) if (statuses[i] === null) missing.push(i);
    return missing;
  }

  /** Bytes per reduce partition over all map outputs. */
  bytesByPartition(shuffleId: ShuffleId): number[] {
    const { statuses, numReduces } = this.#get(shuffleId);
    const totals = new Float64Array(numReduces);
    for (const status of statuses) if (status !== null) addBlockSizes(status.sizes, totals);
    return [...totals];
  }

  /**
   * Per reduce partition the hosts of executors that have at least this fraction of its bytes.
   *
   * Spark: MapOutputTrackerMaster.getLocationsWithLargestOutputs
   */
  hostsWithLargestOutputs(shuffleId: ShuffleId, fraction: number): string[][] {
    const { statuses, numReduces } = this.#get(shuffleId);
    const totals = new Float64Array(numReduces);
    const byExecutor = new Map<ExecutorId, { readonly host: string; readonly bytes: Float64Array }>();
    for (const status of statuses) {
      if (status === null) continue;
      const { executorId, host } = status.location;
      let held = byExecutor.get(executorId);
      if (held === undefined) {
        held = { host, bytes: new Float64Array(numReduces) };
        byExecutor.set(executorId, held);
      }
      addBlockSizes(status.sizes, held.bytes);
      addBlockSizes(status.sizes, totals);
    }
    const hosts: string[][] = Array.from({ length: numReduces }, () => []);
    for (const { host, bytes } of byExecutor.values())
      for (let reduce = 0; reduce < numReduces; reduce++) {
        const total = totals[reduce] as number; // reduce < numReduces, here and below
        const ofReduce = hosts[reduce] as string[];
        if (total > 0 && (bytes[reduce] as number) >= total * fraction && !ofReduce.includes(host)) ofReduce.push(host);
      }
    return hosts;
  }

  /** What a reader needs to know; null for a shuffle nobody registered. A snapshot: later changes do not show in it. */
  getMapOutputs(shuffleId: ShuffleId): MapOutputs | null {
    const shuffle = this.#shuffles.get(shuffleId);
    return shuffle === undefined ? null : { shuffleId, epoch: this.#epoch, statuses: shuffle.statuses.slice() };
  }

  checkInvariants(): void {
    for (const [shuffleId, { statuses, available }] of this.#shuffles) {
      const there = statuses.filter((s) => s !== null).length;
      if (there !== available) throw new InvariantError(`shuffle ${shuffleId}: ${available} counted, ${there} there`);
      statuses.forEach((status, mapIndex) => {
        if (status === null) return;
        const listed = this.#byExecutor.get(status.location.executorId)?.shuffles.get(shuffleId)?.includes(mapIndex);
        if (!listed) throw new InvariantError(`output ${mapIndex} of shuffle ${shuffleId} is not listed`);
      });
    }
  }

  #get(shuffleId: ShuffleId): Shuffle {
    const shuffle = this.#shuffles.get(shuffleId);
    if (shuffle === undefined) throw new InvariantError(`shuffle ${shuffleId} is not registered`);
    return shuffle;
  }

  #forgetExecutor(executorId: ExecutorId): void {
    const held = this.#byExecutor.get(executorId);
    if (held === undefined) return;
    for (const [shuffleId, indexes] of held.shuffles) {
      const shuffle = this.#shuffles.get(shuffleId);
      if (shuffle === undefined) continue;
      for (const mapIndex of indexes) {
        if (shuffle.statuses[mapIndex]?.location.executorId !== executorId) continue;
        shuffle.statuses[mapIndex] = null;
        shuffle.available--;
      }
    }
    this.#byExecutor.delete(executorId);
    const neighbours = this.#executorsByHost.get(held.host);
    neighbours?.delete(executorId);
    if (neighbours?.size === 0) this.#executorsByHost.delete(held.host);
  }
}

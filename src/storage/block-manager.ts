import { existsSync, rmSync } from 'node:fs';
import type { StoredBlock } from '../protocol/executor-slot.ts';
import type { ExecutorId, RddId, TaskId } from '../protocol/ids.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import type { LocalDirs } from './local-dirs.ts';
import type { MemoryManager } from './memory-manager.ts';

/** Told whenever a block comes, moves or goes. */
export type BlockListener = (update: {
  readonly rddId: RddId;
  readonly partition: number;
  readonly stored: boolean;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}) => void;

interface Entry {
  readonly rddId: RddId;
  readonly partition: number;
  readonly level: StorageLevel;
  block: StoredBlock;
}

/**
 * The blocks one executor keeps: partitions of persisted RDDs, as serializer blocks in shared memory or in files, and
 * broadcast values. Lives on the executor's main thread; slots read the shared memory without copying.
 *
 * Memory is bounded by what `memory` leaves for blocks. When a block does not fit, the least recently used blocks of *other* RDDs make room:
 * those whose level has disk move to a file, the rest are dropped and will be computed again.
 *
 * Spark: BlockManager, MemoryStore
 */
export class BlockManager {
  readonly executorId: ExecutorId;
  /** Shared with the tasks. */
  readonly memory: MemoryManager;
  readonly #dirs: LocalDirs;
  readonly #listen: BlockListener;
  /** Insertion order is use order: a block that is read moves to the end. */
  readonly #blocks = new Map<string, Entry>();
  readonly #broadcasts = new Map<number, Uint8Array>();
  /** task → RDD → bytes of a partition that is being computed and is to stay in memory. Spark: unroll memory */
  readonly #unrolling = new Map<TaskId, Map<RddId, number>>();

  constructor(executorId: ExecutorId, memory: MemoryManager, dirs: LocalDirs, listen: BlockListener) {
    this.executorId = executorId;
    this.memory = memory;
    this.#dirs = dirs;
    this.#listen = listen;
  }

  getRddBlock(rddId: RddId, partition: number): StoredBlock | null {
    const id = rddBlockId(rddId, partition);
    const entry = this.#blocks.get(id);
    if (entry === undefined) return null;
    if (entry.block.kind === 'disk' && !existsSync(entry.block.path)) {
      this.#blocks.delete(id);
      this.#report(entry, false);
      return null;
    }
    this.#blocks.delete(id);
    this.#blocks.set(id, entry);
    return entry.block;
  }

  /**
   * Whether a partition that a task has computed so far may stay in memory; makes room by evicting other RDDs' blocks. What is
   * granted is held until the block is put, or the task ends.
   */
  reserve(taskId: TaskId, rddId: RddId, bytes: number): boolean {
    const held = this.#unrolling.get(taskId)?.get(rddId) ?? 0;
    if (!this.#makeRoom(rddId, bytes - held)) return false;
    this.memory.takeStorage(bytes - held);
    const ofTask = this.#unrolling.get(taskId) ?? new Map<RddId, number>();
    this.#unrolling.set(taskId, ofTask.set(rddId, bytes));
    return true;
  }

  /** Memory for a task's tables and buffers, which may push blocks out. @returns what it gets. */
  acquireForTask(taskId: TaskId, bytes: number): number {
    return this.memory.acquireExecution(taskId, bytes, (wanted) => this.#evictForTask(wanted));
  }

  /** Its memory is free again. */
  taskEnded(taskId: TaskId): void {
    this.memory.releaseTask(taskId);
    for (const bytes of this.#unrolling.get(taskId)?.values() ?? []) this.memory.giveBackStorage(bytes);
    this.#unrolling.delete(taskId);
  }

  /** @returns false when it does not fit; the caller goes on with the records it has. */
  putRddBlock(
    rddId: RddId,
    partition: number,
    level: StorageLevel,
    block: StoredBlock,
    taskId: TaskId | null = null,
  ): boolean {
    const id = rddBlockId(rddId, partition);
    if (taskId !== null) this.#unrolled(taskId, rddId);
    if (this.#blocks.has(id)) return true; // another attempt was first; its records are the same
    if (block.kind === 'memory') {
      if (!this.#makeRoom(rddId, block.bytes)) return false;
      this.memory.takeStorage(block.bytes);
    }
    const entry: Entry = { rddId, partition, level, block };
    this.#blocks.set(id, entry);
    this.#report(entry, true);
    return true;
  }

  /** A copy of a partition that another executor computed: in memory (it must be shared memory), else as the level allows. */
  putReplica(rddId: RddId, partition: number, level: StorageLevel, bytes: Uint8Array): boolean {
    const chunks = bytes.length === 0 ? [] : [bytes];
    if (
      level.useMemory &&
      this.putRddBlock(rddId, partition, level, { kind: 'memory', chunks, bytes: bytes.byteLength })
    )
      return true;
    if (!level.useDisk) return false;
    const path = this.#written(rddId, partition, [bytes]);
    if (path === null) return false;
    return this.putRddBlock(rddId, partition, level, { kind: 'disk', path, bytes: bytes.byteLength });
  }

  /** Every cached partition that is here. */
  cached(): readonly { rddId: RddId; partition: number; level: StorageLevel; block: StoredBlock }[] {
    return [...this.#blocks.values()];
  }

  cachedBlock(rddId: RddId, partition: number): { level: StorageLevel; block: StoredBlock } | undefined {
    return this.#blocks.get(rddBlockId(rddId, partition));
  }

  removeRddBlock(rddId: RddId, partition: number): void {
    const entry = this.#blocks.get(rddBlockId(rddId, partition));
    if (entry !== undefined) this.#remove(entry);
  }

  removeRdd(rddId: RddId): void {
    for (const entry of [...this.#blocks.values()]) if (entry.rddId === rddId) this.#remove(entry);
  }

  /** The bytes are kept in shared memory, so that every slot reads the one copy. */
  putBroadcast(id: number, bytes: Uint8Array): void {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
    shared.set(bytes);
    this.#broadcasts.set(id, shared);
  }

  getBroadcast(id: number): Uint8Array | null {
    return this.#broadcasts.get(id) ?? null;
  }

  removeBroadcast(id: number): void {
    this.#broadcasts.delete(id);
  }

  #remove(entry: Entry): void {
    this.#blocks.delete(rddBlockId(entry.rddId, entry.partition));
    if (entry.block.kind === 'memory') this.memory.giveBackStorage(entry.block.bytes);
    else rmSync(entry.block.path, { force: true });
    this.#report(entry, false);
  }

  #unrolled(taskId: TaskId, rddId: RddId): void {
    const ofTask = this.#unrolling.get(taskId);
    this.memory.giveBackStorage(ofTask?.get(rddId) ?? 0);
    ofTask?.delete(rddId);
  }

  /** Blocks of the RDD that is being stored stay: else they would push each other out for ever. */
  #makeRoom(rddId: RddId, bytes: number): boolean {
    if (this.memory.storageShortage(bytes) === null) return false;
    for (const entry of [...this.#blocks.values()]) {
      if (this.memory.storageShortage(bytes) === 0) return true;
      if (entry.block.kind === 'memory' && entry.rddId !== rddId) this.#evict(entry);
    }
    return this.memory.storageShortage(bytes) === 0;
  }

  #evictForTask(wanted: number): void {
    const until = this.memory.storageUsed - wanted;
    for (const entry of [...this.#blocks.values()]) {
      if (this.memory.storageUsed <= until) return;
      if (entry.block.kind === 'memory') this.#evict(entry);
    }
  }

  #evict(entry: Entry): void {
    const block = entry.block;
    if (block.kind !== 'memory') return;
    this.memory.giveBackStorage(block.bytes);
    const path = entry.level.useDisk ? this.#written(entry.rddId, entry.partition, block.chunks) : null;
    if (path !== null) {
      entry.block = { kind: 'disk', path, bytes: block.bytes };
      this.#report(entry, true);
    } else {
      this.#blocks.delete(rddBlockId(entry.rddId, entry.partition));
      this.#report(entry, false);
    }
  }

  /** The file of a block; null when it cannot be written: then the block is computed again where it is needed. */
  #written(rddId: RddId, partition: number, chunks: readonly Uint8Array[]): string | null {
    try {
      return this.#dirs.write(rddBlockId(rddId, partition), Buffer.concat(chunks));
    } catch (error) {
      this.#dirs.warn(`${rddBlockId(rddId, partition)} is not kept: ${(error as Error).message}`);
      return null;
    }
  }

  #report(entry: Entry, stored: boolean): void {
    const { kind, bytes } = entry.block;
    this.#listen({
      rddId: entry.rddId,
      partition: entry.partition,
      stored,
      memoryBytes: stored && kind === 'memory' ? bytes : 0,
      diskBytes: stored && kind === 'disk' ? bytes : 0,
    });
  }
}

/** Spark: RDDBlockId.name */
export function rddBlockId(rddId: RddId, partition: number): string {
  return `rdd_${rddId}_${partition}`;
}

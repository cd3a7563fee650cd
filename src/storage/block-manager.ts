import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { StoredBlock } from '../protocol/executor-slot.ts';
import type { ExecutorId, RddId } from '../protocol/ids.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import type { LocalDirs } from './local-dirs.ts';

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
 * Memory is bounded by `memoryLimit`. When a block does not fit, the least recently used blocks of *other* RDDs make room:
 * those whose level has disk move to a file, the rest are dropped and will be computed again.
 *
 * Spark: BlockManager, MemoryStore
 */
export class BlockManager {
  readonly executorId: ExecutorId;
  readonly #memoryLimit: number;
  readonly #dirs: LocalDirs;
  readonly #listen: BlockListener;
  /** Insertion order is use order: a block that is read moves to the end. */
  readonly #blocks = new Map<string, Entry>();
  readonly #broadcasts = new Map<number, Uint8Array>();
  #memoryUsed = 0;

  constructor(executorId: ExecutorId, memoryLimitBytes: number, dirs: LocalDirs, listen: BlockListener) {
    this.executorId = executorId;
    this.#memoryLimit = memoryLimitBytes;
    this.#dirs = dirs;
    this.#listen = listen;
  }

  /** Bytes of RDD blocks in memory now. */
  get memoryUsed(): number {
    return this.#memoryUsed;
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

  /** Whether `bytes` more of this RDD may stay in memory; makes room by evicting other RDDs' blocks. */
  reserve(rddId: RddId, bytes: number): boolean {
    if (bytes > this.#memoryLimit) return false;
    for (const entry of [...this.#blocks.values()]) {
      if (this.#memoryUsed + bytes <= this.#memoryLimit) break;
      if (entry.block.kind === 'memory' && entry.rddId !== rddId) this.#evict(entry);
    }
    return this.#memoryUsed + bytes <= this.#memoryLimit;
  }

  /** @returns false when it does not fit; the caller goes on with the records it has. */
  putRddBlock(rddId: RddId, partition: number, level: StorageLevel, block: StoredBlock): boolean {
    const id = rddBlockId(rddId, partition);
    if (this.#blocks.has(id)) return true; // another attempt was first; its records are the same
    if (block.kind === 'memory') {
      if (!this.reserve(rddId, block.bytes)) return false;
      this.#memoryUsed += block.bytes;
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
    const path = this.#dirs.file(rddBlockId(rddId, partition));
    writeFileSync(path, bytes);
    return this.putRddBlock(rddId, partition, level, { kind: 'disk', path, bytes: bytes.byteLength });
  }

  removeRdd(rddId: RddId): void {
    for (const [id, entry] of this.#blocks) {
      if (entry.rddId !== rddId) continue;
      this.#blocks.delete(id);
      if (entry.block.kind === 'memory') this.#memoryUsed -= entry.block.bytes;
      else rmSync(entry.block.path, { force: true });
      this.#report(entry, false);
    }
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

  #evict(entry: Entry): void {
    const block = entry.block;
    if (block.kind !== 'memory') return;
    this.#memoryUsed -= block.bytes;
    if (entry.level.useDisk) {
      const path = this.#dirs.file(rddBlockId(entry.rddId, entry.partition));
      writeFileSync(path, Buffer.concat(block.chunks.map((c) => Buffer.from(c))));
      entry.block = { kind: 'disk', path, bytes: block.bytes };
      this.#report(entry, true);
    } else {
      this.#blocks.delete(rddBlockId(entry.rddId, entry.partition));
      this.#report(entry, false);
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

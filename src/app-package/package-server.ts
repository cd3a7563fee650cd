import type { Clock, EpochMs } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import { type AskPackages, type FileProbe, PACKAGE_SCHEME } from '../protocol/app-package.ts';
import { FileRegion } from '../rpc/file-region.ts';
import type { AskMessage, RpcCaller, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import { isSameFile } from './file-probe.ts';
import { hashOfFile, type PartReceiver, type PartStore, partsOf } from './part-store.ts';

export interface PackageServerOptions {
  /** Opened when it is needed first. */
  readonly openStore: () => PartStore;
  /** So many read at the same time; others wait their turn. */
  readonly maxReaders: number;
  readonly clock: Clock;
  /** What a part that is sent may have, bytes; 0: nothing is taken. */
  readonly maxUploadBytes: number;
  /** The driver's own application; absent where there is none. */
  readonly application?: () => Promise<AskPackages['GetPackage'][1]>;
  /** A file that the driver added, as it was then; null: there is none. */
  readonly addedFile?: (name: string, timestamp: number) => FileProbe | null;
}

/** A piece of a part or file in one reply, at most. */
export const PIECE_BYTES: number = 4 << 20;

/** Serves parts of applications, and takes them. */
export class PackageServer implements RpcEndpoint<never, AskPackages> {
  readonly #options: PackageServerOptions;
  /** By connection: how many reads it has begun and not ended. */
  readonly #readers = new Map<string, number>();
  readonly #waiting: { readonly caller: RpcCaller; readonly start: () => void }[] = [];
  #opened: PartStore | null = null;
  readonly #uploads = new Map<string, PartReceiver>();
  /** Of added files, by how they were. */
  readonly #fileHashes = new Map<string, Promise<string>>();

  constructor(options: PackageServerOptions) {
    this.#options = options;
  }

  get #store(): PartStore {
    this.#opened ??= this.#options.openStore();
    return this.#opened;
  }

  receive(): void {}

  onDisconnected(caller: RpcCaller): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--)
      if (this.#waiting[i]?.caller.id === caller.id) this.#waiting.splice(i, 1);
    if (this.#readers.delete(caller.id)) this.#next();
    for (const [key, receiver] of this.#uploads)
      if (key.startsWith(`${caller.id} `)) {
        receiver.abort();
        this.#uploads.delete(key);
      }
  }

  receiveAndReply(ask: AskMessage<AskPackages>, from: RpcCaller): unknown {
    const { application, clock } = this.#options;
    switch (ask.type) {
      case 'GetPackage':
        if (application === undefined) throw new IskraError('PACKAGE_MISSING', 'this process has no application');
        return application();
      case 'StartReading':
        return this.#startReading(from);
      case 'StopReading':
        this.#stopReading(from);
        return null;
      case 'ReadPart': {
        const { hash, offset, length } = ask.request;
        this.#checkTurn(from);
        const store = this.#store;
        const total = store.bytesOf(hash);
        if (total === null) return { bytes: null, total: 0 };
        if (offset === 0) store.touch(hash, clock.now());
        return { bytes: new FileRegion(store.pathOf(hash), offset, pieceLength(offset, length, total)), total };
      }
      case 'ReadAddedFile': {
        const { name, timestamp, offset, length } = ask.request;
        this.#checkTurn(from);
        const { path } = this.#addedFile(name, timestamp);
        return { bytes: new FileRegion(path, offset, Math.min(length, PIECE_BYTES)) };
      }
      case 'AddedFileHash':
        this.#checkTurn(from);
        return this.#hashOf(ask.request.name, this.#addedFile(ask.request.name, ask.request.timestamp));
      case 'MissingParts': {
        const missing: string[] = [];
        for (const hash of ask.request.hashes)
          if (this.#store.bytesOf(hash) === null) missing.push(hash);
          else this.#store.touch(hash, clock.now());
        return { missing };
      }
      case 'WritePart':
        this.#write(ask.request, from);
        return null;
    }
  }

  #addedFile(name: string, timestamp: number): FileProbe {
    const found = this.#options.addedFile?.(name, timestamp) ?? null;
    if (found === null) throw new IskraError('FILE_NOT_FOUND', `the driver has no added file '${name}'`);
    return found;
  }

  /** Computed once a file, when the first executor asks; whether the file is still the same is looked at for each. */
  async #hashOf(name: string, probe: FileProbe): Promise<AskPackages['AddedFileHash'][1]> {
    const { path, bytes } = probe;
    const key = JSON.stringify(probe); // another file may be added under the name, and then lies there
    let hash = this.#fileHashes.get(key);
    if (hash === undefined) {
      hash = hashOfFile(path);
      this.#fileHashes.set(key, hash);
      hash.catch(() => this.#fileHashes.delete(key));
    }
    await hash.catch(() => {});
    if (!isSameFile(probe)) {
      this.#fileHashes.delete(key);
      throw new IskraError(
        'FILE_CHANGED',
        `${path} changed after it was added as '${name}', or cannot be read any more; leave it as it is while the application runs, or add the new one under another name`,
        { details: { name, path } },
      );
    }
    return { hash: await hash, bytes };
  }

  #startReading(from: RpcCaller): Promise<null> | null {
    const reads = this.#readers.get(from.id);
    if (reads !== undefined || this.#readers.size < this.#options.maxReaders) {
      this.#readers.set(from.id, (reads ?? 0) + 1);
      return null;
    }
    return new Promise((resolve) => {
      const start = (): void => {
        this.#readers.set(from.id, (this.#readers.get(from.id) ?? 0) + 1);
        resolve(null);
      };
      this.#waiting.push({ caller: from, start });
    });
  }

  #stopReading(from: RpcCaller): void {
    const reads = this.#readers.get(from.id);
    if (reads === undefined) return;
    if (reads > 1) this.#readers.set(from.id, reads - 1);
    else {
      this.#readers.delete(from.id);
      this.#next();
    }
  }

  /** Those who wait get free places, oldest first; with one of a connection its others. */
  #next(): void {
    const first = this.#waiting.shift();
    if (first === undefined) return;
    first.start();
    for (let i = 0; i < this.#waiting.length; ) {
      const waiting = this.#waiting[i];
      if (waiting?.caller.id !== first.caller.id) i++;
      else {
        this.#waiting.splice(i, 1);
        waiting.start();
      }
    }
  }

  #checkTurn(from: RpcCaller): void {
    if (!this.#readers.has(from.id))
      throw new IskraError('PACKAGE_PROTOCOL', 'a part was asked for without StartReading before');
  }

  #write(request: AskPackages['WritePart'][0], from: RpcCaller): void {
    const { maxUploadBytes } = this.#options;
    const { hash, offset, bytes, last } = request;
    const key = `${from.id} ${hash}`;
    let receiver = this.#uploads.get(key);
    if (offset === 0) {
      receiver?.abort();
      receiver = this.#store.receive(hash);
      this.#uploads.set(key, receiver);
    }
    try {
      if (receiver === undefined || receiver.bytes !== offset)
        throw new IskraError(
          'PACKAGE_PROTOCOL',
          `a piece of part ${hash} came out of order: at ${offset}, after ${receiver?.bytes ?? 0} bytes`,
        );
      if (offset + bytes.length > maxUploadBytes)
        throw new IskraError(
          'PACKAGE_TOO_LARGE',
          `a part of the application has more than ${maxUploadBytes} bytes, which is all that is taken here (spark.iskra.package.maxSize of the master)`,
        );
      receiver.write(bytes);
      if (last) receiver.finish();
    } catch (error) {
      receiver?.abort();
      this.#uploads.delete(key);
      throw error;
    }
    if (last) this.#uploads.delete(key);
  }

  /** Forgets uploads that are not whole. */
  close(): void {
    for (const receiver of this.#uploads.values()) receiver.abort();
    this.#uploads.clear();
  }
}

function pieceLength(offset: number, length: number, total: number): number {
  return Math.max(0, Math.min(length, PIECE_BYTES, total - offset));
}

export interface PackageStoreLimits {
  /** Bytes of one part. */
  readonly maxPartBytes: number;
  readonly maxReaders: number;
  /** How long a package stays that no driver needs, ms. */
  readonly timeToLiveMs: number;
}

/** What a master has of packages. */
export interface PackageStoreHandle {
  /** True when all parts of `iskra-package:…` are here. */
  has(appResource: string): boolean;
  /**
   * Removes parts that no package of these resources needs and that nobody has used for the time to live. To be called from time
   * to time; resources of other schemes are passed over.
   *
   * @returns how many were removed.
   */
  clean(needed: readonly string[], now: EpochMs): number;
  /** Stops taking and giving; what is stored stays. */
  close(): void;
}

/**
 * Registers the endpoint `Packages`.
 *
 * @param openStore called when the store is needed first.
 * @param findStore the same for who only cleans: null when there is none yet.
 */
export function registerPackageStore(
  rpc: {
    register(name: string, endpoint: RpcEndpoint<never, AskPackages>): void;
    unregister(name: string): void;
  },
  openStore: () => PartStore,
  limits: PackageStoreLimits,
  clock: Clock,
  findStore: () => PartStore | null = openStore,
): PackageStoreHandle {
  let opened: PartStore | null = null;
  const storeOf = (): PartStore => {
    opened ??= openStore();
    return opened;
  };
  const server = new PackageServer({
    openStore: storeOf,
    maxReaders: limits.maxReaders,
    maxUploadBytes: limits.maxPartBytes,
    clock,
  });
  rpc.register('Packages', server);
  return {
    has: (resource) => hashesOf(storeOf(), resource).every((hash) => storeOf().bytesOf(hash) !== null),
    clean(needed, now) {
      opened ??= findStore();
      const store = opened;
      if (store === null) return 0;
      store.removeStaleDrafts(now);
      const kept = new Set(needed.flatMap((resource) => hashesOf(store, resource)));
      let removed = 0;
      for (const { hash, usedAt } of store.list()) {
        if (kept.has(hash) || now - usedAt < limits.timeToLiveMs) continue;
        store.remove(hash);
        removed++;
      }
      return removed;
    },
    close() {
      rpc.unregister('Packages');
      server.close();
    },
  };
}

/** The manifest's hash, and those it names; a manifest that is not here has none. */
function hashesOf(store: PartStore, resource: string): string[] {
  if (!resource.startsWith(PACKAGE_SCHEME)) return [];
  const id = resource.slice(PACKAGE_SCHEME.length);
  try {
    return [id, ...partsOf(store.readManifest(id), true)];
  } catch {
    return /^[0-9a-f]{64}$/.test(id) ? [id] : [];
  }
}

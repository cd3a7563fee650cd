import { closeSync, openSync, readSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import { type AskPackages, PACKAGES_ENDPOINT } from '../protocol/app-package.ts';
import type { RpcAddress } from '../rpc/rpc-address.ts';
import type { RpcRef } from '../rpc/rpc-endpoint.ts';
import type { RpcEnv } from '../rpc/rpc-env.ts';
import type { PackedApplication } from './pack-application.ts';
import { PIECE_BYTES } from './package-server.ts';
import { type PartStore, partsOf } from './part-store.ts';

export type PackagesRef = RpcRef<never, AskPackages>;

/** A busy driver answers when its program lets it; one that is gone closes the connection. */
const NO_LIMIT = { timeoutMs: Number.POSITIVE_INFINITY } as const;

/** Reads within the turn that the other side gives. @param signal ends the wait for it. */
export async function inTurn<T>(ref: PackagesRef, read: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const started = ref.ask('StartReading', null, NO_LIMIT);
  const end = (): void => {
    if (!ref.closed) ref.ask('StopReading', null).catch(() => {}); // a closed connection gives the turn back as well
  };
  try {
    await unlessAborted(started, signal);
  } catch (error) {
    started.then(end, () => {}); // the other side still gives it
    throw error;
  }
  try {
    return await read();
  } finally {
    end();
  }
}

async function unlessAborted(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  let cancel = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    cancel = () => reject(signal?.reason);
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener('abort', cancel);
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** How often a process looks whether another one has brought what it needs, ms. */
const LOOK_MS = 50;

export interface FetchPartsOptions {
  /** The files of a driver as well. */
  readonly files?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Brings a package into a store: its manifest, and the parts that the store does not have. Processes of one machine share the
 * work: what another one is fetching is waited for, as long as it comes.
 *
 * @param connect to whom has it; not called when nothing is lacking.
 * @throws IskraError PACKAGE_MISSING, PACKAGE_CORRUPT; errors of the connection.
 */
export async function fetchParts(
  connect: () => Promise<PackagesRef>,
  id: string,
  store: PartStore,
  options: FetchPartsOptions = {},
): Promise<void> {
  const { signal, files = false } = options;
  const lacks = (hash: string): boolean => store.bytesOf(hash) === null;
  const isOpen = (hash: string): boolean => lacks(hash) && !store.isComing(hash, systemClock.now());
  for (;;) {
    signal?.throwIfAborted();
    const lacking = lacks(id) ? [id] : partsOf(store.readManifest(id), files).filter(lacks);
    if (lacking.length === 0) return;
    if (!lacking.some(isOpen)) {
      await new Promise<void>((resolve) => void systemClock.after(LOOK_MS, resolve));
      continue;
    }
    const ref = await connect();
    await inTurn(
      ref,
      async () => {
        // Each process begins elsewhere, so that they do not meet at every part.
        const start = process.pid % lacking.length;
        for (const hash of [...lacking.slice(start), ...lacking.slice(0, start)])
          if (isOpen(hash)) await fetchPart(ref, hash, store, signal);
      },
      signal,
    );
  }
}

async function fetchPart(
  ref: PackagesRef,
  hash: string,
  store: PartStore,
  signal: AbortSignal | undefined,
): Promise<void> {
  const receiver = store.receive(hash);
  const options = signal === undefined ? NO_LIMIT : { ...NO_LIMIT, signal };
  try {
    for (let total = Number.POSITIVE_INFINITY; receiver.bytes < total; ) {
      const reply = await ref.ask('ReadPart', { hash, offset: receiver.bytes, length: PIECE_BYTES }, options);
      if (reply.bytes === null || (reply.bytes.length === 0 && reply.total > receiver.bytes))
        throw new IskraError(
          'PACKAGE_MISSING',
          `${ref.address.host}:${ref.address.port} does not have the part ${hash} of the application any more; submit it again`,
        );
      total = reply.total;
      receiver.write(reply.bytes);
    }
    receiver.finish();
  } finally {
    receiver.abort();
  }
}

/** What an upload has done. */
export interface UploadSummary {
  /** Parts that were sent; the others were there. */
  readonly sentParts: number;
  readonly sentBytes: number;
}

/**
 * Gives a package to a master's store: only the parts that it does not have are sent, the manifest last.
 *
 * @throws errors of the connection and of the store over there.
 */
export async function uploadPackage(packed: PackedApplication, ref: PackagesRef): Promise<UploadSummary> {
  const { missing } = await ref.ask('MissingParts', { hashes: packed.hashes });
  let sentBytes = 0;
  const inOrder = [...missing.filter((hash) => hash !== packed.id), ...missing.filter((hash) => hash === packed.id)];
  for (const hash of inOrder) sentBytes += await sendPart(packed.store, hash, ref);
  return { sentParts: missing.length, sentBytes };
}

async function sendPart(store: PartStore, hash: string, ref: PackagesRef): Promise<number> {
  const total = store.bytesOf(hash);
  if (total === null) throw new IskraError('PACKAGE_MISSING', `the part ${hash} is not in ${store.folder} any more`);
  const fd = openSync(store.pathOf(hash), 'r');
  try {
    for (let offset = 0; offset < total; ) {
      const bytes = new Uint8Array(Math.min(PIECE_BYTES, total - offset));
      const length = readSync(fd, bytes, 0, bytes.length, offset);
      const last = offset + length >= total || length === 0;
      await ref.ask('WritePart', { hash, offset, bytes: bytes.subarray(0, length), last });
      offset += length;
    }
  } finally {
    closeSync(fd);
  }
  return total;
}

/**
 * Gives a package to every master that answers: any of them may lead later.
 *
 * @returns how many have it now.
 * @throws the last error when none took it.
 */
export async function uploadToMasters(
  packed: PackedApplication,
  rpc: RpcEnv,
  masters: readonly RpcAddress[],
): Promise<number> {
  const results = await Promise.allSettled(
    masters.map(async (address) =>
      uploadPackage(packed, await rpc.connect<never, AskPackages>(address, PACKAGES_ENDPOINT)),
    ),
  );
  const taken = results.filter(({ status }) => status === 'fulfilled').length;
  const failed = results.find((result) => result.status === 'rejected');
  if (taken === 0 && failed !== undefined) throw failed.reason;
  return taken;
}

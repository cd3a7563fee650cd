// The near end of the ladder: an endpoint of the same environment. Messages are passed as they are, not copied, once it
// is clear that they could travel; so whoever sends one must not change it after. Bytes of files are read, and bytes for
// which the asker gives memory are put there, as over a connection.
import type { Clock } from '../base/clock.ts';
import { errorToData } from '../base/errors.ts';
import { checkFiles, chunksOf } from './chunk-source.ts';
import { ConnectionRef } from './connection-ref.ts';
import type { Dispatcher } from './dispatcher.ts';
import { FileRegion } from './file-region.ts';
import { decodeValue, prepareValue, toJson } from './message-codec.ts';
import { allocatorOf, PendingAsks } from './pending-asks.ts';
import { formatAddress, type RpcAddress } from './rpc-address.ts';
import type { AskOptions, Asks, NoAsks, RpcCaller, RpcRef } from './rpc-endpoint.ts';
import { RemoteError, RpcEnvStoppedError } from './rpc-errors.ts';
import type { RpcTimeout } from './rpc-settings.ts';

type Allocate = (byteLength: number) => Uint8Array;

export class LocalConnection implements RpcCaller {
  readonly id = 'local';
  readonly remote: RpcAddress;
  readonly advertised: RpcAddress | null;
  readonly keyId = null;
  readonly bufferedBytes = 0;
  readonly #dispatcher: Dispatcher;
  readonly #asks: PendingAsks;
  /** What is still to be delivered, in order, by endpoint: a message with files is waited for. */
  readonly #tails = new Map<string, Promise<void>>();
  #closed = false;

  constructor(dispatcher: Dispatcher, clock: Clock, timeout: RpcTimeout, address: RpcAddress | null) {
    this.#dispatcher = dispatcher;
    this.advertised = address;
    this.remote = address ?? { host: 'localhost', port: 0 };
    this.#asks = new PendingAsks(clock, timeout, this.remote);
  }

  get closed(): boolean {
    return this.#closed;
  }

  ref<Send extends { readonly type: string }, A extends Asks<A> = NoAsks>(endpointName: string): RpcRef<Send, A> {
    return new ConnectionRef<Send, A>(this, endpointName);
  }

  /** Ends with the environment. */
  close(): void {
    this.#closed = true;
    this.#asks.rejectAll(new RpcEnvStoppedError());
  }

  send(name: string, message: unknown): void {
    const ready = this.#prepare(message, this.#dispatcher.allocator(name));
    this.#deliver(name, ready, (value) => this.#dispatcher.message(name, value, this));
  }

  ask(name: string, type: string, request: unknown, options: AskOptions | undefined): Promise<unknown> {
    return this.#asks.add(options, (id) => {
      if (this.#closed) throw new RpcEnvStoppedError();
      const ready = this.#prepare({ type, request }, this.#dispatcher.allocator(name));
      const fail = (error: unknown): void => {
        this.#asks.reject(id, new RemoteError(errorToData(error), formatAddress(this.remote)));
      };
      this.#deliver(
        name,
        ready,
        (value) => {
          this.#dispatcher.ask(name, value, this, {
            value: (reply) => {
              Promise.resolve()
                .then(() => this.#prepare(reply, allocatorOf(options)))
                .then((result) => this.#asks.resolve(id, result), fail);
            },
            error: fail,
          });
        },
        (error) => this.#asks.reject(id, error),
      );
    });
  }

  /** Never inside the sender's call, so that both transports run in the same order. */
  #deliver(name: string, ready: unknown, deliver: (value: unknown) => void, failed?: (error: unknown) => void): void {
    const before = this.#tails.get(name) ?? Promise.resolve();
    const tail = before
      .then(() => ready)
      .then((value) => {
        if (!this.#closed) deliver(value);
      })
      .catch((error: unknown) => failed?.(error))
      .finally(() => {
        if (this.#tails.get(name) === tail) this.#tails.delete(name);
      });
    this.#tails.set(name, tail);
  }

  /** The value itself, or a promise of it with its bytes where they belong. */
  #prepare(value: unknown, allocate: Allocate | undefined): unknown {
    const prepared = prepareValue(value);
    const { parts, tagged } = prepared;
    if (parts.length === 0 || (allocate === undefined && !parts.some((part) => part instanceof FileRegion)))
      return value;
    const memory = allocate ?? ((byteLength: number) => new Uint8Array(byteLength));
    const filled = Promise.all(parts.map((part) => fill(part, memory)));
    const json = toJson(prepared);
    const done = filled.then((bytes) => decodeValue(json, tagged, bytes));
    // Whoever waits for it gets the error; nobody does when the connection is closed.
    done.catch(() => {});
    return done;
  }
}

async function fill(part: Uint8Array | FileRegion, allocate: Allocate): Promise<Uint8Array> {
  const target = allocate(part.length);
  if (part instanceof Uint8Array) {
    target.set(part);
    return target;
  }
  await checkFiles([part]);
  let failure: Error | null = null;
  let wake = (): void => {};
  const chunks = chunksOf(
    [part],
    () => wake(),
    (error) => {
      failure = error;
      wake();
    },
  );
  try {
    for (let at = 0; at < part.length; ) {
      const chunk = chunks.take();
      if (chunk === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (failure !== null) throw failure;
        continue;
      }
      for (const bytes of chunk.buffers) {
        target.set(bytes, at);
        at += bytes.length;
      }
      chunk.release();
    }
  } finally {
    chunks.close();
  }
  return target;
}

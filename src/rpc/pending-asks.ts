import type { Clock } from '../base/clock.ts';
import { formatAddress, type RpcAddress } from './rpc-address.ts';
import type { AskOptions } from './rpc-endpoint.ts';
import { durationText, RpcTimeoutError } from './rpc-errors.ts';
import type { RpcTimeout } from './rpc-settings.ts';

/** Longer timers, of 24 days and more, fire at once in Node. */
const MAX_TIMER_MS: number = 2 ** 31 - 1;

type Allocate = (byteLength: number) => Uint8Array;

interface PendingAsk {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly allocate: Allocate | undefined;
  readonly release: () => void;
}

/** Memory that worker threads can be given without a copy. */
export const allocateShared: Allocate = (byteLength) => new Uint8Array(new SharedArrayBuffer(byteLength));

/** The memory that an ask wants its reply's bytes in. */
export function allocatorOf(options: AskOptions | undefined): Allocate | undefined {
  return options?.allocate ?? (options?.shared === true ? allocateShared : undefined);
}

/** Asks of one connection that wait for their reply. */
export class PendingAsks {
  readonly #clock: Clock;
  readonly #timeout: RpcTimeout;
  readonly #peer: RpcAddress;
  readonly #asks = new Map<number, PendingAsk>();
  #nextId = 1;

  constructor(clock: Clock, timeout: RpcTimeout, peer: RpcAddress) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#peer = peer;
  }

  get size(): number {
    return this.#asks.size;
  }

  /** @param start sends the ask under its id; what it throws ends the ask. */
  add(options: AskOptions | undefined, start: (id: number) => void): Promise<unknown> {
    const signal = options?.signal;
    if (signal?.aborted) return Promise.reject(signal.reason);
    // Ids come around after 2^32; one that still waits is passed over.
    while (this.#asks.has(this.#nextId)) this.#nextId = (this.#nextId + 1) >>> 0;
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    return new Promise((resolve, reject) => {
      const ms = options?.timeoutMs ?? this.#timeout.ms;
      const stopTimer =
        ms === Number.POSITIVE_INFINITY
          ? () => {}
          : this.#clock.after(Math.min(ms, MAX_TIMER_MS), () => this.reject(id, this.#timedOut(ms, options)));
      let release = stopTimer;
      if (signal !== undefined) {
        const aborted = (): void => this.reject(id, signal.reason);
        signal.addEventListener('abort', aborted, { once: true });
        release = () => {
          stopTimer();
          signal.removeEventListener('abort', aborted);
        };
      }
      this.#asks.set(id, { resolve, reject, allocate: allocatorOf(options), release });
      try {
        start(id);
      } catch (error) {
        this.reject(id, error);
      }
    });
  }

  allocator(id: number): Allocate | undefined {
    return this.#asks.get(id)?.allocate;
  }

  resolve(id: number, value: unknown): void {
    const ask = this.#asks.get(id);
    // Late: it has timed out or was given up.
    if (ask === undefined) return;
    this.#asks.delete(id);
    ask.release();
    ask.resolve(value);
  }

  reject(id: number, error: unknown): void {
    const ask = this.#asks.get(id);
    if (ask === undefined) return;
    this.#asks.delete(id);
    ask.release();
    ask.reject(error);
  }

  rejectAll(error: unknown): void {
    for (const id of [...this.#asks.keys()]) this.reject(id, error);
  }

  /** Spark: NettyRpcEnv.ask, RpcTimeout.createRpcTimeoutException */
  #timedOut(ms: number, options: AskOptions | undefined): RpcTimeoutError {
    const peer = formatAddress(this.#peer);
    const key = options?.timeoutKey ?? this.#timeout.key;
    return new RpcTimeoutError(
      `Cannot receive any reply from ${peer} in ${durationText(ms)}. This timeout is controlled by ${key}`,
      { peer, ms, key },
    );
  }
}

import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { formatAddress, type RpcAddress } from './rpc-address.ts';
import type { AskOptions, Asks, RpcRef } from './rpc-endpoint.ts';
import { RpcMessageError } from './rpc-errors.ts';
import type { RpcTimeout } from './rpc-settings.ts';

/** More messages are not queued for an address that nobody answers at. */
const MAX_QUEUED = 10_000;

/** What waits for the connection. */
interface Waiting<R> {
  deliver(ref: R): void;
  fail(error: unknown): void;
}

/**
 * A reference that connects when it is first used, and again when the connection was lost. What is sent meanwhile waits, in
 * order; when nobody answers it is dropped, and asks are rejected. Spark: Outbox
 */
export class OutboxRef<Send extends { readonly type: string }, A extends Asks<A>> implements RpcRef<Send, A> {
  readonly address: RpcAddress;
  readonly name: string;
  /** Never: it connects again. */
  readonly closed = false;
  readonly #connect: () => Promise<RpcRef<Send, A>>;
  readonly #clock: Clock;
  readonly #timeout: RpcTimeout;
  readonly #log: Logger;
  #ref: RpcRef<Send, A> | null = null;
  #waiting: Waiting<RpcRef<Send, A>>[] | null = null;

  constructor(
    address: RpcAddress,
    name: string,
    connect: () => Promise<RpcRef<Send, A>>,
    clock: Clock,
    timeout: RpcTimeout,
    log: Logger,
  ) {
    this.address = address;
    this.name = name;
    this.#connect = connect;
    this.#clock = clock;
    this.#timeout = timeout;
    this.#log = log;
  }

  /** Of the connection, while there is one. */
  get bufferedBytes(): number {
    return this.#ref?.bufferedBytes ?? 0;
  }

  send(message: Send): void {
    const ref = this.#open();
    if (ref !== null) {
      ref.send(message);
      return;
    }
    const warn = (error: unknown): void => {
      const why = error instanceof Error ? error.message : String(error);
      this.#log.warn(`A message to ${this.name} at ${formatAddress(this.address)} was not sent: ${why}`);
    };
    this.#wait({
      deliver: (open) => {
        try {
          open.send(message);
        } catch (error) {
          warn(error);
        }
      },
      fail: warn,
    });
  }

  ask<K extends keyof A & string>(type: K, request: A[K][0], options?: AskOptions): Promise<A[K][1]> {
    const ref = this.#open();
    if (ref !== null) return ref.ask(type, request, options);
    // The time for the reply runs from now; that for connecting is bounded by itself.
    const ms = options?.timeoutMs ?? this.#timeout.ms;
    const asked = this.#clock.now();
    return new Promise((resolve, reject) => {
      this.#wait({
        deliver: (open) => {
          const left = Math.max(1, ms - (this.#clock.now() - asked));
          open.ask(type, request, { ...options, timeoutMs: left }).then(resolve, reject);
        },
        fail: reject,
      });
    });
  }

  #open(): RpcRef<Send, A> | null {
    if (this.#ref?.closed === true) this.#ref = null;
    return this.#ref;
  }

  #wait(message: Waiting<RpcRef<Send, A>>): void {
    const waiting = this.#waiting;
    if (waiting !== null) {
      if (waiting.length < MAX_QUEUED) waiting.push(message);
      else message.fail(new RpcMessageError(`${MAX_QUEUED} messages wait for ${formatAddress(this.address)} already`));
      return;
    }
    const first = [message];
    this.#waiting = first;
    this.#connect().then(
      (ref) => {
        this.#ref = ref;
        this.#waiting = null;
        for (const each of first) each.deliver(ref);
      },
      (error: unknown) => {
        this.#waiting = null;
        for (const each of first) each.fail(error);
      },
    );
  }
}

import { IllegalArgumentError, IskraError } from '../base/errors.ts';

// The hook by which an object tells the closure code what travels in its place; see closure/hooks.ts.
const REPLACE: unique symbol = Symbol.for('iskra.replace');
const CODEC_NAME = 'iskra.Broadcast';

/** What a broadcast variable can do depends on the side of the border it is on. */
interface BroadcastSide<T> {
  /** A closure carries the variable away. */
  captured(variable: Broadcast<unknown>): void;
  read(): T;
  unpersist(): void;
  destroy(): void;
}

/**
 * A read-only value that goes to every executor once instead of with every task.
 *
 * Functions capture the variable and read `value` inside; it is fetched when it is first read there, and decoded once a slot.
 * What executors see is the value as it was when it was broadcast; changes to it later stay on the driver.
 *
 * Spark: Broadcast
 */
export class Broadcast<T> {
  readonly id: number;
  readonly #side: BroadcastSide<T>;
  /** Where it was destroyed, `destroy at app.ts:12`. */
  #destroyedAt: string | null = null;
  readonly #site: (method: string) => string;

  /** @internal `SparkContext.broadcast` makes them. */
  constructor(id: number, side: BroadcastSide<T>, site: (method: string) => string) {
    this.id = id;
    this.#side = side;
    this.#site = site;
  }

  /** @throws IskraError BROADCAST_DESTROYED. */
  get value(): T {
    this.#assertValid();
    return this.#side.read();
  }

  /** Drops the copies of executors; they fetch it again when a task needs it. On the driver only. */
  unpersist(): void {
    this.#assertValid();
    this.#side.unpersist();
  }

  /** Drops all copies and the driver's bytes; every later use is an error. On the driver only. */
  destroy(): void {
    this.#assertValid();
    this.#side.destroy();
    this.#destroyedAt = this.#site('destroy');
  }

  toString(): string {
    return `Broadcast(${this.id})`;
  }

  /** @internal What closures carry in its place. */
  toWire(): readonly [string, BroadcastData] {
    this.#assertValid();
    this.#side.captured(this);
    return [CODEC_NAME, { id: this.id }];
  }

  #assertValid(): void {
    if (this.#destroyedAt !== null)
      throw new IskraError(
        'BROADCAST_DESTROYED',
        `Attempted to use ${this} after it was destroyed (${this.#destroyedAt})`,
        { details: { broadcastId: this.id } },
      );
  }
}

// The compiler's isolated declarations know no computed names in classes.
Object.defineProperty(Broadcast.prototype, REPLACE, {
  value(this: Broadcast<unknown>) {
    return this.toWire();
  },
});

/** What travels of a broadcast variable in a closure. */
export interface BroadcastData {
  readonly id: number;
}

/** The driver's means to make broadcast variables and to bring them to executors. */
export interface BroadcastHost {
  /** Takes the snapshot; `closure.captureAll([value])`. */
  encode(value: unknown): Uint8Array;
  /** Keeps the bytes where executors ask for them. */
  publish(id: number, bytes: Uint8Array): void;
  /** Tells executors to drop their copies; the bytes stay. */
  unpersist(id: number): void;
  /** Drops the bytes everywhere. */
  remove(id: number): void;
  isRdd(value: unknown): boolean;
  /** `destroy at app.ts:12`. */
  callSite(method: string): string;
}

/** Makes the broadcast variables of an application; on the driver. Spark: BroadcastManager */
export class BroadcastRegistry {
  readonly #host: BroadcastHost;
  #nextId = 0;
  #captured: Set<Broadcast<unknown>> | null = null;

  constructor(host: BroadcastHost) {
    this.#host = host;
  }

  /**
   * Calls `body`, and gives the variables that closures took along meanwhile. What needs the bytes of such a closure has to
   * hold on to them: a variable that nobody holds is removed from executors.
   */
  collect<R>(body: () => R): { readonly result: R; readonly captured: readonly Broadcast<unknown>[] } {
    const before = this.#captured;
    const captured = new Set<Broadcast<unknown>>();
    this.#captured = captured;
    try {
      const result = body();
      return { result, captured: [...captured] };
    } finally {
      this.#captured = before;
    }
  }

  /** @throws IllegalArgumentError for an RDD; ClosureError when the value cannot travel. */
  create<T>(value: T): Broadcast<T> {
    const host = this.#host;
    if (host.isRdd(value))
      throw new IllegalArgumentError(
        'Can not directly broadcast RDDs; instead, call collect() and broadcast the result.',
      );
    // Variables inside the value are needed as long as this one is.
    const { result: bytes, captured: inner } = this.collect(() => host.encode(value));
    const id = this.#nextId++;
    host.publish(id, bytes);
    return new Broadcast<T>(
      id,
      {
        read: () => value,
        unpersist: () => host.unpersist(id),
        destroy: () => host.remove(id),
        captured: (variable) => {
          this.#captured?.add(variable);
          for (const one of inner) this.#captured?.add(one);
        },
      },
      (method) => host.callSite(method),
    );
  }
}

/** How a slot's closures get broadcast variables; `closure.registerCodec` takes it. */
export interface BroadcastCodec {
  readonly name: string;
  test(value: unknown): value is Broadcast<unknown>;
  encode(value: Broadcast<unknown>): BroadcastData;
  decode(data: BroadcastData): Broadcast<unknown>;
  /** Drops this thread's copy of a value. */
  forget(id: number): void;
}

/**
 * Makes the codec of a slot.
 *
 * @param fetch gets and decodes the value of an id, synchronously; throws when it is gone. Called once an id and thread, when
 *   a task first reads the value.
 */
export function broadcastCodec(fetch: (id: number) => unknown): BroadcastCodec {
  const values = new Map<number, unknown>();
  const onDriverOnly = (id: number, method: string) => (): never => {
    throw new IskraError(
      'BROADCAST_ON_EXECUTOR',
      `Broadcast(${id}).${method}() was called in a task; only the driver can do that`,
      { details: { broadcastId: id } },
    );
  };
  return {
    name: CODEC_NAME,
    test: (value): value is Broadcast<unknown> => value instanceof Broadcast,
    encode: (value) => value.toWire()[1],
    decode: ({ id }) =>
      new Broadcast<unknown>(
        id,
        {
          read: () => {
            if (values.has(id)) return values.get(id);
            const value = fetch(id);
            values.set(id, value);
            return value;
          },
          captured: () => {},
          unpersist: onDriverOnly(id, 'unpersist'),
          destroy: onDriverOnly(id, 'destroy'),
        },
        (method) => method,
      ),
    forget: (id) => values.delete(id),
  };
}

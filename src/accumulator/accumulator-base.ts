import { IskraError } from '../base/errors.ts';

/** The hook by which an object tells the closure code what travels in its place; see closure/hooks.ts. */
const REPLACE: unique symbol = Symbol.for('iskra.replace');

export interface AccumulatorIdentity {
  readonly id: number;
  readonly name: string | null;
  /** False in a task, where the instance holds only what the task added. */
  readonly atDriver: boolean;
}

/**
 * A variable that tasks only add to and the driver reads: results of tasks are merged in any order, so adding must be
 * commutative and associative.
 *
 * Own kinds extend it: fields hold the state (what a record may hold; no `#private` ones, they cannot travel), and the class
 * goes to executors with the functions that use it. A class whose state is no such data overrides `exportState`/`importState`.
 *
 * Spark: AccumulatorV2
 */
export abstract class Accumulator<IN, OUT> {
  /** @internal Null before it is registered. Not enumerable, so that fields are state and nothing else. */
  declare identity: AccumulatorIdentity | null;

  constructor() {
    setIdentity(this, null);
  }

  /** True when nothing was added: the copy of a zero, or one after `reset`. */
  abstract readonly isZero: boolean;
  /** On the driver: what all successful tasks added. In a task: of this task alone. */
  abstract readonly value: OUT;
  /** True: what running tasks have added is told when they end, and not before. */
  get excludeFromHeartbeat(): boolean {
    return false;
  }

  abstract copy(): Accumulator<IN, OUT>;
  abstract reset(): void;
  abstract add(value: IN): void;
  abstract merge(other: Accumulator<IN, OUT>): void;

  /** A new accumulator of this kind that is zero. */
  copyAndReset(): Accumulator<IN, OUT> {
    const zero = this.copy();
    zero.reset();
    if (zero === this || !zero.isZero)
      throw new IskraError(
        'ACCUMULATOR_NOT_ZERO',
        `copyAndReset must return a zero value copy: check copy(), reset() and isZero of ${this.constructor.name}`,
      );
    return zero;
  }

  /** The number under which it is registered. Throws before. */
  get id(): number {
    const identity = this.identity;
    if (identity === null) throw notRegistered(this);
    return identity.id;
  }

  get name(): string | null {
    return this.identity?.name ?? null;
  }

  get isRegistered(): boolean {
    return this.identity !== null;
  }

  /** The state as data that a record may hold; what a task sends to the driver. */
  exportState(): unknown {
    return { ...this };
  }

  /** Takes over a state that `exportState` of another instance gave. */
  importState(state: unknown): void {
    Object.assign(this, state);
  }

  /** A name for people: `Accumulator(id: 3, name: 'lines', LongAccumulator)`. */
  toString(): string {
    const identity = this.identity;
    const who = identity === null ? 'not registered' : `id: ${identity.id}, name: ${identity.name ?? 'none'}`;
    return `${this.constructor.name}(${who})`;
  }

  /** @internal What closures carry to executors in its place; see accumulator-codec.ts. */
  toWire(): readonly [string, AccumulatorWire] {
    const identity = this.identity;
    if (identity === null) throw notRegistered(this);
    const zero = this.copyAndReset();
    // Without the hook the closure code takes the copy as what it is, an instance of its class.
    Object.defineProperty(zero, REPLACE, { value: undefined, configurable: true });
    return ['iskra.Accumulator', { id: identity.id, name: identity.name, zero: this.wireZero(zero) }];
  }

  /** @internal Built-in kinds travel by their name, which spares their code. */
  protected wireZero(zero: Accumulator<IN, OUT>): unknown {
    return zero;
  }
}

// The compiler's isolated declarations know no computed names in classes.
Object.defineProperty(Accumulator.prototype, REPLACE, {
  value(this: Accumulator<never, unknown>) {
    return this.toWire();
  },
});

export function setIdentity(accumulator: object, identity: AccumulatorIdentity | null): void {
  Object.defineProperty(accumulator, 'identity', {
    value: identity,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

/** What travels of an accumulator: who it is, and a zero copy or the name of a built-in kind. */
export interface AccumulatorWire {
  readonly id: number;
  readonly name: string | null;
  readonly zero: unknown;
}

/** Any accumulator, for code that only moves them about. */
export type AnyAccumulator = Accumulator<never, unknown>;

function notRegistered(accumulator: { toString(): string }): IskraError {
  return new IskraError(
    'ACCUMULATOR_NOT_REGISTERED',
    `Accumulator must be registered before send to executor: ${accumulator}; call sc.register(accumulator) first`,
  );
}

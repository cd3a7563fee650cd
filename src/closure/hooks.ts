/** `obj[NOSHIP]` is the reason why an object must stay on the driver. */
export const NOSHIP: unique symbol = Symbol.for('iskra.noship');

/** `obj[REPLACE]()` gives what travels instead: data for the static `[REVIVE]` of its class, or `[codecName, data]`. */
export const REPLACE: unique symbol = Symbol.for('iskra.replace');

/** `static [REVIVE](data, context)` rebuilds an instance from what `[REPLACE]()` gave. */
export const REVIVE: unique symbol = Symbol.for('iskra.revive');

/** Reads a property that may be a getter which throws: such an object simply has no hook. */
export function safeGet(target: object, key: PropertyKey): unknown {
  try {
    return (target as Record<PropertyKey, unknown>)[key];
  } catch {
    return undefined;
  }
}

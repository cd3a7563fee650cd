import { inspect } from 'node:util';
import { IskraError } from './errors.ts';

/** Shows a user's value on one short line; never throws, whatever getters or proxies the value holds. */
export function shortInspect(value: unknown): string {
  let text: string;
  try {
    text = inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 5, maxStringLength: 60 });
  } catch {
    text = `a ${typeof value} that cannot be shown`;
  }
  return text.length > 160 ? `${text.slice(0, 157)}...` : text;
}

/** Names the kind of a value as a user would: `number`, `null`, `Date`, `array`, `Point`. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'array';
  const maker: unknown = Object.getPrototypeOf(value)?.constructor;
  const name = typeof maker === 'function' ? maker.name : '';
  return name === '' || name === 'Object' ? 'object' : name;
}

/**
 * A value was used as a key of reduceByKey, join, distinct … but has no equality by value, so two equal keys of two
 * processes could never meet.
 */
export class UnkeyableError extends IskraError {
  override readonly name = 'UnkeyableError';

  /** @param key the whole key. @param part the part of it that is at fault; the key itself if it is not nested. */
  constructor(key: unknown, part: unknown, reason: string) {
    const where = Object.is(key, part) ? '' : ` (its part ${shortInspect(part)})`;
    super(
      'UNKEYABLE_KEY',
      `${shortInspect(key)}${where} cannot be a key: ${reason}. Use a string, number, bigint, boolean, Date, Buffer, ` +
        'array or plain object as key, or give the class equals(other) and hashCode().',
      { details: { kind: kindOf(part) } },
    );
  }
}

/** `number 3`; null and undefined are their own kinds. */
function ofKind(kind: string, value: unknown): string {
  const shown = shortInspect(value);
  return shown === kind ? kind : `${kind} ${shown}`;
}

/** Two values have no natural order: their types differ, or are of a kind without one. */
export class UnorderableError extends IskraError {
  override readonly name = 'UnorderableError';

  constructor(left: unknown, right: unknown) {
    const [a, b] = [kindOf(left), kindOf(right)];
    const subject =
      a === b
        ? `values of kind ${a} have no natural order (${shortInspect(left)} and ${shortInspect(right)})`
        : `${ofKind(a, left)} and ${ofKind(b, right)} cannot be compared: the types differ`;
    super(
      'UNORDERABLE_VALUES',
      `${subject}. Numbers, bigints, strings, booleans, Dates and arrays of them are ordered among their own kind; ` +
        'for anything else pass a comparator (a, b) => number, or map to such a value first.',
      { details: { left: a, right: b } },
    );
  }
}

import { constants } from 'node:os';

/** How a value of type T is read from and shown as text. */
export interface ValueType<T> {
  /** Spark's word for it, as in "… should be int, but was abc". */
  readonly name: string;
  /** What to write, with an example: "a whole number, such as 4". */
  readonly form: string;
  /** The value, or `undefined` when the text has another form. The text comes trimmed. */
  parse(text: string): T | undefined;
  /** Text that `parse` reads back as the same value, in the form a person would write. */
  show(value: T): string;
}

const KIB = 1024;
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  k: KIB,
  kb: KIB,
  m: KIB ** 2,
  mb: KIB ** 2,
  g: KIB ** 3,
  gb: KIB ** 3,
  t: KIB ** 4,
  tb: KIB ** 4,
  p: KIB ** 5,
  pb: KIB ** 5,
};
const MILLISECONDS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `<whole number><unit>`; a bare number counts `ownUnit`. No fractions, as in Spark: write 1500ms, not 1.5s. */
function quantity(text: string, units: Readonly<Record<string, number>>, ownUnit: string): number | undefined {
  const match = /^([+-]?\d+)\s*([a-z]*)$/i.exec(text);
  if (!match) return undefined;
  const unit = (match[2] || ownUnit).toLowerCase();
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return factor === undefined ? undefined : Math.trunc(Number(match[1]) * factor);
}

/** The largest unit that divides the value evenly: 1073741824 is shown as 1g. */
function showQuantity(value: number, units: readonly (readonly [string, number])[], zero: string): string {
  if (value === 0) return zero;
  for (const [unit, factor] of units) if (value % factor === 0) return `${value / factor}${unit}`;
  return String(value);
}

const BYTE_UNITS = (['p', 't', 'g', 'm', 'k', 'b'] as const).map((unit) => [unit, BYTES[unit] ?? 1] as const);
const TIME_UNITS = (['d', 'h', 'min', 's', 'ms'] as const).map((unit) => [unit, MILLISECONDS[unit] ?? 1] as const);

function size(ownUnit: 'b' | 'k' | 'm' | 'g', word: string): ValueType<number> {
  return {
    name: 'size',
    form: `a size with a unit b, k, m, g, t or p, such as 512k or 1g; a bare number counts ${word}`,
    parse: (text) => quantity(text, BYTES, ownUnit),
    show: (value) => showQuantity(value, BYTE_UNITS, '0'),
  };
}

function duration(ownUnit: 'ms' | 's', word: string): ValueType<number> {
  return {
    name: 'time',
    form: `a time with a unit ms, s, m, min, h or d, such as 100ms or 2min; a bare number counts ${word}`,
    parse: (text) => quantity(text, MILLISECONDS, ownUnit),
    show: (value) => showQuantity(value, TIME_UNITS, '0'),
  };
}

const INT_MAX = 2 ** 31 - 1;

/**
 * The value types. Sizes always read as bytes and times always as milliseconds, whatever unit they were written in:
 * `kib`, `mib`, `gib` and `durationSeconds` only say what a number without a unit counts.
 */
export const types: {
  readonly int: ValueType<number>;
  readonly long: ValueType<number>;
  readonly double: ValueType<number>;
  readonly boolean: ValueType<boolean>;
  readonly text: ValueType<string>;
  readonly list: ValueType<readonly string[]>;
  readonly regex: ValueType<RegExp>;
  readonly durationMs: ValueType<number>;
  readonly durationSeconds: ValueType<number>;
  readonly bytes: ValueType<number>;
  readonly kib: ValueType<number>;
  readonly mib: ValueType<number>;
  readonly gib: ValueType<number>;
} = {
  int: {
    name: 'int',
    form: 'a whole number, such as 4',
    parse(text) {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      return Math.abs(value) <= INT_MAX ? value : undefined;
    },
    show: String,
  },
  long: {
    name: 'long',
    form: 'a whole number, such as 10000',
    parse: (text) => (/^[+-]?\d+$/.test(text) ? Number(text) : undefined),
    show: String,
  },
  double: {
    name: 'double',
    form: 'a number, such as 0.75',
    parse: (text) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined),
    show: String,
  },
  boolean: {
    name: 'boolean',
    form: 'true or false',
    parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
    show: String,
  },
  text: { name: 'string', form: 'a text', parse: (text) => text, show: (value) => value },
  list: {
    name: 'list',
    form: 'texts with commas between them',
    parse: (text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    show: (value) => value.join(','),
  },
  regex: {
    name: 'regex',
    form: 'a regular expression, such as (?i)secret|password',
    parse(text) {
      // Spark's defaults begin with Java's (?i), which JavaScript says by a flag.
      const ignoreCase = text.startsWith('(?i)');
      try {
        return new RegExp(ignoreCase ? text.slice(4) : text, ignoreCase ? 'i' : '');
      } catch {
        return undefined;
      }
    },
    show: (value) => (value.ignoreCase ? `(?i)${value.source}` : value.source),
  },
  durationMs: duration('ms', 'milliseconds'),
  durationSeconds: duration('s', 'seconds'),
  bytes: size('b', 'bytes'),
  kib: size('k', 'KiB'),
  mib: size('m', 'MiB'),
  gib: size('g', 'GiB'),
};

/** One of a few words, in any case; the value is always spelled as in `choices`. */
export function oneOf<const T extends string>(...choices: readonly T[]): ValueType<T> {
  return {
    name: 'string',
    form: `one of ${choices.join(', ')}`,
    parse: (text) => choices.find((choice) => choice.toLowerCase() === text.toLowerCase()),
    show: (value) => value,
  };
}

/** For `check`: the value must be larger than 0. */
export function positive(value: number): string | undefined {
  return value > 0 ? undefined : 'must be larger than 0';
}

/** For `check`: 0 asks the system for a free port; below 1024 belongs to the system. Spark: Utils.startServiceOnPort */
export function aPort(value: number): string | undefined {
  return value === 0 || (value >= 1024 && value <= 65535) ? undefined : 'must be 0 or between 1024 and 65535';
}

/** For `check`: a signal that a process can have for a purpose of its own. */
export function aFreeSignal(name: string): string | undefined {
  return !Object.hasOwn(constants.signals, `SIG${name}`) || ['KILL', 'STOP', 'TERM', 'INT'].includes(name)
    ? 'must be the name of a signal that has no other meaning, such as PWR or USR2'
    : undefined;
}

/** For `check`: the value must not be below 0. */
export function notNegative(value: number): string | undefined {
  return value >= 0 ? undefined : 'must not be negative';
}

/** For `check`: the value must lie between 0 and 1, both allowed. */
export function fraction(value: number): string | undefined {
  return value >= 0 && value <= 1 ? undefined : 'must be between 0 and 1';
}

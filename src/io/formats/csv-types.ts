/** Types of CSV columns: what texts are read as. Spark: CSVInferSchema */

import type { CsvType } from '../../protocol/file-formats.ts';

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

const NAMED_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Inf', Number.POSITIVE_INFINITY],
  ['-Inf', Number.NEGATIVE_INFINITY],
]);

/** The narrowest type of a text that is not empty. Whole numbers that a number cannot hold exactly stay texts. */
export function typeOfText(text: string): CsvType {
  if (toNumber(text) !== undefined) return 'number';
  if (toDate(text) !== undefined) return 'date';
  if (toBoolean(text) !== undefined) return 'boolean';
  return 'string';
}

/** A type that both have; null: nothing but empty fields so far. */
export function commonType(a: CsvType | null, b: CsvType | null): CsvType | null {
  if (a === null || b === null) return a ?? b;
  return a === b ? a : 'string';
}

/** The value of a text in a column of that type; undefined: it is none. */
export function valueOfText(type: CsvType, text: string): unknown {
  switch (type) {
    case 'number':
      return toNumber(text);
    case 'boolean':
      return toBoolean(text);
    case 'date':
      return toDate(text);
    case 'string':
      return text;
  }
}

function toNumber(text: string): number | undefined {
  if (INTEGER.test(text)) {
    const whole = Number(text);
    return Number.isSafeInteger(whole) ? whole : undefined;
  }
  return DECIMAL.test(text) ? Number(text) : NAMED_NUMBERS.get(text);
}

function toBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
}

/** A date alone is midnight UTC; a time without a zone is local: as `new Date` reads them. */
function toDate(text: string): Date | undefined {
  const parts = DATE.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day] = parts.map(Number);
  const midnight = new Date(Date.UTC(year as number, (month as number) - 1, day)); // the three are in the expression
  if (midnight.getUTCMonth() + 1 !== month || midnight.getUTCDate() !== day) return undefined;
  const date = new Date(
    text.replace(' ', 'T').replace(/([+-]\d{2})(\d{2})$/, (all, h, m) => (text.length > 10 ? `${h}:${m}` : all)),
  );
  return Number.isNaN(date.getTime()) ? undefined : date;
}

import { IllegalArgumentError } from '../base/errors.ts';
import type { CsvDialect } from '../protocol/file-formats.ts';
import { describe } from './user-function.ts';

/** What reading and writing CSV have in common. Spark: CSVOptions */
export function csvDialect(
  operator: string,
  options: { readonly delimiter?: string; readonly sep?: string; readonly quote?: string; readonly escape?: string },
): CsvDialect {
  const dialect = {
    delimiter: options.delimiter ?? options.sep ?? ',',
    quote: options.quote ?? '"',
    escape: options.escape ?? '\\',
  };
  for (const [name, value] of Object.entries(dialect))
    if (typeof value !== 'string' || (name === 'delimiter' ? value === '' : value.length > 1) || /[\r\n]/.test(value))
      throw new IllegalArgumentError(
        `${name} of ${operator}() must be ${name === 'delimiter' ? 'a text of one character or more' : 'one character or an empty text'}, ` +
          `without line breaks, but is ${describe(value)}`,
      );
  return dialect;
}

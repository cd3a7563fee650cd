import type { CsvDialect } from '../../protocol/file-formats.ts';

export interface CsvTrimming {
  readonly ignoreLeadingWhiteSpace: boolean;
  readonly ignoreTrailingWhiteSpace: boolean;
}

/** A field; null: nothing stood between the delimiters, as against a quoted empty text. */
export type CsvField = string | null;

/**
 * Cuts lines into fields as Spark's reader does:
 *
 *   "x \"y\" z"     a quote or an escape after the escape stands for itself; after anything else the escape stays
 *   "a" ,b          blanks between a closing quote and the delimiter are dropped
 *   "a"b,c          a quote that does not close: the field is taken as it is, quotes and all, to the next delimiter
 *   "a,b            a quote that is never closed: to the end of the line
 *
 * A quoted field may go on in the next line; then `parse` answers false and goes on with the line it is given next.
 */
export class CsvParser {
  readonly #delimiter: string;
  readonly #quote: string;
  readonly #escape: string;
  readonly #trimming: CsvTrimming;
  #open: string | null = null;

  constructor(dialect: CsvDialect, trimming: CsvTrimming) {
    this.#delimiter = dialect.delimiter;
    this.#quote = dialect.quote;
    this.#escape = dialect.escape;
    this.#trimming = trimming;
  }

  /** Adds the fields of `line` to `out`. False: its last one is quoted and not closed, and is not in `out` yet. */
  parse(line: string, out: CsvField[]): boolean {
    if (this.#open === null && (this.#quote === '' || !line.includes(this.#quote))) {
      const fields = line.split(this.#delimiter);
      for (let i = 0; i < fields.length; i++) out.push(this.#plain(fields[i] as string));
      return true;
    }
    let at = 0;
    if (this.#open !== null) {
      const begun = `${this.#open}\n`;
      this.#open = null;
      at = this.#quoted(line, 0, begun, this.#quote + begun, out);
    }
    while (at >= 0 && at <= line.length) at = this.#field(line, at, out);
    return this.#open === null;
  }

  /** The field that was not closed, as it is at the end of the file. */
  finish(out: CsvField[]): void {
    if (this.#open !== null) out.push(this.#open);
    this.#open = null;
  }

  /** Gives where the next field begins; behind the end: there is none. */
  #field(line: string, at: number, out: CsvField[]): number {
    let from = at;
    if (this.#trimming.ignoreLeadingWhiteSpace) from = this.#overBlanks(line, from);
    if (line.startsWith(this.#quote, from)) return this.#quoted(line, from + this.#quote.length, '', '', out, at);
    const end = this.#endOf(line, at);
    out.push(this.#plain(line.slice(at, end)));
    return end + this.#delimiter.length;
  }

  /** @param raw what of the field was in earlier lines, as it stood there. */
  #quoted(line: string, from: number, begun: string, raw: string, out: CsvField[], start = 0): number {
    const quote = this.#quote;
    const mark = this.#escape;
    let value = begun;
    let kept = from;
    const separate = mark !== '' && mark !== quote;
    let nextEscape = separate ? line.indexOf(mark, from) : -1;
    for (let i = from; ; ) {
      const nextQuote = line.indexOf(quote, i);
      if (nextEscape >= 0 && nextEscape < i) nextEscape = line.indexOf(mark, i);
      if (nextEscape >= 0 && (nextQuote < 0 || nextEscape < nextQuote)) {
        const next = nextEscape + mark.length;
        const escaped = line.startsWith(quote, next) ? quote : line.startsWith(mark, next) ? mark : '';
        i = next + escaped.length;
        if (escaped === '') continue;
        value += line.slice(kept, nextEscape) + escaped;
        kept = i;
        continue;
      }
      if (nextQuote < 0) break;
      i = nextQuote;
      if (mark === quote && line.startsWith(quote, i + quote.length)) {
        value += line.slice(kept, i) + quote;
        i += quote.length * 2;
        kept = i;
        continue;
      }
      const after = this.#overBlanks(line, i + quote.length);
      if (after === line.length || line.startsWith(this.#delimiter, after)) {
        out.push(value + line.slice(kept, i));
        return after + this.#delimiter.length;
      }
      const end = this.#endOf(line, i);
      out.push(this.#plain(raw + line.slice(start, end)));
      return end + this.#delimiter.length;
    }
    this.#open = value + line.slice(kept);
    return -1;
  }

  #plain(field: string): CsvField {
    const { ignoreLeadingWhiteSpace, ignoreTrailingWhiteSpace } = this.#trimming;
    let text = field;
    if (ignoreLeadingWhiteSpace) text = text.trimStart();
    if (ignoreTrailingWhiteSpace) text = text.trimEnd();
    return text === '' ? null : text;
  }

  #endOf(line: string, from: number): number {
    const end = line.indexOf(this.#delimiter, from);
    return end < 0 ? line.length : end;
  }

  #overBlanks(line: string, from: number): number {
    let i = from;
    while (i < line.length && line.charCodeAt(i) <= 32 && !line.startsWith(this.#delimiter, i)) i++;
    return i;
  }
}

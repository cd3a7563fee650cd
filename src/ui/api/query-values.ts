// Parameters of the REST API, as Spark reads them.
import { type HttpResponse, textAnswer } from '../http-messages.ts';

/** Ends a request with this answer. */
export class Refusal extends Error {
  readonly response: HttpResponse;

  constructor(status: number, message: string) {
    super(message);
    this.response = textAnswer(status, message);
  }
}

/** All values of a parameter that has a fixed choice, whatever their case. @throws Refusal 404, as Spark has it, for others. */
export function choices<T extends string>(query: URLSearchParams, name: string, known: readonly T[]): readonly T[] {
  return query.getAll(name).map((text) => {
    const value = known.find((each) => each === text.toUpperCase());
    if (value === undefined)
      throw new Refusal(
        404,
        `Bad value for parameter "${name}": "${text}" is not one of ${known.join(', ').toLowerCase()}`,
      );
    return value;
  });
}

export function flag(query: URLSearchParams, name: string, otherwise: boolean): boolean {
  const text = query.get(name);
  return text === null ? otherwise : text.toLowerCase() === 'true';
}

export function wholeNumber(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null || text === '') return otherwise;
  if (!/^[+-]?\d{1,10}$/.test(text))
    throw new Refusal(404, `Bad value for parameter "${name}".  Expected a whole number, got "${text}"`);
  return Number(text);
}

/** Ascending. Spark: ApiRequestContext, parseQuantileString */
export function quantilesOf(query: URLSearchParams, otherwise: string): readonly number[] {
  const quantiles = (query.get('quantiles') ?? otherwise).split(',').map((text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isNaN(value))
      throw new Refusal(400, `Bad value for parameter "quantiles".  Expected a double, got "${text}"`);
    return value;
  });
  return quantiles.sort((a, b) => a - b);
}

/** `2015-02-10`, or `2015-02-03T16:42:40.000GMT`. Spark: SimpleDateParam */
export function dateParameter(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text)
    ? Date.parse(`${text}T00:00:00.000Z`)
    : /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}GMT$/.test(text)
      ? Date.parse(text.replace('GMT', 'Z'))
      : Number.NaN;
  if (Number.isNaN(at)) throw new Refusal(400, `Couldn't parse date: ${text}`);
  return at;
}

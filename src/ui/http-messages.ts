// Requests and answers as handlers see them: plain data, so that a page is a function that tests call.

import type { Readable } from 'node:stream';

/** One request. Its body has been read. */
export interface HttpRequest {
  /** `GET`, `POST`…; `HEAD` comes as `GET`. */
  readonly method: string;
  /** As it was sent, without the query: nothing is decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Who asks, as a filter has found out; null: nobody in particular. */
  readonly user: string | null;
  /** The address of the other end of the connection. */
  readonly remoteAddress: string;
  /** The address of our end of it. */
  readonly localAddress: string;
  /** Empty when there is none. */
  readonly body: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What is sent instead of `body`, as it comes. */
  readonly stream?: Readable;
}

/** What a handler throws is logged, and the client is told of an internal error and no more. */
export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/**
 * One that every request passes. It answers itself, or has the next one answer, perhaps a request that it has changed: `user` says who asks.
 */
export type HttpFilter = (request: HttpRequest, next: HttpHandler) => HttpResponse | Promise<HttpResponse>;

export function answer(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { 'content-type': `${type}; charset=utf-8`, ...headers }, body };
}

export function textAnswer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return answer(status, 'text/plain', `${body}\n`, headers);
}

export function htmlAnswer(body: string, status = 200): HttpResponse {
  return answer(status, 'text/html', body);
}

export function jsonAnswer(value: unknown, status = 200): HttpResponse {
  return answer(status, 'application/json', `${JSON.stringify(value, null, 2)}\n`);
}

/** Elsewhere, by GET. @param location relative to the page: it also holds behind a proxy that serves us below a path */
export function redirectAnswer(location: string): HttpResponse {
  return textAnswer(303, `See ${location}`, { location });
}

/** The fields of a form, or of the query when the body is none. */
export function formFields(request: HttpRequest): URLSearchParams {
  const isForm = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  return isForm && request.body !== '' ? new URLSearchParams(request.body) : request.query;
}

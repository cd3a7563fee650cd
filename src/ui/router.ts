import { type HttpHandler, type HttpRequest, type HttpResponse, textAnswer } from './http-messages.ts';
import { isCrossSite } from './security-headers.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `/app`: this path, also with a slash at its end. `/json/*`: all below it, too. */
  readonly path: string;
  readonly handle: HttpHandler;
}

/** The first route that fits. A POST that a page of another site sent is refused. */
export function route(routes: readonly Route[], request: HttpRequest): HttpResponse | Promise<HttpResponse> {
  const fitting = routes.filter(({ path }) => fits(path, request.path));
  if (fitting.length === 0) return textAnswer(404, 'There is no such page.');
  const found = fitting.find(({ method }) => method === request.method);
  if (found === undefined) {
    const allow = [...new Set(fitting.map(({ method }) => method))].join(', ');
    return textAnswer(405, `Only ${allow} is possible here.`, { allow });
  }
  if (found.method === 'POST' && isCrossSite(request)) {
    return textAnswer(403, 'Refused: a page of another site has sent this.');
  }
  return found.handle(request);
}

function fits(pattern: string, path: string): boolean {
  if (!pattern.endsWith('/*')) return path === pattern || path === `${pattern}/`;
  const base = pattern.slice(0, -2);
  return path === base || path.startsWith(`${base}/`);
}

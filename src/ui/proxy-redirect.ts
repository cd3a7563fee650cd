// Redirections of pages that are seen through a proxy which does not lead them back to itself. Spark: ProxyRedirectHandler
import type { HttpHandler, HttpRequest } from './http-messages.ts';

/** @param proxyUri `spark.ui.proxyRedirectUri`; undefined: redirections stay as they are. */
export function proxyRedirects(proxyUri: string | undefined, handler: HttpHandler): HttpHandler {
  if (proxyUri === undefined) return handler;
  const origin = proxyUri.replace(/\/+$/, '');
  return async (request) => {
    const response = await handler(request);
    const location = response.headers['location'];
    if (location === undefined) return response;
    return { ...response, headers: { ...response.headers, location: `${origin}${pathOf(location, request)}` } };
  };
}

/** Of where it leads, below what the proxy says to serve us under. */
function pathOf(location: string, { path, headers }: HttpRequest): string {
  const { pathname, search } = new URL(location, new URL(path, 'http://here'));
  return `${(headers['x-forwarded-context'] ?? '').replace(/\/+$/, '')}${pathname}${search}`;
}

import type { SparkConf } from '../config/spark-conf.ts';
import {
  UI_ALLOW_FRAMING_FROM,
  UI_STRICT_TRANSPORT_SECURITY,
  UI_X_CONTENT_TYPE_OPTIONS,
  UI_X_XSS_PROTECTION,
} from '../config/ui-entries.ts';
import type { HttpRequest } from './http-messages.ts';

/** Headers of every answer: nothing is cached, framed by others, sniffed, or loaded from elsewhere. Spark: HttpSecurityFilter */
export function securityHeaders(conf: SparkConf): Record<string, string> {
  const framing = conf.get(UI_ALLOW_FRAMING_FROM);
  const transport = conf.get(UI_STRICT_TRANSPORT_SECURITY);
  return {
    'cache-control': 'no-cache, no-store, must-revalidate',
    'x-frame-options': framing === undefined ? 'SAMEORIGIN' : `ALLOW-FROM ${framing}`,
    'x-xss-protection': conf.get(UI_X_XSS_PROTECTION),
    ...(conf.get(UI_X_CONTENT_TYPE_OPTIONS) ? { 'x-content-type-options': 'nosniff' } : {}),
    ...(transport === undefined ? {} : { 'strict-transport-security': transport }),
    'content-security-policy': [
      "default-src 'none'",
      "style-src 'self'",
      "script-src 'self'",
      "img-src 'self' data:",
      "form-action 'self'",
      "base-uri 'none'",
      `frame-ancestors 'self'${framing === undefined ? '' : ` ${framing}`}`,
    ].join('; '),
    'referrer-policy': 'same-origin',
  };
}

/**
 * Whether a page of another site sent this, through somebody's browser. Browsers say with each POST which page it comes from;
 * what is no browser says nothing.
 */
export function isCrossSite({ headers }: HttpRequest): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true;
  const origin = headers['origin'];
  if (origin === undefined) return false;
  let host: string;
  try {
    host = new URL(origin).host;
  } catch {
    return true; // `null`: a page that hides where it is from
  }
  // A proxy in front says under which name the browser knows us.
  return ![headers['host'], headers['x-forwarded-host']].includes(host);
}

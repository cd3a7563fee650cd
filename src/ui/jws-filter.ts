// Lets in who shows a token that was signed with a secret which both sides have. Spark: org.apache.spark.ui.JWSFilter
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { IllegalArgumentError } from '../base/errors.ts';
import { type HttpFilter, type HttpResponse, textAnswer } from './http-messages.ts';

const KEY = 'secretKey';
/** RFC 7518, 3.2: a key has at least as many bytes as what it signs with gives. */
const HASHES: ReadonlyMap<string, { readonly hash: string; readonly keyBytes: number }> = new Map([
  ['HS256', { hash: 'sha256', keyBytes: 32 }],
  ['HS384', { hash: 'sha384', keyBytes: 48 }],
  ['HS512', { hash: 'sha512', keyBytes: 64 }],
]);

/**
 * `Authorization: Bearer TOKEN`, a JSON web token signed by HMAC. Its `sub` is who asks, for the lists of who may.
 *
 * @param parameters `secretKey`: base64url, at least 256 bits.
 * @throws IllegalArgumentError for a key that cannot be.
 */
export function jwsFilter(parameters: Readonly<Record<string, string>>, clock: Clock): HttpFilter {
  const text = parameters[KEY];
  const name = `spark.org.apache.spark.ui.JWSFilter.param.${KEY}`;
  if (text === undefined || text === '')
    throw new IllegalArgumentError(`${name} is not set: give at least 32 random bytes as base64url`);
  const key = Buffer.from(text, 'base64url');
  if (!/^[\w-]+=*$/.test(text) || key.length < 32)
    throw new IllegalArgumentError(`${name} has to be at least 32 random bytes as base64url`);
  return (request, next) => {
    const header = request.headers['authorization'];
    if (header === undefined) return refused('Authorization header is missing.');
    const token = /^Bearer (.+)$/.exec(header)?.[1];
    if (token === undefined) return refused('Malformed Authorization header.');
    const claims = claimsOf(token, key, clock.now());
    if (claims === null) return refused('JWT Validate Fail');
    const { sub } = claims;
    return next(typeof sub === 'string' && sub !== '' ? { ...request, user: sub } : request);
  };
}

function refused(why: string): HttpResponse {
  return textAnswer(403, why);
}

/** @returns null for a token that is not good, or not now. */
function claimsOf(token: string, key: Buffer, now: number): Readonly<Record<string, unknown>> | null {
  const [head = '', body = '', signature = '', ...rest] = token.split('.');
  const alg = objectIn(head)?.['alg'];
  const kind = typeof alg === 'string' ? HASHES.get(alg) : undefined;
  if (rest.length > 0 || kind === undefined || key.length < kind.keyBytes) return null;
  const wanted = createHmac(kind.hash, key).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
  const claims = objectIn(body);
  if (claims === null) return null;
  const { exp, nbf } = claims;
  if (exp !== undefined && !(typeof exp === 'number' && now < exp * 1000)) return null;
  if (nbf !== undefined && !(typeof nbf === 'number' && now >= nbf * 1000)) return null;
  return claims;
}

function objectIn(part: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

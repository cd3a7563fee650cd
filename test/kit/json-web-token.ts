import { createHmac } from 'node:crypto';

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A signed token, as `JWSFilter` takes it. */
export function jsonWebToken(claims: unknown, key: Buffer, alg: 'HS256' | 'HS512' | 'none' = 'HS256'): string {
  const text = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  const hash = alg === 'HS512' ? 'sha512' : 'sha256';
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`;
}

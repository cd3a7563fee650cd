import { readFileSync } from 'node:fs';
import type { SecureVersion, TlsOptions } from 'node:tls';
import { IllegalArgumentError } from '../base/errors.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/** Whose pages. Spark: SecurityManager.getSSLOptions */
export type TlsNamespace = 'standalone' | 'historyServer' | 'ui';

export interface TlsSettings {
  /** null: 400 above that of HTTP. */
  readonly port: number | null;
  readonly options: TlsOptions;
}

const PROTOCOLS: Readonly<Record<string, SecureVersion | undefined>> = {
  TLS: undefined,
  'TLSv1.2': 'TLSv1.2',
  'TLSv1.3': 'TLSv1.3',
};
const PEM = /-----BEGIN [A-Z ]+-----/;

/**
 * What `spark.ssl.*` says of some pages.
 *
 * @returns null: they are not served by TLS.
 * @throws IllegalArgumentError that names the setting, for what cannot be, is not there, or cannot be read.
 *
 * Spark: SSLOptions.parse
 */
export function tlsSettings(conf: SparkConf, namespace: TlsNamespace): TlsSettings | null {
  const read = new SslSettings(conf, namespace);
  if (!read.flag('enabled')) return null;
  const [, port] = read.own('port') ?? [];
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535))
    throw read.bad('port', 'must be between 0 and 65535');
  const protocol = read.text('protocol') ?? 'TLS';
  if (!Object.hasOwn(PROTOCOLS, protocol)) throw read.bad('protocol', `is ${protocol}: give TLS, TLSv1.2 or TLSv1.3`);
  const minVersion = PROTOCOLS[protocol];
  const ciphers = read
    .text('enabledAlgorithms')
    ?.split(',')
    .map((name) => name.trim())
    .join(':');
  const trusted = trustedBy(read);
  const needsClient = read.flag('needClientAuth');
  if (needsClient && trusted === null) throw read.bad('needClientAuth', 'needs a trustStore to know clients by');
  return {
    port: port === undefined ? null : Number(port),
    options: {
      ...identity(read),
      ...(minVersion !== undefined && { minVersion, maxVersion: minVersion }),
      ...(ciphers !== undefined && { ciphers }),
      ...(trusted !== null && { ca: trusted }),
      ...(needsClient && { requestCert: true, rejectUnauthorized: true }),
    },
  };
}

/** The authorities that pages of others are believed by; null: those that Node knows. */
export function trustedAuthorities(conf: SparkConf, namespace: TlsNamespace): Buffer | null {
  return trustedBy(new SslSettings(conf, namespace));
}

function identity(read: SslSettings): TlsOptions {
  const store = read.file('keyStore');
  if (store !== null) {
    const type = read.text('keyStoreType') ?? 'PKCS12';
    if (!/^pkcs(12|#12)$/i.test(type) || PEM.test(store.toString('latin1')))
      throw read.bad(
        'keyStore',
        'has to be PKCS#12. One of Java’s own becomes so by keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12 -deststoretype PKCS12; for PEM set certChain and privateKey',
      );
    const passphrase = read.text('keyStorePassword') ?? read.text('keyPassword');
    return { pfx: store, ...(passphrase !== undefined && { passphrase }) };
  }
  const key = read.file('privateKey');
  const cert = read.file('certChain');
  if (key === null || cert === null)
    throw read.bad('keyStore', 'is not set: give a PKCS#12 file, or certChain and privateKey as PEM files');
  const passphrase = read.text('privateKeyPassword');
  return { key, cert, ...(passphrase !== undefined && { passphrase }) };
}

function trustedBy(read: SslSettings): Buffer | null {
  const trusted = read.file('trustStore');
  if (trusted !== null && !PEM.test(trusted.toString('latin1')))
    throw read.bad('trustStore', 'has to be PEM: openssl pkcs12 -in OLD.p12 -nokeys -out NEW.pem');
  return trusted;
}

/** `spark.ssl.NAMESPACE.KEY`, else `spark.ssl.KEY`. */
class SslSettings {
  readonly #conf: SparkConf;
  readonly #namespace: TlsNamespace;

  constructor(conf: SparkConf, namespace: TlsNamespace) {
    this.#conf = conf;
    this.#namespace = namespace;
  }

  text(name: string): string | undefined {
    return (this.own(name) ?? this.#pair(`spark.ssl.${name}`))?.[1];
  }

  /** Said for these pages alone. */
  own(name: string): readonly [key: string, value: string] | undefined {
    return this.#pair(`spark.ssl.${this.#namespace}.${name}`);
  }

  flag(name: string): boolean {
    const value = this.text(name) ?? 'false';
    if (value !== 'true' && value !== 'false') throw this.bad(name, `should be boolean, but was ${value}`);
    return value === 'true';
  }

  file(name: string): Buffer | null {
    const path = this.text(name);
    if (path === undefined) return null;
    try {
      return readFileSync(path);
    } catch (error) {
      throw this.bad(name, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  bad(name: string, what: string): IllegalArgumentError {
    const key = this.own(name)?.[0] ?? `spark.ssl.${name}`;
    return new IllegalArgumentError(`${key} ${what}`, { key });
  }

  #pair(key: string): readonly [key: string, value: string] | undefined {
    const value = this.#conf.getText(key)?.trim();
    return value === undefined || value === '' ? undefined : [key, value];
  }
}

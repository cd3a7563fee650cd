// Who may connect: the policy, and how settings become one.
import { hkdfSync, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { IllegalArgumentError } from '../base/errors.ts';
import {
  AUTHENTICATE,
  AUTHENTICATE_SECRET,
  AUTHENTICATE_SECRET_BITS,
  AUTHENTICATE_SECRET_DRIVER_FILE,
  AUTHENTICATE_SECRET_EXECUTOR_FILE,
  AUTHENTICATE_SECRET_FILE,
  NETWORK_CRYPTO_ENABLED,
} from '../config/network-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/** The id of a secret that all share. Spark: SecurityManager.getSaslUser */
export const DEFAULT_KEY_ID = 'sparkSaslUser';

/** Carries the secret to processes that are started, in their environment. Spark: SecurityManager.ENV_AUTH_SECRET */
export const SECRET_ENVIRONMENT_VARIABLE = '_SPARK_AUTH_SECRET';

/** Everybody may connect. Off loopback only when the user has said so: who reaches the port can run code. */
export interface OpenSecurity {
  readonly kind: 'none';
  readonly offLoopback: 'refused' | 'allowed';
}

/** Both sides prove that they know a secret. */
export interface SecretSecurity {
  readonly kind: 'secret';
  /** Under which id this process shows itself when it connects, and the secret that goes with it. */
  readonly keyId: string;
  readonly secret: Uint8Array;
  /** Whether connections are encrypted; must be the same on both sides. */
  readonly encrypt: boolean;
  /** The secret of whoever connects under an id, or null: a server may have one for each application. */
  secretFor(keyId: string): Uint8Array | null;
}

export type RpcSecurity = OpenSecurity | SecretSecurity;

/** One secret that all processes share. @param secret text, or bytes as they are */
export function sharedSecret(
  secret: string | Uint8Array,
  options: { readonly encrypt?: boolean; readonly keyId?: string } = {},
): SecretSecurity {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
  if (bytes.length === 0) throw new IllegalArgumentError('the secret for spark.authenticate is empty: give a long one');
  const keyId = options.keyId ?? DEFAULT_KEY_ID;
  return {
    kind: 'secret',
    keyId,
    secret: bytes,
    encrypt: options.encrypt ?? false,
    secretFor: (id) => (id === keyId ? bytes : null),
  };
}

/**
 * For a driver: shows itself to the daemons of its cluster with their secret, and lets in both them and its executors, which
 * have a secret of the application's own. An executor shows its application's id as the key id; whichever it shows, other than
 * the cluster's, it has to have the application's secret.
 *
 * @param cluster null: there are no daemons.
 */
export function driverSecurity(
  cluster: SecretSecurity | null,
  secret: string,
  options: { readonly encrypt: boolean },
): SecretSecurity {
  const own = sharedSecret(secret, options);
  if (cluster === null) return { ...own, secretFor: () => own.secret };
  return { ...cluster, secretFor: (keyId) => cluster.secretFor(keyId) ?? own.secret };
}

/** A secret for one application, as text. @param bits its length; `spark.authenticate.secretBitLength` */
export function generateSecret(bits = 256): string {
  return randomBytes(bits / 8).toString('hex');
}

/** What the derived bytes are for: another use of the cluster's secret gets others. */
const OF_AN_APPLICATION = 'iskra: secret of an application';
const APPLICATION_SECRET_BYTES = 32;

/**
 * The secret of one application of a cluster. Its driver and the workers that start its executors derive it, each for itself, so
 * that it never travels; who knows it knows nothing of the cluster's, or of another application's.
 *
 * @param salt hex; whoever reads it cannot do anything with it.
 */
export function applicationSecret(cluster: Uint8Array, salt: string): string {
  const bytes = hkdfSync('sha256', cluster, Buffer.from(salt, 'hex'), OF_AN_APPLICATION, APPLICATION_SECRET_BYTES);
  return Buffer.from(bytes).toString('hex');
}

export interface ResolveOptions {
  /** Whose secret file is read when there are two. */
  readonly role?: 'driver' | 'executor';
  /** Where `_SPARK_AUTH_SECRET` is looked for. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Under which id the process shows itself; `sparkSaslUser` when absent. Executors show their application's id. */
  readonly keyId?: string;
  /** Makes a secret of `spark.authenticate.secretBitLength` bits when none is given: for masters that hand it on. */
  readonly generate?: boolean;
}

/**
 * The policy that settings ask for. The secret comes from a file (`spark.authenticate.secret.file`, or those of driver and
 * executor), else from the environment, else from `spark.authenticate.secret`.
 *
 * @throws IllegalArgumentError when the settings do not go together, or there is no secret.
 *
 * Spark: SecurityManager.getSecretKey, SparkConf.validateSettings
 */
export function resolveSecurity(conf: SparkConf, options: ResolveOptions = {}): RpcSecurity {
  const encrypt = conf.get(NETWORK_CRYPTO_ENABLED);
  if (!conf.get(AUTHENTICATE)) {
    if (encrypt) throw new IllegalArgumentError('spark.authenticate must be enabled when enabling encryption.');
    return { kind: 'none', offLoopback: conf.contains(AUTHENTICATE) ? 'allowed' : 'refused' };
  }
  const keyId = options.keyId ?? DEFAULT_KEY_ID;
  return sharedSecret(findSecret(conf, options), { encrypt, keyId });
}

/** For servers: refuses to listen where others can reach it, unless they authenticate or the user has allowed it. */
export function checkBindAddress(service: string, host: string, ip: string, security: RpcSecurity): void {
  if (security.kind === 'secret' || security.offLoopback === 'allowed' || isLoopback(ip)) return;
  throw new IllegalArgumentError(
    `'${service}' would listen on ${host === ip ? ip : `${host} (${ip})`}, where other hosts can reach it, without authentication: whoever reaches its port can run code. Set spark.authenticate=true and spark.authenticate.secret.file, or listen on 127.0.0.1, or say spark.authenticate=false when only trusted hosts can reach it`,
    { service, host, ip },
  );
}

const loopback: BlockList = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** @param ip a literal address */
export function isLoopback(ip: string): boolean {
  const family = isIP(ip);
  return family !== 0 && loopback.check(ip, family === 4 ? 'ipv4' : 'ipv6');
}

function findSecret(
  conf: SparkConf,
  { role, environment = {}, generate = false }: ResolveOptions,
): string | Uint8Array {
  const driver = conf.get(AUTHENTICATE_SECRET_DRIVER_FILE);
  const executor = conf.get(AUTHENTICATE_SECRET_EXECUTOR_FILE);
  const both = conf.get(AUTHENTICATE_SECRET_FILE);
  if ((driver ?? both) === undefined || (executor ?? both) === undefined) {
    if (driver !== undefined || executor !== undefined) {
      throw new IllegalArgumentError(
        'Invalid secret configuration: Secret files must be specified for both the driver and the executors, not only one or the other.',
      );
    }
  }
  const file = (role === 'executor' ? executor : driver) ?? both;
  if (file !== undefined) return readSecret(file);
  const given = environment[SECRET_ENVIRONMENT_VARIABLE] ?? conf.get(AUTHENTICATE_SECRET);
  if (given !== undefined && given !== '') return given;
  if (generate) return generateSecret(conf.get(AUTHENTICATE_SECRET_BITS));
  throw new IllegalArgumentError(
    `A secret key must be specified via the spark.authenticate.secret config, or better in a file named by spark.authenticate.secret.file`,
  );
}

function readSecret(path: string): Uint8Array {
  let bytes: Buffer;
  try {
    if (!statSync(path).isFile()) throw new Error('not a file');
    bytes = readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new IllegalArgumentError(`No file found containing the secret key at ${path}. (${why})`, { path });
  }
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 10 || bytes[end - 1] === 13)) end--;
  if (end === 0) throw new IllegalArgumentError(`Secret key from file located at ${path} was empty.`, { path });
  return bytes.subarray(0, end);
}

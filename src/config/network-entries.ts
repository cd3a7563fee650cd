import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { DRIVER_HOST } from './core-entries.ts';
import { aPort, notNegative, positive, types } from './value-types.ts';

export const NETWORK_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.network.timeout',
  type: types.durationSeconds,
  default: 120_000,
  check: positive,
  doc: 'The default for all waits on the network. An executor that is silent for so long is lost.',
  since: '0.1',
});

export const RPC_ASK_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.rpc.askTimeout',
  type: types.durationSeconds,
  fallback: NETWORK_TIMEOUT,
  check: positive,
  doc: 'How long an answer of another process is waited for.',
  since: '0.1',
});

export const RPC_LOOKUP_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.rpc.lookupTimeout',
  type: types.durationSeconds,
  fallback: NETWORK_TIMEOUT,
  check: positive,
  doc: 'How long connecting to another process may take, with finding there what is looked for.',
  since: '0.1',
});

export const RPC_CONNECTION_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.rpc.io.connectionTimeout',
  type: types.durationSeconds,
  fallback: NETWORK_TIMEOUT,
  check: positive,
  doc: 'A connection is closed over which something was sent, nothing has come for so long, and whose other end cannot be reached any more. Without anything sent the system finds it out, ten seconds at least after the last word.',
  since: '0.1',
});

export const RPC_MESSAGE_MAX_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.rpc.message.maxSize',
  type: types.mib,
  default: 128 * 1024 ** 2,
  check: positive,
  doc: 'The largest task description or control message between processes. Bytes of blocks and results do not count.',
  since: '0.1',
});

export const DRIVER_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.driver.port',
  type: types.int,
  default: 0,
  defaultText: 'any',
  check: aPort,
  doc: 'The port at which executors reach the driver, also for its blocks. Local masters have none.',
  since: '0.1',
});

export const DRIVER_BIND_ADDRESS: ConfigEntry<string> = defineEntry({
  key: 'spark.driver.bindAddress',
  type: types.text,
  fallback: DRIVER_HOST,
  doc: 'The name or address on which the driver listens, when it is another than `spark.driver.host`: behind a bridge, say.',
  since: '0.1',
});

export const BLOCK_MANAGER_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.blockManager.port',
  type: types.int,
  default: 0,
  defaultText: 'any',
  check: aPort,
  doc: 'The port at which executors serve blocks to each other.',
  since: '0.1',
});

export const DRIVER_BLOCK_MANAGER_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.driver.blockManager.port',
  type: types.int,
  fallback: BLOCK_MANAGER_PORT,
  check: aPort,
  doc: 'Has no effect: the driver serves blocks at its one port, `spark.driver.port`.',
  since: '0.1',
});

export const PORT_MAX_RETRIES: ConfigEntry<number> = defineEntry({
  key: 'spark.port.maxRetries',
  type: types.int,
  default: 16,
  check: notNegative,
  doc: 'How many ports above a given one are tried when it is taken.',
  since: '0.1',
});

export const AUTHENTICATE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.authenticate',
  type: types.boolean,
  default: false,
  doc: 'Whether processes prove to each other that they have the same secret. Set to `false` explicitly, it also lets servers listen for other hosts without.',
  since: '0.1',
});

export const AUTHENTICATE_SECRET: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.authenticate.secret',
  type: types.text,
  doc: 'The secret for `spark.authenticate`. A file is the better place: `spark.authenticate.secret.file`.',
  since: '0.1',
});

export const AUTHENTICATE_SECRET_FILE: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.authenticate.secret.file',
  type: types.text,
  doc: 'A file with the secret for `spark.authenticate`; a line end at its end does not count.',
  since: '0.1',
});

export const AUTHENTICATE_SECRET_DRIVER_FILE: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.authenticate.secret.driver.file',
  type: types.text,
  defaultText: '`spark.authenticate.secret.file`',
  doc: 'The file with the secret as the driver sees it.',
  since: '0.1',
});

export const AUTHENTICATE_SECRET_EXECUTOR_FILE: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.authenticate.secret.executor.file',
  type: types.text,
  defaultText: '`spark.authenticate.secret.file`',
  doc: 'The file with the secret as executors see it.',
  since: '0.1',
});

export const AUTHENTICATE_SECRET_BITS: ConfigEntry<number> = defineEntry({
  key: 'spark.authenticate.secretBitLength',
  type: types.int,
  default: 256,
  check: (value) => (value >= 128 && value % 8 === 0 ? undefined : 'must be a multiple of 8, 128 or more'),
  doc: 'The length of secrets that are generated, in bits. Those of applications of a standalone cluster are derived, and have 256.',
  since: '0.1',
});

export const NETWORK_CRYPTO_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.network.crypto.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether connections between processes are encrypted, by AES-256-GCM. Needs `spark.authenticate`.',
  since: '0.1',
});

import {
  NETWORK_TIMEOUT,
  PORT_MAX_RETRIES,
  RPC_ASK_TIMEOUT,
  RPC_CONNECTION_TIMEOUT,
  RPC_LOOKUP_TIMEOUT,
  RPC_MESSAGE_MAX_SIZE,
} from '../config/network-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/** A time, and the key that errors name as what controls it. Spark: RpcTimeout */
export interface RpcTimeout {
  readonly ms: number;
  readonly key: string;
}

/** What an `RpcEnv` takes from the settings. */
export interface RpcSettings {
  readonly askTimeout: RpcTimeout;
  readonly lookupTimeout: RpcTimeout;
  readonly silenceTimeout: RpcTimeout;
  readonly maxMessageBytes: number;
  readonly portMaxRetries: number;
}

/** Spark: RpcUtils.askRpcTimeout, lookupRpcTimeout, maxMessageSizeBytes */
export function rpcSettings(conf: SparkConf): RpcSettings {
  // The network's key is named only when it is what the user has set.
  const keyOf = (key: string): string =>
    !conf.contains(key) && conf.contains(NETWORK_TIMEOUT) ? NETWORK_TIMEOUT.key : key;
  return {
    askTimeout: { ms: conf.get(RPC_ASK_TIMEOUT), key: keyOf(RPC_ASK_TIMEOUT.key) },
    lookupTimeout: { ms: conf.get(RPC_LOOKUP_TIMEOUT), key: keyOf(RPC_LOOKUP_TIMEOUT.key) },
    silenceTimeout: { ms: conf.get(RPC_CONNECTION_TIMEOUT), key: keyOf(RPC_CONNECTION_TIMEOUT.key) },
    maxMessageBytes: conf.get(RPC_MESSAGE_MAX_SIZE),
    portMaxRetries: conf.get(PORT_MAX_RETRIES),
  };
}

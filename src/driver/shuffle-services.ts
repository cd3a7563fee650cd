import type { Logger } from '../base/logger.ts';
import { GoneExecutors } from '../cluster/coarse-grained/gone-executors.ts';
import {
  SHUFFLE_SERVICE_ENABLED,
  SHUFFLE_SERVICE_FETCH_RDD_ENABLED,
  SHUFFLE_SERVICE_PORT,
  SHUFFLE_SERVICE_REMOVE_SHUFFLE,
} from '../config/shuffle-service-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { RpcEnv } from '../rpc/rpc-env.ts';
import { rpcSettings } from '../rpc/rpc-settings.ts';
import type { RpcSecurity } from '../rpc/security.ts';

/**
 * What a driver keeps of executors whose files shuffle services serve; null when none do.
 *
 * @param security with the secret that the application's executors have.
 * @param port of the services.
 */
export function goneExecutors(
  conf: SparkConf,
  appId: string,
  security: RpcSecurity,
  log: Logger,
  port: number = conf.get(SHUFFLE_SERVICE_PORT),
): GoneExecutors | null {
  if (!conf.get(SHUFFLE_SERVICE_ENABLED)) return null;
  const openEnv = async (): Promise<RpcEnv> => {
    const env = await RpcEnv.create({
      name: 'driver',
      // Services know applications by their ids.
      security: security.kind === 'secret' ? { ...security, keyId: appId } : security,
      ...rpcSettings(conf),
      logger: log,
    });
    env.setKeepAlive(false);
    return env;
  };
  return new GoneExecutors({
    appId,
    servicePort: port,
    removeShuffle: conf.get(SHUFFLE_SERVICE_REMOVE_SHUFFLE),
    fetchRdd: conf.get(SHUFFLE_SERVICE_FETCH_RDD_ENABLED),
    openEnv,
    log,
  });
}

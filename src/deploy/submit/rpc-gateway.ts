// A client of masters themselves. Spark: deploy/Client.scala
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { PACKAGE_SHIP } from '../../config/package-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import type { AskMaster } from '../../protocol/master-client.ts';
import { MASTER_ENDPOINT } from '../../protocol/master-worker.ts';
import { parseAddress, type RpcAddress } from '../../rpc/rpc-address.ts';
import type { RpcRef } from '../../rpc/rpc-endpoint.ts';
import { RpcEnv } from '../../rpc/rpc-env.ts';
import { RpcHandshakeError } from '../../rpc/rpc-errors.ts';
import { rpcSettings } from '../../rpc/rpc-settings.ts';
import type { RpcSecurity } from '../../rpc/security.ts';
import { describeDriver } from '../rest/driver-description.ts';
import type { PreparedApplication } from './app-loader.ts';
import type { SubmissionGateway } from './submission-gateway.ts';

type MasterRef = RpcRef<never, AskMaster>;

export interface RpcGatewayOptions {
  readonly conf: SparkConf;
  /** `host:port` of each. */
  readonly masters: readonly string[];
  readonly security: RpcSecurity;
  readonly log: Logger;
}

/** A gateway to whichever of the masters leads; found at the first question, and again after it was lost. */
export async function rpcGateway(options: RpcGatewayOptions): Promise<SubmissionGateway> {
  const { conf, security, log } = options;
  const masters = options.masters.map(parseAddress);
  const rpc = await RpcEnv.create({ name: 'driverClient', security, ...rpcSettings(conf), logger: log });
  let leader: MasterRef | null = null;
  const ask = async <K extends keyof AskMaster>(type: K, request: AskMaster[K][0]): Promise<AskMaster[K][1]> => {
    if (leader === null || leader.closed) leader = await findLeader(rpc, masters);
    return leader.ask(type, request);
  };
  const pack = async (application: PreparedApplication): Promise<string> => {
    leader ??= await findLeader(rpc, masters); // better to say that nobody is there before anything is packed
    const { packForCluster } = await import('./pack-for-cluster.ts');
    return packForCluster({ application, conf, rpc, masters, log });
  };
  return {
    ...(conf.get(PACKAGE_SHIP) === 'never' ? {} : { pack }),
    submit: (request) => ask('RequestSubmitDriver', { driver: describeDriver(request) }),
    kill: (driverId) => ask('RequestKillDriver', { driverId }),
    status: (driverId) => ask('RequestDriverStatus', { driverId }),
    close: () => rpc.stop(),
  };
}

/**
 * Asks all masters at once. The first that is ready is it; when none is, the first that is there, which says why it refuses.
 *
 * @throws IskraError MASTER_NOT_FOUND with what happened at each.
 */
async function findLeader(rpc: RpcEnv, masters: readonly RpcAddress[]): Promise<MasterRef> {
  const failures: string[] = masters.map(() => '');
  let standby: MasterRef | null = null;
  const found = await new Promise<MasterRef | null>((resolve) => {
    let open = masters.length;
    const tryOne = async (master: RpcAddress, i: number): Promise<void> => {
      try {
        const ref: MasterRef = await rpc.connect<never, AskMaster>(master, MASTER_ENDPOINT);
        const { ready } = await ref.ask('RequestReadyz', null);
        if (ready) resolve(ref);
        else standby ??= ref;
      } catch (error) {
        failures[i] = reasonOf(error);
      }
      if (--open === 0) resolve(standby);
    };
    for (const [i, master] of masters.entries()) void tryOne(master, i);
  });
  if (found !== null) return found;
  throw new IskraError('MASTER_NOT_FOUND', `No master is available: ${failures.join('; ')}`, {
    details: { masters: masters.map(({ host, port }) => `${host}:${port}`) },
  });
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof RpcHandshakeError && message.includes('is the port right')
    ? `${message} A REST gateway is used with --conf spark.master.rest.enabled=true`
    : message;
}

import { lookup } from 'node:dns/promises';
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { checkBindAddress, type RpcSecurity } from '../../rpc/security.ts';

/** A master or a worker that serves. */
export interface RunningDaemon {
  /** `spark://host:port` */
  readonly url: string;
  /** '' when it has no pages. */
  readonly webUiUrl: string;
  /** When it has ended, by itself or because it was stopped. */
  readonly finished: Promise<{ readonly code: number; readonly message: string }>;
  /** Twice is fine. */
  stop(): Promise<void>;
  /** A worker's: it takes nothing more. */
  decommission?(): void;
}

/**
 * Looks, before anything listens, whether it may.
 *
 * @throws IllegalArgumentError when others could reach it without proof of who they are; IskraError `RPC_BIND` for a name that is
 * not known here.
 */
export async function checkMayListen(service: string, bindAddress: string, security: RpcSecurity): Promise<void> {
  let ip: string;
  try {
    ip = (await lookup(bindAddress)).address;
  } catch (cause) {
    throw new IskraError('RPC_BIND', `'${service}' cannot listen on ${bindAddress}: the name is not known here`, {
      cause,
    });
  }
  checkBindAddress(service, bindAddress, ip, security);
}

/** Says who can reach it, for those who wonder why others cannot. */
export function logLoopback(log: Logger): void {
  log.info(
    'Listening on localhost only. For others to reach it give --host, and a secret: spark.authenticate=true with spark.authenticate.secret.file; or say spark.authenticate=false when every host that can reach it may run code here',
  );
}

/** Does what was begun backwards, and throws on. */
export async function undoing<T>(undo: () => Promise<void>, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await undo();
    throw error;
  }
}

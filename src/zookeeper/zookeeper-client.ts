import { IllegalArgumentError } from '../base/errors.ts';
import { loadPackage } from './client-package.ts';
import { PackageSession } from './package-session.ts';
import { ZooKeeperError } from './zookeeper-error.ts';
import type { ConnectOptions, ZooKeeperSession } from './zookeeper-session.ts';

const SERVERS = /^[^\s:,/[\]]+(:\d{1,5})?(,[^\s:,/[\]]+(:\d{1,5})?)*(\/[^\s/]+)*$/;

/** @returns what is wrong with it as a list of servers; null: nothing. */
export function faultOfServers(servers: string): string | null {
  return SERVERS.test(servers) ? null : `'${servers}' is no list of servers: write host:port,host:port`;
}

/**
 * Opens a session.
 *
 * @throws IllegalArgumentError for a list of servers that cannot be; IskraError PACKAGE_NOT_INSTALLED; ZooKeeperError CONNECTION_LOSS
 * that names the servers when none of them has answered in time.
 */
export async function connectZooKeeper(options: ConnectOptions): Promise<ZooKeeperSession> {
  const { servers, connectTimeoutMs, clock, signal } = options;
  const fault = faultOfServers(servers);
  if (fault !== null) throw new IllegalArgumentError(fault);
  const session = new PackageSession(loadPackage(), options);
  let cleanUp: () => void = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void =>
        reject(new ZooKeeperError('SESSION_ENDED', `connecting to ZooKeeper (${servers}) was given up`));
      const cancel = clock.after(connectTimeoutMs, () => {
        const message = `no ZooKeeper server of ${servers} has answered within ${connectTimeoutMs} ms; check that they run and can be reached`;
        reject(new ZooKeeperError('CONNECTION_LOSS', message));
      });
      cleanUp = () => {
        cancel();
        signal?.removeEventListener('abort', giveUp);
      };
      signal?.addEventListener('abort', giveUp);
      if (signal?.aborted) giveUp();
      session.opened.then(resolve, reject);
    });
  } catch (error) {
    void session.close();
    throw error;
  } finally {
    cleanUp();
  }
  return session;
}

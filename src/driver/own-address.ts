import { lookup } from 'node:dns/promises';
import { IskraError } from '../base/errors.ts';
import { formatAddress, type RpcAddress } from '../rpc/rpc-address.ts';

/** From there to itself. */
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1']);

/**
 * The address of this host by which it reaches the first of these that it knows a way to; nothing is sent, and nobody needs to
 * be there.
 *
 * @throws IskraError when there is a way to none.
 *
 * Spark: Utils.localHostName, which asks for the host's own name instead
 */
export async function addressTowards(others: readonly RpcAddress[]): Promise<string> {
  const faults: string[] = [];
  for (const other of others) {
    try {
      const { address, family } = await lookup(other.host);
      if (LOOPBACK.has(address)) return address; // as the system would say, without the socket
      return await addressOnTheWay(address, other.port, family === 6 ? 'udp6' : 'udp4');
    } catch (error) {
      faults.push(`${formatAddress(other)}: ${(error as Error).message}`);
    }
  }
  throw new IskraError(
    'DRIVER_HOST',
    `There is no way from here to a master (${faults.join('; ')}). Is the name right? Set spark.driver.host to the address by which workers reach this host`,
  );
}

/** A datagram socket that is connected knows its own address, and no packet was sent for it. */
async function addressOnTheWay(ip: string, port: number, type: 'udp4' | 'udp6'): Promise<string> {
  const { createSocket } = await import('node:dgram'); // whoever stays on this machine needs none
  return new Promise((resolve, reject) => {
    const socket = createSocket(type);
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    socket.connect(port, ip, (error?: Error) => {
      if (error) {
        fail(error);
        return;
      }
      const { address } = socket.address();
      socket.close();
      resolve(address);
    });
  });
}

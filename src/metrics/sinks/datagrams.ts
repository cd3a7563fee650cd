import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';

/** Sends each text by itself. Whether anybody gets it, nobody knows. @throws Error when the host is not known. */
export async function sendDatagrams(
  { host, port }: { readonly host: string; readonly port: number },
  texts: readonly string[],
): Promise<void> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      let left = texts.length;
      for (const text of texts)
        socket.send(text, port, address, (error) => {
          if (error !== null) reject(error);
          else if (--left === 0) resolve();
        });
    });
  } finally {
    socket.close();
  }
}

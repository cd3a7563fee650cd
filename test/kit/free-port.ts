import { createServer } from 'node:net';

/**
 * A port of loopback for whoever serves there, ends, and comes back. Systems hand out ports from 32768 on (Linux) or 49152, to
 * servers that take any and to each connection; so nobody gets this one by chance meanwhile, as happens with ports that were
 * handed out and given back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

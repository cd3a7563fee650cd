// A web service that answers `/<number>` with the number, after a while.
import { createServer } from 'node:http';

/** @returns where it is, and how to end it. */
export async function startDelayServer(delayMs) {
  const server = createServer((request, response) => {
    setTimeout(() => response.end(request.url.slice(1)), delayMs);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((listening) => server.listen(0, '127.0.0.1', 1024, listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

// By hand: node bench/lib/delay-server.mjs [50]
if (process.argv[1] === import.meta.filename) {
  const { url } = await startDelayServer(Number(process.argv[2] ?? 50));
  process.stdout.write(`${url}\n`);
}

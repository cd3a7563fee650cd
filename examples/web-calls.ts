// Calls a web service for every record, many at a time: iskra example web-calls [calls] [calls a second]
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SparkContext } from 'iskra';

/** What the service says when it has too much to do; mapAsync waits for as long as `retryAfterMs` says. */
class Busy extends Error {
  readonly retryAfterMs: number;
  constructor(response: Response) {
    super(`${response.url}: ${response.status}`);
    this.retryAfterMs = 1000 * Number(response.headers.get('retry-after') ?? 0);
  }
}

export async function main([calls = '10000', perSecond = 'any']: string[]): Promise<void> {
  // It takes 50 ms for each answer, and refuses each hundredth question once.
  const refused = new Set<string>();
  let requests = 0;
  let underWay = 0;
  let most = 0;
  // Connections that wait are never closed under a caller that is just about to use them.
  const service = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const id = request.url?.slice(1) ?? '';
    requests++;
    most = Math.max(most, ++underWay);
    response.on('close', () => underWay--);
    if (id.endsWith('00') && !refused.has(id)) {
      refused.add(id);
      response.writeHead(503, { 'retry-after': '0.1' }).end();
    } else setTimeout(() => response.end(`${Number(id) * 2}`), 50);
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => service.once('listening', listening));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;

  const sc = await SparkContext.create({ appName: 'web calls' });
  const started = performance.now();
  const sum = await sc
    .range(0, Number(calls), 1, 2)
    .mapAsync(
      async (id, { signal }) => {
        const response = await fetch(`${url}/${id}`, { signal });
        if (response.status === 503) throw new Busy(response);
        return Number(await response.text());
      },
      {
        concurrency: 64,
        ordered: false,
        timeoutMs: 10_000,
        retries: 5,
        retryIf: (error) => error instanceof Busy,
        ...(perSecond === 'any' ? {} : { rateLimit: { perSecond: Number(perSecond) } }),
      },
    )
    .sum();
  const seconds = (performance.now() - started) / 1000;
  console.log(`sum of the answers: ${sum}`);
  console.log(`${requests} requests in ${seconds.toFixed(1)} s; one after another: ${(0.05 * Number(calls)).toFixed(0)} s`);
  console.log(`up to ${most} at a time`);

  await sc.stop();
  service.closeAllConnections();
  service.close();
}

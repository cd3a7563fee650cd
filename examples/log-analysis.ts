// Reads a web server's log and looks its visitors up with async calls: iskra example log-analysis
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SparkContext } from 'iskra';

interface Request {
  readonly ip: string;
  readonly path: string;
  readonly status: number;
}

function parse(line: string): Request[] {
  const match = /^(\S+) \S+ \S+ \[[^\]]*\] "\S+ (\S+) [^"]*" (\d{3})/.exec(line);
  return match ? [{ ip: match[1] as string, path: match[2] as string, status: Number(match[3]) }] : [];
}

export async function main(): Promise<void> {
  // A service that knows where an address is; it takes its time, as services do.
  const service = createServer((request, response) => {
    const ip = new URL(request.url ?? '', 'http://localhost').searchParams.get('ip') ?? '';
    setTimeout(() => response.end(Number(ip.split('.')[3]) % 2 === 0 ? 'Lisbon' : 'Oslo'), 20);
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => service.once('listening', listening));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;

  const folder = mkdtempSync(join(tmpdir(), 'iskra-log-analysis-'));
  const log = join(folder, 'access.log');
  const lines = Array.from({ length: 20_000 }, (_, i) => {
    const status = i % 17 === 0 ? 500 : i % 5 === 0 ? 404 : 200;
    return `10.0.0.${i % 100} - - [21/Nov/2026:07:00:00 +0000] "GET /page/${i % 7} HTTP/1.1" ${status} 512`;
  });
  writeFileSync(log, `${lines.join('\n')}\nnot a log line\n`);

  const sc = await SparkContext.create({ appName: 'log analysis' });
  const broken = sc.longAccumulator('lines that could not be read');
  const requests = sc
    .textFile(log, 4)
    .flatMap((line) => {
      const parsed = parse(line);
      if (parsed.length === 0) broken.add(1);
      return parsed;
    })
    .cache();

  const byStatus = await requests.map((r) => r.status).countByValue();
  console.log(`unreadable lines: ${broken.value}`);
  for (const [status, count] of [...byStatus].sort((a, b) => a[0] - b[0])) console.log(`status ${status}: ${count}`);

  const errorsByPlace = await requests
    .filter((r) => r.status === 500)
    .map((r) => [r.ip, 1] as [string, number])
    .reduceByKey((a, b) => a + b)
    .mapAsync(
      async ([ip, count], { signal }) => {
        const response = await fetch(`${url}?ip=${ip}`, { signal });
        return [await response.text(), count] as [string, number];
      },
      { concurrency: 32, retries: 2 },
    )
    .reduceByKey((a, b) => a + b)
    .collectAsMap();
  for (const [place, count] of [...errorsByPlace].sort()) console.log(`server errors seen from ${place}: ${count}`);

  await sc.stop();
  service.close();
  rmSync(folder, { recursive: true });
}

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Logger } from '../../../src/base/logger.ts';
import { workerArguments } from '../../../src/deploy/daemon/daemon-arguments.ts';
import { parseDaemonOptions } from '../../../src/deploy/daemon/daemon-options.ts';
import { runWorker } from '../../../src/deploy/daemon/run-worker.ts';
import { levelLogger, recordingLogger } from '../../kit/rpc.ts';
import { until } from '../../kit/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'iskra-run-worker-'));
after(() => rmSync(folder, { recursive: true }));

const run = (...argv: string[]) => runIn({}, recordingLogger([]), ...argv);

async function runIn(env: Readonly<Record<string, string>>, log: Logger, ...argv: string[]) {
  const machine = { env, workingFolder: folder, cores: 2, memory: 4096, address: undefined, warn: () => {} };
  const given = parseDaemonOptions('worker', ['--host', '127.0.0.1', '--webui-port', '0', ...argv]);
  const args = await workerArguments(given, machine);
  return runWorker(args, { env, logFile: null, programs: {} }, log);
}

test('a worker without a master serves its pages, and says that it is not ready', async () => {
  const worker = await run('spark://127.0.0.1:1');
  try {
    const get = (path: string) => fetch(`${worker.webUiUrl}${path}`);
    assert.equal((await get('/health')).status, 200);
    assert.equal((await get('/readyz')).status, 503);
    assert.match(await (await get('/')).text(), /<title>Spark Worker at 127\.0\.0\.1:\d+<\/title>/);
    const json = (await (await get('/json/')).json()) as { masterurl: string; cores: number };
    assert.deepEqual([json.masterurl, json.cores], ['', 2]);
  } finally {
    await worker.stop();
  }
  await assert.rejects(fetch(`${worker.webUiUrl}/health`));
});

test('SPARK_PUBLIC_DNS is in links to its pages, and nowhere else', async () => {
  const worker = await runIn({ SPARK_PUBLIC_DNS: 'links.example' }, recordingLogger([]), 'spark://127.0.0.1:1');
  try {
    assert.match(worker.webUiUrl ?? '', /^http:\/\/links\.example:\d+$/);
    assert.match(worker.url ?? '', /^spark:\/\/127\.0\.0\.1:\d+$/);
    const port = /\d+$/.exec(worker.webUiUrl ?? '')?.[0];
    const json = (await (await fetch(`http://127.0.0.1:${port}/json/`)).json()) as { id: string };
    assert.match(json.id, /^worker-\d{14}-127\.0\.0\.1-\d+$/);
  } finally {
    await worker.stop();
  }
});

test('a worker has its directory before its pages, and its pages before it registers', async () => {
  const lines: string[] = [];
  const log = levelLogger(lines);
  writeFileSync(join(folder, 'plain'), '');
  await assert.rejects(runIn({}, log, '--work-dir', 'plain', 'spark://127.0.0.1:1'), /Failed to create work directory/);
  assert.deepEqual(
    lines.filter((line) => line.includes('WorkerUI')),
    [],
  );
  const worker = await runIn({}, log, 'spark://127.0.0.1:1');
  await worker.stop();
  const at = (text: string): number => lines.findIndex((line) => line.includes(text));
  assert.ok(at("started service 'WorkerUI'") >= 0 && at("started service 'WorkerUI'") < at('Connecting to master'));
});

test('a worker that cannot start leaves no port open', async () => {
  writeFileSync(join(folder, 'file'), '');
  const ports = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;
  const before = ports();
  await assert.rejects(
    run('--work-dir', 'file', 'spark://127.0.0.1:1'),
    /Failed to create work directory .*: it is a file/,
  );
  await until(() => ports() <= before); // it closes in its own time
});

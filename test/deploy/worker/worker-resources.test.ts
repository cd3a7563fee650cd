import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { workerResources } from '../../../src/deploy/worker/worker-resources.ts';

const directory = mkdtempSync(join(tmpdir(), 'resources-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string, mode = 0o755): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
const found = (values: Record<string, string>) => workerResources(new SparkConf(values), silentLogger);
const withScript = (path: string, more: Record<string, string> = {}) =>
  found({ 'spark.worker.resource.gpu.amount': '2', 'spark.worker.resource.gpu.discoveryScript': path, ...more });

test('a worker has what its script finds, and all of it', async () => {
  const script = file('three.sh', `#!/bin/sh\necho '{"name":"gpu","addresses":["0","1","2"]}'\n`);
  assert.deepEqual(await withScript(script), { gpu: ['0', '1', '2'] });
  assert.deepEqual(await found({}), {});
});

test('what a file says wins over the script', async () => {
  const list = [{ id: { componentName: 'spark.worker', resourceName: 'gpu' }, addresses: ['8', '9'] }];
  const path = file('resources.json', JSON.stringify(list));
  assert.deepEqual(await withScript('/nowhere', { 'spark.worker.resourcesFile': path }), { gpu: ['8', '9'] });
  await assert.rejects(
    found({ 'spark.worker.resourcesFile': '/nowhere' }),
    /the resources file \/nowhere cannot be read: ENOENT/,
  );
});

test('a script that is missing, fails, hangs, lies or finds too little keeps a worker from starting', async () => {
  await assert.rejects(withScript('/nowhere'), /Resource script: \/nowhere to discover gpu doesn't exist!/);
  await assert.rejects(
    found({ 'spark.worker.resource.gpu.amount': '1' }),
    /User is expecting to use resource: gpu, but didn't specify a discovery script!/,
  );
  const failing = file('failing.sh', '#!/bin/sh\necho no card >&2; exit 3\n');
  await assert.rejects(withScript(failing), /failing\.sh exited with code 3; it wrote: no card/);
  const plain = file('plain.sh', '#!/bin/sh\n', 0o644);
  await assert.rejects(withScript(plain), /plain\.sh could not be run: spawn .*EACCES/);
  const hanging = file('hanging.sh', '#!/bin/sh\nexec sleep 60\n');
  await assert.rejects(
    withScript(hanging, { 'spark.iskra.resources.discoveryTimeout': '50ms' }),
    /hanging\.sh did not end within 50 ms/,
  );
  const lying = file('lying.sh', `#!/bin/sh\necho '{"name":"tpu","addresses":["0","1"]}'\n`);
  await assert.rejects(withScript(lying), /returned resource name tpu and we were expecting gpu/);
  const poor = file('poor.sh', `#!/bin/sh\necho '{"name":"gpu","addresses":["0"]}'\n`);
  await assert.rejects(withScript(poor), /Resource: gpu, with addresses: 0 is less than what the user requested: 2/);
});

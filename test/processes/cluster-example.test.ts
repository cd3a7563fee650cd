import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const script = join(import.meta.dirname, '..', '..', '..', 'examples', 'cluster', 'run.mjs');

test('the example of a cluster runs an application in both modes and through the loss of an executor, and leaves nothing behind', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const counts = /^ +app-\d+-0000: 1:33660 2:148555 .* 19:1$/m;
  assert.match(stdout, counts);
  assert.match(stdout, /^ +killed process \d+, executor 1$/m);
  assert.match(stdout, /Lost executor 1 on localhost: Command exited with code 137/);
  assert.match(stdout, /Executor added: app-\d+-0001\/2 /);
  assert.match(stdout, /^ +app-\d+-0001: 1:2019600 2:8913300 /m);
  assert.match(stdout, /the master says: app-\d+-0001 Word lengths FINISHED/);
  assert.match(stdout, /State of driver-\d+-0000 is FINISHED/);
  assert.match(stdout, /driver-\d+-0000\/stdout: app-\d+-0002: 1:33660 /);
  assert.match(stdout, /== Processes\n {2}none\n$/);
});

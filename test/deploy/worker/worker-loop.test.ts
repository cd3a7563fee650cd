import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { workerScene } from '../../kit/worker-process.ts';

const EXECUTOR = 'CoarseGrainedExecutorBackend';
const tick = () => new Promise((resolve) => setImmediate(resolve));

test('a worker registers, beats, and its executor is launched, reported and given back', async (t) => {
  const { master, worker, workDir, directory } = await workerScene(t, {
    [EXECUTOR]: `console.log(process.argv.slice(2).join(' ')); console.error(process.env.SPARK_EXECUTOR_DIRS); process.exit(3);`,
  });
  const { worker: description } = await master.hears('RegisterWorker');
  assert.match(description.id, /^worker-\d{14}-127\.0\.0\.1-\d+$/);
  assert.equal(description.id, worker.workerId);
  await master.hears('Heartbeat');
  master.launch(0);
  const end = await master.ended(0);
  assert.deepEqual([end.state, end.exitStatus, end.message], ['EXITED', 3, 'Command exited with code 3']);
  assert.equal(worker.state().coresUsed, 0);
  assert.equal(readFileSync(join(workDir, 'app-1/0/stdout'), 'utf8'), '--executor-id 0\n');
  const stderr = readFileSync(join(workDir, 'app-1/0/stderr'), 'utf8').split('\n');
  assert.match(stderr[0] ?? '', /^Spark Executor Command: "node" ".*mjs" "--executor-id" "0"$/);
  assert.equal(stderr[1], '='.repeat(40));
  const [appDir = ''] = readdirSync(join(directory, 'local')).filter((name) => name.startsWith('executor-'));
  assert.equal(stderr[3], join(directory, 'local', appDir));
  assert.equal(statSync(join(directory, 'local', appDir)).mode & 0o777, 0o700);
  master.send({ type: 'ApplicationFinished', appId: 'app-1' });
  master.launch(0);
  assert.match((await master.hears('ExecutorStateChanged', ({ state }) => state === 'FAILED')).message ?? '', /exists/);
  while (existsSync(join(directory, 'local', appDir))) await tick();
});

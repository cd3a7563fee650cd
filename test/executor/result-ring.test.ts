import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { RESULT_RING_BYTES, ResultReader, ResultWriter } from '../../src/executor/result-ring.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';

function ring(): { writer: ResultWriter; reader: ResultReader } {
  const memory = new SharedArrayBuffer(RESULT_RING_BYTES);
  return { writer: new ResultWriter(memory), reader: new ResultReader(memory) };
}

const metrics = newTaskMetrics();

/** Of each result that is there: its task and its bytes. */
function drained(reader: ResultReader): [number, number[]][] {
  const found: [number, number[]][] = [];
  reader.drain((taskId, bytes) => found.push([taskId, [...bytes]]));
  return found;
}

test('results are taken out once, in their order, with their bytes and what was measured', () => {
  const { writer, reader } = ring();
  writer.put(0, new Uint8Array(), metrics);
  writer.put(7, new Uint8Array([1, 2, 3]), { ...metrics, executorRunTimeMs: 4, shuffleWriteTimeMs: 0.5 });
  const found: unknown[] = [];
  reader.drain((taskId, bytes, measured) =>
    found.push([taskId, [...bytes], measured.executorRunTimeMs, measured.shuffleWriteTimeMs]),
  );
  assert.deepEqual(found, [
    [0, [], 0, 0],
    [7, [1, 2, 3], 4, 0.5],
  ]);
  assert.deepEqual(drained(reader), []);
});

test('the reader is told once until it looks again', () => {
  const { writer, reader } = ring();
  writer.put(1, new Uint8Array(1), metrics);
  assert.equal(writer.mustTell(), true);
  writer.put(2, new Uint8Array(1), metrics);
  assert.equal(writer.mustTell(), false);
  assert.equal(drained(reader).length, 2);
  writer.put(3, new Uint8Array(1), metrics);
  assert.equal(writer.mustTell(), true);
});

test('a large result is refused, and any when there is no room; after the reader has looked there is', () => {
  const { writer, reader } = ring();
  assert.equal(writer.put(0, new Uint8Array(1025), metrics), false);
  let n = 0;
  while (writer.put(n, new Uint8Array(1024), metrics)) n++;
  assert.ok(n > 10, `${n} fit`);
  assert.equal(drained(reader).length, n);
  assert.equal(writer.put(n, new Uint8Array(1024), metrics), true);
  assert.deepEqual(
    drained(reader).map(([taskId]) => taskId),
    [n],
  );
});

test('over many rounds of the memory, of all sizes, however full it is, nothing is lost', () => {
  const { writer, reader } = ring();
  const bytesOf = (id: number): Uint8Array => new Uint8Array((id * 37) % 1025).fill(id);
  let put = 0;
  let taken = 0;
  for (let round = 0; round < 400; round++) {
    for (let k = 0; k < 1 + ((round * 13) % 90) && writer.put(put, bytesOf(put), metrics); k++) put++;
    reader.drain((taskId, bytes) => {
      assert.equal(taskId, taken);
      assert.deepEqual(bytes, bytesOf(taken));
      taken++;
    });
  }
  assert.equal(taken, put);
  assert.ok(put > 5000, `${put}`);
});

/** Puts numbered results as fast as it can, waiting where there is no room; says that there is something when it must. */
const SLOT = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads';
    import { ResultWriter } from '${new URL('../../src/executor/result-ring.js', import.meta.url)}';
    const writer = new ResultWriter(workerData.memory);
    for (let id = 0; id < workerData.n; id++) {
      while (!writer.put(id, new Uint8Array(id % 100).fill(id), workerData.metrics));
      if (writer.mustTell()) parentPort.postMessage(null);
    }
  `)}`,
);

test('what another thread puts arrives whole, and all of it by being told alone', async () => {
  const n = 20_000;
  const memory = new SharedArrayBuffer(RESULT_RING_BYTES);
  const reader = new ResultReader(memory);
  const worker = new Worker(SLOT, { workerData: { memory, n, metrics } });
  let taken = 0;
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', () => {
      reader.drain((taskId, bytes) => {
        assert.equal(taskId, taken);
        assert.deepEqual(bytes, new Uint8Array(taskId % 100).fill(taskId));
        taken++;
      });
      if (taken === n) resolve();
    });
  });
  await worker.terminate();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroupTable } from '../../src/shuffle/group-table.ts';
import { estimateBytes } from '../../src/shuffle/size-estimator.ts';
import { SpillFile } from '../../src/shuffle/spill-file.ts';
import { newEnv } from './kit.ts';

const text = (i: number): string => String(i).padEnd(2000, 'x');
const MIB = 1 << 20;

for (const sides of [1, 2])
  test(`the values of a key that is much larger than the others go to disk in rows below a mebibyte, of ${sides} sides`, (t) => {
    const env = newEnv(t);
    const table = new GroupTable(env.memory, 'test', sides);
    const n = 5000;
    for (let side = 0; side < sides; side++) {
      const all = Array.from({ length: n }, (_, i) => i);
      table.add(side, { keys: all.map((i) => (i % 10 === 0 ? i : 'hot')), values: all.map((i) => text(i + side)) });
    }
    const file = new SpillFile(env);
    const buckets = new Int32Array(table.size);
    const [start = 0, end = 0] = table.write(file.output, env.encoder, buckets, 1);
    const back = new GroupTable(env.memory, 'test', sides);
    const blocks = file.read(start, end);
    let rows = 0;
    for (let block = blocks.next(); block !== null; block = blocks.next()) {
      for (const row of block.values) assert.ok(estimateBytes(row) < MIB, String(estimateBytes(row)));
      rows += block.keys.length;
      back.merge(block);
    }
    blocks.close();
    assert.ok(rows > table.size + 10, `${rows} rows of ${table.size} keys`);
    const results = back.results();
    let keys = 0;
    for (let block = results.next(); block !== null; block = results.next())
      for (const [i, key] of block.keys.entries()) {
        keys++;
        for (const [side, { values, starts }] of block.sides.entries()) {
          const wanted = Array.from({ length: n }, (_, v) => v).filter((v) => (v % 10 === 0 ? v : 'hot') === key);
          assert.deepEqual(
            values.slice(starts[i], starts[i + 1]),
            wanted.map((v) => text(v + side)),
          );
        }
      }
    assert.equal(keys, 501);
    results.close();
    file.close();
  });

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFairSchedulerFile } from '../../src/scheduler/fair-scheduler-file.ts';

const parse = (text: string) => parseFairSchedulerFile(text, 'pools.xml');

test('pools are read with their mode, weight and minimum share', () => {
  const { pools, warnings } = parse(`<?xml version="1.0"?>
    <!-- <pool name="not this one"/> -->
    <allocations>
      <pool name="production">
        <schedulingMode>FAIR</schedulingMode>
        <weight>2</weight>
        <minShare>3</minShare>
      </pool>
      <pool name='a &amp; b'><schedulingMode>FIFO</schedulingMode></pool>
      <pool name="empty"/>
    </allocations>`);
  assert.deepEqual(pools, [
    { name: 'production', schedulingMode: 'FAIR', weight: 2, minShare: 3 },
    { name: 'a & b', schedulingMode: 'FIFO', weight: 1, minShare: 0 },
    { name: 'empty', schedulingMode: 'FIFO', weight: 1, minShare: 0 },
  ]);
  assert.deepEqual(warnings, []);
});

test('padded and lower-case values are accepted', () => {
  const { pools, warnings } = parse(
    '<allocations><pool name=" p "><schedulingMode> fair\n</schedulingMode><weight> 5 </weight></pool></allocations>',
  );
  assert.deepEqual(pools, [{ name: 'p', schedulingMode: 'FAIR', weight: 5, minShare: 0 }]);
  assert.deepEqual(warnings, []);
});

test('blank and invalid values have their defaults, with a warning each', () => {
  const { pools, warnings } = parse(`<allocations><pool name="p">
    <schedulingMode>LIFO</schedulingMode><weight></weight><minShare>many</minShare></pool></allocations>`);
  assert.deepEqual(pools, [{ name: 'p', schedulingMode: 'FIFO', weight: 1, minShare: 0 }]);
  assert.equal(warnings.length, 3);
  assert.match(warnings[0] ?? '', /Unsupported schedulingMode: LIFO .* pools.xml.* FIFO for pool: p$/);
  assert.match(warnings[2] ?? '', /minShare is blank or invalid: many, using the default minShare: 0 for pool: p$/);
});

test('a weight of zero would be a division by zero, and a pool without a name cannot be asked for', () => {
  const { pools, warnings } = parse('<a><pool name="p"><weight>0</weight></pool><pool><weight>2</weight></pool></a>');
  assert.deepEqual(pools, [{ name: 'p', schedulingMode: 'FIFO', weight: 1, minShare: 0 }]);
  assert.equal(warnings.length, 2);
});

test('the last of two pools of one name counts', () => {
  const { pools, warnings } = parse('<a><pool name="p"/><pool name="p"><weight>2</weight></pool></a>');
  assert.deepEqual(
    pools.map((p) => p.weight),
    [2],
  );
  assert.match(warnings[0] ?? '', /twice/);
});

test('what is not XML is an error that names the file', () => {
  for (const text of ['', 'hello', '<a>', '<a></b>', '</a>', '<a><pool name="p"></a>', '<a', '<a name="x>'])
    assert.throws(() => parse(text), /^IllegalArgumentError: pools.xml is not a fair scheduler file/, text);
});

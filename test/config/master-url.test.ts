import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMasterUrl } from '../../src/config/master-url.ts';

test('local masters say slots and failures', () => {
  const local = (numSlots: number, maxTaskFailures = 1) => ({ kind: 'local', numSlots, maxTaskFailures });
  assert.deepEqual(parseMasterUrl('local', 8), local(1));
  assert.deepEqual(parseMasterUrl('local[3]', 8), local(3));
  assert.deepEqual(parseMasterUrl('local[*]', 8), local(8));
  assert.deepEqual(parseMasterUrl('local[2,4]', 8), local(2, 4));
  assert.deepEqual(parseMasterUrl('local[*,4]', 8), local(8, 4));
  assert.deepEqual(parseMasterUrl(' local[ 2 , 4 ] ', 8), local(2, 4));
});

test('masters of clusters are recognised', () => {
  assert.deepEqual(parseMasterUrl('local-cluster[2, 1, 1024]'), {
    kind: 'local-cluster',
    numWorkers: 2,
    coresPerWorker: 1,
    memoryMibPerWorker: 1024,
  });
  assert.deepEqual(parseMasterUrl('spark://a:7077,b:7078'), {
    kind: 'standalone',
    masters: ['spark://a:7077', 'spark://b:7078'],
  });
  assert.deepEqual(parseMasterUrl('yarn'), { kind: 'yarn' });
  assert.deepEqual(parseMasterUrl('mesos://zk://h:1/m'), { kind: 'mesos', url: 'mesos://zk://h:1/m' });
  assert.deepEqual(parseMasterUrl('k8s://https://h:6443'), { kind: 'k8s', url: 'k8s://https://h:6443' });
});

test('no slots are refused in the words of Spark', () => {
  assert.throws(
    () => parseMasterUrl('local[0]'),
    /^IllegalArgumentError: Asked to run locally with 0 threads in master 'local\[0\]'; use local\[1\] or more/,
  );
  assert.throws(() => parseMasterUrl('local[-2]'), /Asked to run locally with -2 threads in master 'local\[-2\]'/);
  assert.throws(() => parseMasterUrl('local[2,0]'), /0 allowed task failures/);
});

test('anything else is refused with the known forms', () => {
  for (const url of [
    '',
    'Local',
    'local[]',
    'local[a]',
    'local[2',
    'local[1.5]',
    'local[2,*]',
    'spark://h',
    'spark://h:0',
    'spark://h:65536',
    'spark://h:7077,spark://i:7077',
    'yarn-client',
    'spark://',
  ]) {
    assert.throws(
      () => parseMasterUrl(url),
      (error: Error) => {
        assert.ok(error.message.startsWith(`Could not parse Master URL: '${url}'. Known forms: local, local[N]`));
        return true;
      },
      url,
    );
  }
});

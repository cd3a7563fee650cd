import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkRequestsAreMet,
  parseDiscovered,
  parseResourcesFile,
  resourceRequests,
} from '../../src/config/custom-resources.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';

const requests = (values: Record<string, string>) => resourceRequests(new SparkConf(values), 'spark.worker');

test('settings ask for resources by name, each with an amount', () => {
  const values = {
    'spark.worker.resource.gpu.amount': '2',
    'spark.worker.resource.gpu.discoveryScript': '/find',
    'spark.worker.resource.fpga.amount': '1',
    'spark.worker.resource.none.amount': '0',
    'spark.executor.resource.gpu.amount': '9',
  };
  assert.deepEqual(requests(values), [
    { name: 'fpga', amount: 1, discoveryScript: null },
    { name: 'gpu', amount: 2, discoveryScript: '/find' },
  ]);
  assert.throws(
    () => requests({ 'spark.worker.resource.gpu.discoveryScript': '/find' }),
    /You must specify an amount for gpu: set spark\.worker\.resource\.gpu\.amount/,
  );
  assert.throws(
    () => requests({ 'spark.worker.resource.gpu': '1' }),
    /You must specify an amount config for resource: gpu/,
  );
  for (const amount of ['-1', '0.5', 'two', ''])
    assert.throws(() => requests({ 'spark.worker.resource.gpu.amount': amount }), /has to be a whole number/);
});

test('a script says which addresses there are', () => {
  const read = (text: string) => parseDiscovered(text, 'gpu', '/find');
  assert.deepEqual(read('{"name":"gpu","addresses":["0","1"]}\n'), ['0', '1']);
  for (const text of [
    '',
    'gpu',
    '[]',
    'null',
    '{"name":"gpu"}',
    '{"name":"gpu","addresses":[0]}',
    '{"addresses":["0"]}',
  ])
    assert.throws(
      () => read(text),
      /^IskraError: Error parsing JSON into ResourceInformation:\n[\s\S]*Here is a correct example: \{"name":"gpu","addresses":\["0","1"\]\}\.$/,
    );
  assert.throws(
    () => read('{"name":"fpga","addresses":[]}'),
    /script \/find: script returned resource name fpga and we were expecting gpu\./,
  );
  assert.throws(() => read('{"name":"gpu","addresses":["7","7"]}'), /\/find names address 7 of resource gpu twice/);
});

test('a file says what each owner has', () => {
  const read = (text: string) => parseResourcesFile(text, '/r.json', 'spark.worker');
  const entry = (componentName: string, resourceName: string, ...addresses: string[]) => ({
    id: { componentName, resourceName },
    addresses,
  });
  const text = JSON.stringify([
    entry('spark.worker', 'gpu', '0', '1'),
    entry('spark.driver', 'gpu', '2'),
    entry('spark.worker', 'fpga', 'f'),
  ]);
  assert.deepEqual(read(text), { gpu: ['0', '1'], fpga: ['f'] });
  assert.deepEqual(read('[]'), {});
  for (const wrong of ['', '{}', '[1]', '[null]', '[{"id":{}}]', '[{"id":{"componentName":"a","resourceName":"b"}}]'])
    assert.throws(
      () => read(wrong),
      /^IskraError: Error parsing resources file \/r\.json: it has to be a list such as/,
    );
  const twice = JSON.stringify([entry('spark.worker', 'gpu', '0'), entry('spark.worker', 'gpu', '1')]);
  assert.throws(() => read(twice), /names gpu of spark\.worker twice/);
});

test('a request that is not met is named with what there is', () => {
  const wanted = [{ name: 'gpu', amount: 2, discoveryScript: null }];
  checkRequestsAreMet(wanted, { gpu: ['0', '1', '2'] });
  assert.throws(
    () => checkRequestsAreMet(wanted, { gpu: ['0'] }),
    /Resource: gpu, with addresses: 0 is less than what the user requested: 2/,
  );
  assert.throws(
    () => checkRequestsAreMet([{ ...wanted[0], name: 'toString' } as never], {}),
    /with addresses: {2}is less/,
  );
});

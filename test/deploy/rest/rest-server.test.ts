import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { checkRestSettings, startRestServer } from '../../../src/deploy/rest/rest-server.ts';
import { sharedSecret } from '../../../src/rpc/security.ts';
import type { AskTheMaster } from '../../../src/ui/master/master-web-ui.ts';
import { OPEN } from '../../kit/rpc.ts';

const ask = (async () => ({
  success: true,
  driverId: 'driver-1',
  message: 'fine',
  ready: true,
})) as unknown as AskTheMaster;

function start(values: Record<string, string>, host = '127.0.0.1') {
  return startRestServer({
    conf: new SparkConf({ 'spark.master.rest.port': '0', ...values }),
    host,
    masterUrl: 'spark://127.0.0.1:7077',
    security: values['spark.authenticate'] === 'true' ? sharedSecret('secret') : OPEN,
    ask,
    log: silentLogger,
  });
}

test('there is no gateway unless it is asked for', async () => {
  assert.equal(await start({}), null);
});

test('a gateway is refused where secrets are asked for, since it asks for none', async () => {
  const values = {
    'spark.master.rest.enabled': 'true',
    'spark.authenticate': 'true',
    'spark.authenticate.secret': 'x',
  };
  assert.throws(() => checkRestSettings(new SparkConf(values)), /does not support authentication/);
  await assert.rejects(start(values), /does not support authentication/);
});

test('a gateway is refused where other hosts would reach it', async () => {
  await assert.rejects(
    start({ 'spark.master.rest.enabled': 'true' }, '0.0.0.0'),
    /'REST-Server' would listen on 0.0.0.0/,
  );
});

test('a gateway answers over HTTP, errors of its server included', async () => {
  const server = await start({ 'spark.master.rest.enabled': 'true' });
  assert.ok(server !== null);
  try {
    const base = `http://127.0.0.1:${server.port}`;
    const post = async (path: string, body: string) => {
      const response = await fetch(base + path, { method: 'POST', body });
      return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
    };
    assert.equal(server.url, `spark://127.0.0.1:${server.port}`);
    assert.equal((await post('/v1/submissions/kill/driver-1', '')).status, 200);
    assert.equal((await post('/v1/submissions/create', 'no JSON')).status, 400);
    assert.equal((await post('/v3/submissions/create', '{}')).status, 468);
    const large = await post('/v1/submissions/create', 'x'.repeat(1024 * 1024 + 1));
    assert.deepEqual([large.status, large.answer['action']], [413, 'ErrorResponse']);
  } finally {
    await server.stop();
  }
});

test('a gateway is behind the filters that its setting names', async () => {
  const name = 'org.apache.spark.ui.JWSFilter';
  const values = { 'spark.master.rest.enabled': 'true', 'spark.master.rest.filters': name };
  await assert.rejects(start(values), /JWSFilter\.param\.secretKey is not set/);
  const server = await start({ ...values, [`spark.${name}.param.secretKey`]: 'A'.repeat(43) });
  assert.ok(server !== null);
  try {
    const answer = await fetch(`http://127.0.0.1:${server.port}/v1/submissions/readyz`);
    assert.deepEqual([answer.status, await answer.text()], [403, 'Authorization header is missing.\n']);
  } finally {
    await server.stop();
  }
});

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { restGateway } from '../../../src/deploy/rest/rest-client.ts';
import { recordingLogger } from '../../kit/rpc.ts';

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

/** Runs with gateways that answer with these texts; `null` is nobody there. */
async function withGateways(
  answers: readonly (string | null)[],
  body: (gateway: ReturnType<typeof restGateway>, asked: Asked[], warnings: string[]) => Promise<void>,
): Promise<void> {
  const asked: Asked[] = [];
  const servers = answers.map((answer) =>
    createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      request.on('end', () => {
        asked.push({ method: request.method, url: request.url, body: text });
        response.end(answer);
      });
    }),
  );
  const masters: string[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    masters.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  const warnings: string[] = [];
  const close = (i: number): Promise<void> =>
    new Promise((resolve) => {
      servers[i]?.close(() => resolve());
      servers[i]?.closeAllConnections();
    });
  try {
    for (const [i, answer] of answers.entries()) if (answer === null) await close(i);
    await body(restGateway(masters, recordingLogger(warnings)), asked, warnings);
  } finally {
    for (const i of servers.keys()) await close(i);
  }
}

const REQUEST = {
  appResource: 'file:/job.ts',
  mainClass: 'job.ts',
  args: ['1'],
  properties: { 'spark.app.name': 'job' },
  environment: { SPARK_USER: 'ann' },
};
const taken = JSON.stringify({
  action: 'CreateSubmissionResponse',
  success: true,
  submissionId: 'driver-1',
  message: 'Driver successfully submitted as driver-1',
  unknownFields: ['x'],
});
const refused = JSON.stringify({ action: 'CreateSubmissionResponse', success: false, message: 'STANDBY' });

test('gateways are tried in turn until one takes the submission', () =>
  withGateways([null, refused, taken, taken], async (gateway, asked, warnings) => {
    const { success, driverId } = await gateway.submit(REQUEST);
    assert.deepEqual([success, driverId], [true, 'driver-1']);
    assert.deepEqual(
      asked.map(({ method, url }) => [method, url]),
      [
        ['POST', '/v1/submissions/create'],
        ['POST', '/v1/submissions/create'],
      ],
    );
    assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), {
      action: 'CreateSubmissionRequest',
      clientSparkVersion: JSON.parse(asked[0]?.body ?? '').clientSparkVersion,
      appResource: 'file:/job.ts',
      mainClass: 'job.ts',
      appArgs: ['1'],
      sparkProperties: { 'spark.app.name': 'job' },
      environmentVariables: { SPARK_USER: 'ann' },
    });
    assert.match(warnings[0] ?? '', /^Unable to connect to server spark:\/\/127.0.0.1:\d+\.$/);
    assert.equal(warnings[1], 'The server does not know the fields x');
  }));

test('a refusal counts when nobody takes it', () =>
  withGateways([refused, null], async (gateway) => {
    assert.deepEqual(await gateway.submit(REQUEST), { success: false, driverId: null, message: 'STANDBY' });
  }));

test('nobody there is an error of the connection', () =>
  withGateways([null, null], async (gateway) => {
    await assert.rejects(gateway.kill('driver-1'), {
      code: 'REST_CONNECTION',
      message: /^Unable to connect to server/,
    });
  }));

test('ids and states come back as the server has them', () =>
  withGateways(
    [
      JSON.stringify({
        action: 'SubmissionStatusResponse',
        success: true,
        driverState: 'ERROR',
        workerId: 'w',
        workerHostPort: 'h:1',
        message: 'Exception from the cluster:\nno file',
      }),
    ],
    async (gateway, asked) => {
      assert.deepEqual(await gateway.status('a/../b'), {
        found: true,
        state: 'ERROR',
        workerId: 'w',
        workerHostPort: 'h:1',
        workerWebUiUrl: null,
        exception: 'no file',
      });
      assert.equal(asked[0]?.url, '/v1/submissions/status/a%2F..%2Fb');
    },
  ));

test('what is not the protocol is an error that says so', async () => {
  const table: [answer: string, message: RegExp][] = [
    ['', /^Server returned empty body/],
    ['<html>', /^Malformed response received from server: .* answered with status 200 and "<html>"$/],
    ['null', /unexpected type none\.$/],
    ['{"action":"KillSubmissionResponse","success":true}', /unexpected type KillSubmissionResponse\.$/],
    ['{"action":"CreateSubmissionResponse"}', /'success' is missing/],
    ['{"action":"ErrorResponse","message":"bad"}', /^Server responded with error:\nbad$/],
    [
      '{"action":"ErrorResponse","message":"bad","highestProtocolVersion":"v2"}',
      /^Server responded with error:\nbad \(it speaks protocol version v2, this is v1\)$/,
    ],
  ];
  for (const [answer, message] of table)
    await withGateways([answer], async (gateway) => {
      await assert.rejects(gateway.submit(REQUEST), { code: 'REST_PROTOCOL', message }, answer);
    });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VERSION } from '../../../src/base/version.ts';
import { submitterEnvironment } from '../../../src/deploy/rest/driver-description.ts';
import { answerRest } from '../../../src/deploy/rest/rest-handler.ts';
import type { DriverDescription } from '../../../src/protocol/deploy-description.ts';
import type { AskTheMaster } from '../../../src/ui/master/master-web-ui.ts';
import { request } from '../../kit/http.ts';
import { recordingLogger } from '../../kit/rpc.ts';

const SUBMISSION = {
  action: 'CreateSubmissionRequest',
  clientSparkVersion: '4.0.0',
  appResource: 'file:/shared/job.ts',
  mainClass: 'job.ts',
  appArgs: ['a', 'b c'],
  sparkProperties: { 'spark.app.name': 'job', 'spark.master': 'spark://m1:6066,m2:6066' },
  environmentVariables: {},
};

/** A gateway over a master that knows driver-1, which has failed, and nothing else. */
function gateway(answers: Readonly<Record<string, unknown>> = {}) {
  const asked: { type: string; request: unknown }[] = [];
  const log: string[] = [];
  const ask = (async (type: string, request: unknown) => {
    asked.push({ type, request });
    if (type in answers) {
      const answer = answers[type];
      if (answer instanceof Error) throw answer;
      return answer;
    }
    const { driverId } = (request ?? {}) as { driverId?: string };
    switch (type) {
      case 'RequestSubmitDriver':
        return { success: true, driverId: 'driver-1', message: 'Driver successfully submitted as driver-1' };
      case 'RequestKillDriver':
        return { driverId, success: true, message: `Kill request for ${driverId} submitted` };
      case 'RequestKillAllDrivers':
        return { success: true, message: 'Kill request for all drivers submitted' };
      case 'RequestDriverStatus':
        return driverId === 'driver-1'
          ? {
              found: true,
              state: 'ERROR',
              workerId: 'worker-a',
              workerHostPort: 'host-a:7000',
              workerWebUiUrl: 'http://host-a:8081',
              exception: 'no file',
            }
          : { found: false, state: null, workerId: null, workerHostPort: null, workerWebUiUrl: null, exception: null };
      case 'RequestClearCompletedDriversAndApps':
        return { success: true, message: '' };
      default:
        return { ready: true };
    }
  }) as AskTheMaster;
  const env = { REGION: 'north', EMPTY: '' };
  const master = { ask, masterUrl: 'spark://m1:7077', restPort: 6066, env };
  const send = async (method: string, path: string, body: unknown = '') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const {
      status,
      body: answer,
      headers,
    } = await answerRest(request(method, path, { body: text }), master, recordingLogger(log));
    assert.match(headers['content-type'] ?? '', /^application\/json/);
    return { status, answer: JSON.parse(answer) as Record<string, unknown>, text: answer };
  };
  const submit = async (more: object = {}) => {
    const response = await send('POST', '/v1/submissions/create', { ...SUBMISSION, ...more });
    const { driver } = (asked.at(-1)?.request ?? {}) as { driver: DriverDescription };
    return { ...response, driver };
  };
  return { asked, log, send, submit };
}

describe('a submission over HTTP', () => {
  test('becomes a driver of the master', async () => {
    const { submit } = gateway();
    const { status, answer, driver, text } = await submit({
      sparkProperties: {
        ...SUBMISSION.sparkProperties,
        'spark.driver.memory': '2g',
        'spark.driver.cores': '3',
        'spark.driver.supervise': 'true',
        'spark.driver.host': 'laptop',
        'spark.authenticate.secret': 'hidden',
        'spark.driver.resource.gpu.amount': '2',
      },
      environmentVariables: {
        SPARK_USER: 'ann',
        SPARK_HOME: '/opt/spark',
        SPARK_CONF_DIR: '/c',
        SPARK_LOCAL_IP: '1.2.3.4',
        SPARK_LOCAL_HOSTNAME: 'laptop',
        SPARK_LOCAL_DIRS: '/disk1',
        CA_BUNDLE: '/etc/ca.pem',
        ISKRA_HOME: '/x',
        _SPARK_AUTH_SECRET: 'hidden',
      },
    });
    assert.equal(status, 200);
    assert.deepEqual(answer, {
      action: 'CreateSubmissionResponse',
      message: 'Driver successfully submitted as driver-1',
      serverSparkVersion: VERSION,
      submissionId: 'driver-1',
      success: true,
    });
    assert.deepEqual(Object.keys(answer), Object.keys(answer).sort());
    assert.ok(!text.includes('hidden'));
    const { environment, ...command } = driver.command;
    assert.deepEqual(
      { ...driver, command },
      {
        appResource: 'file:/shared/job.ts',
        memory: 2048,
        cores: 3,
        supervise: true,
        command: {
          mainClass: 'DriverWrapper',
          arguments: ['{{WORKER_URL}}', '{{USER_JAR}}', 'job.ts', 'a', 'b c'],
          nodeOptions: ['--max-old-space-size=2048'],
        },
        resources: { gpu: 2 },
      },
    );
    const { ISKRA_DRIVER_CONF: settings = '', ...sent } = environment;
    assert.deepEqual(sent, {
      CA_BUNDLE: '/etc/ca.pem',
      SPARK_CONF_DIR: '/c',
      SPARK_HOME: '/opt/spark',
      SPARK_LOCAL_DIRS: '/disk1',
      SPARK_USER: 'ann',
    });
    assert.deepEqual(JSON.parse(settings), {
      'spark.app.name': 'job',
      'spark.master': 'spark://m1:7077,m2:7077',
      'spark.driver.memory': '2g',
      'spark.driver.cores': '3',
      'spark.driver.supervise': 'true',
      'spark.driver.resource.gpu.amount': '2',
    });
  });

  test('leaves what its submitter says of its own machine behind before it is sent', () => {
    const of = { SPARK_HOME: '/opt', SPARK_CONF_DIR: '/c', SPARK_ENV_LOADED: '1', SPARK_LOCAL_IP: '1.2.3.4' };
    const more = { SPARK_LOCAL_HOSTNAME: 'laptop', HOME: '/root', ISKRA_HOME: '/x', SPARK_GONE: undefined };
    const taken = { SPARK_USER: 'ann', SPARK_LOCAL_DIRS: '/disk1', SPARK_PUBLIC_DNS: 'me' };
    assert.deepEqual(submitterEnvironment({ ...of, ...more, ...taken }), taken);
  });

  test('may name variables of the master', async () => {
    const { driver } = await gateway().submit({
      sparkProperties: {
        'spark.app.name': 'x',
        'spark.a': '{{REGION}}',
        'spark.b': 'in {{REGION}}',
        'spark.c': '{{NONE}}',
      },
      environmentVariables: { AWS_REGION: '{{REGION}}', A: '{{EMPTY}}', B: '{{constructor}}' },
    });
    const { ISKRA_DRIVER_CONF: conf = '', ...environment } = driver.command.environment;
    assert.deepEqual(environment, { AWS_REGION: 'north', A: '', B: '{{constructor}}' });
    const { 'spark.a': a, 'spark.b': b, 'spark.c': c } = JSON.parse(conf) as Record<string, string>;
    assert.deepEqual([a, b, c], ['north', 'in {{REGION}}', '{{NONE}}']);
  });

  test('without a master in it is for the one that took it', async () => {
    const { driver } = await gateway().submit({ sparkProperties: { 'spark.app.name': 'x' } });
    assert.equal(JSON.parse(driver.command.environment['ISKRA_DRIVER_CONF'] ?? '')['spark.master'], 'spark://m1:7077');
    assert.deepEqual([driver.memory, driver.cores, driver.supervise], [1024, 1, false]);
  });

  test('hears which of its fields nobody knows', async () => {
    const { answer } = await gateway().submit({ tomato: 1, 'not-me': null });
    assert.deepEqual(answer['unknownFields'], ['tomato', 'not-me']);
  });

  test('is told when the master does not take it', async () => {
    const message = 'Current state is not alive: STANDBY. Can only accept driver submissions in ALIVE state.';
    const { status, answer } = await gateway({
      RequestSubmitDriver: { success: false, driverId: null, message },
    }).submit();
    assert.deepEqual([status, answer['success'], answer['message']], [200, false, message]);
    assert.ok(!('submissionId' in answer));
  });

  test('that is malformed is answered by 400 and what is wrong, and asks the master nothing', async () => {
    const { send, asked } = gateway();
    const properties = (more: object) => ({ sparkProperties: { ...SUBMISSION.sparkProperties, ...more } });
    const table: [body: unknown, message: string | RegExp][] = [
      ['', 'the request has no body: send a CreateSubmissionRequest as JSON'],
      ['  ', 'the request has no body: send a CreateSubmissionRequest as JSON'],
      ['{ "action": sec', /^the body is not JSON: Unexpected token/],
      ['[]', 'the body is not an object: send a CreateSubmissionRequest as JSON'],
      ['null', 'the body is not an object: send a CreateSubmissionRequest as JSON'],
      [{ ...SUBMISSION, action: undefined, 'act-ion': 'x' }, 'Action field not found in JSON'],
      [{ action: 'Nonsense' }, 'Unknown action "Nonsense": submit with "CreateSubmissionRequest"'],
      [{ action: 'KillSubmissionRequest' }, 'Received message of unexpected type "KillSubmissionRequest".'],
      [{ ...SUBMISSION, appResource: undefined }, 'Application jar is missing.'],
      [{ ...SUBMISSION, mainClass: null }, 'Main class is missing.'],
      [{ ...SUBMISSION, sparkProperties: undefined }, 'No Spark properties set!'],
      [{ ...SUBMISSION, sparkProperties: {} }, "'spark.app.name' is missing in message CreateSubmissionRequest."],
      [{ ...SUBMISSION, appArgs: undefined }, "'appArgs' is missing in message CreateSubmissionRequest."],
      [
        { ...SUBMISSION, environmentVariables: { 'A=B': 'x' } },
        /'environmentVariables' has "A=B", which no process can have/,
      ],
      [
        { ...SUBMISSION, environmentVariables: { A: 'x\u0000' } },
        /'environmentVariables' has "A", which no process can have/,
      ],
      [
        { ...SUBMISSION, environmentVariables: undefined },
        "'environmentVariables' is missing in message CreateSubmissionRequest.",
      ],
      [{ ...SUBMISSION, appArgs: 'a' }, "'appArgs' must be a list of texts."],
      [{ ...SUBMISSION, appArgs: [{}] }, "'appArgs' must be text in message CreateSubmissionRequest."],
      [{ ...SUBMISSION, sparkProperties: [] }, "'sparkProperties' must be an object of texts."],
      [
        { ...SUBMISSION, ...properties({ 'spark.driver.cores': 'ten' }) },
        "Property 'spark.driver.cores' expected numeric value: actual was 'ten'.",
      ],
      [
        { ...SUBMISSION, ...properties({ 'spark.driver.memory': 'lots' }) },
        "Property 'spark.driver.memory' expected memory value: actual was 'lots'.",
      ],
      [
        { ...SUBMISSION, ...properties({ 'spark.driver.supervise': 'maybe' }) },
        "Property 'spark.driver.supervise' expected boolean value: actual was 'maybe'.",
      ],
      [{ ...SUBMISSION, ...properties({ 'spark.driver.cores': '0' }) }, /^'0' in spark.driver.cores is invalid/],
      [{ ...SUBMISSION, ...properties({ 'spark.driver.resource.gpu.amount': 'x' }) }, /gpu.amount should be int/],
      [{ ...SUBMISSION, ...properties({ 'spark.big': 'x'.repeat(130_000) }) }, /put what is large into a file$/],
    ];
    for (const [body, message] of table) {
      const { status, answer } = await send('POST', '/v1/submissions/create', body);
      assert.deepEqual([status, answer['action']], [400, 'ErrorResponse'], JSON.stringify(body));
      const text = String(answer['message']);
      assert.ok(text.startsWith('Malformed request: '), text);
      const rest = text.slice('Malformed request: '.length);
      if (typeof message === 'string') assert.equal(rest, message);
      else assert.match(rest, message);
      assert.ok(!('highestProtocolVersion' in answer));
      assert.ok(!text.includes('sec'), 'nothing of a body that is not JSON comes back');
    }
    assert.deepEqual(asked, []);
  });
});

describe('a driver over HTTP', () => {
  test('is killed', async () => {
    const { send } = gateway();
    for (const path of ['/v1/submissions/kill/driver-1', '/v1/submissions/kill/driver-1/and/more/']) {
      const { status, answer } = await send('POST', path);
      assert.equal(status, 200);
      assert.deepEqual(answer, {
        action: 'KillSubmissionResponse',
        message: 'Kill request for driver-1 submitted',
        serverSparkVersion: VERSION,
        submissionId: 'driver-1',
        success: true,
      });
    }
  });

  test('tells its state, and what went wrong', async () => {
    const { send } = gateway();
    assert.deepEqual((await send('GET', '/v1/submissions/status/driver-1')).answer, {
      action: 'SubmissionStatusResponse',
      driverState: 'ERROR',
      message: 'Exception from the cluster:\nno file',
      serverSparkVersion: VERSION,
      submissionId: 'driver-1',
      success: true,
      workerHostPort: 'host-a:7000',
      workerId: 'worker-a',
    });
    assert.deepEqual(
      await send('GET', '/v1/submissions/status/unheard').then(({ status, answer }) => [status, answer]),
      [
        200,
        { action: 'SubmissionStatusResponse', serverSparkVersion: VERSION, submissionId: 'unheard', success: false },
      ],
    );
  });

  test('has to be named', async () => {
    const { send } = gateway();
    for (const [method, path, message] of [
      ['POST', '/v1/submissions/kill', 'Submission ID is missing in kill request.'],
      ['POST', '/v1/submissions/kill/', 'Submission ID is missing in kill request.'],
      ['GET', '/v1/submissions/status', 'Submission ID is missing in status request.'],
      ['GET', '/v1/submissions/status//', 'Submission ID is missing in status request.'],
    ] as const) {
      const { status, answer } = await send(method, path);
      assert.deepEqual([status, answer['message']], [400, message], path);
    }
  });

  test('goes with all others', async () => {
    const { send } = gateway();
    const killed = await send('POST', '/v1/submissions/killall');
    assert.deepEqual([killed.status, killed.answer['action']], [200, 'KillAllSubmissionResponse']);
    const cleared = await send('POST', '/v1/submissions/clear');
    assert.deepEqual([cleared.status, cleared.answer['action']], [200, 'ClearResponse']);
  });
});

describe('the gateway', () => {
  test('is ready when its master is', async () => {
    assert.equal((await gateway().send('GET', '/v1/submissions/readyz')).answer['action'], 'ReadyzResponse');
    const { status, answer } = await gateway({ RequestReadyz: { ready: false } }).send('GET', '/v1/submissions/readyz');
    assert.deepEqual([status, answer['action'], answer['message']], [503, 'ErrorResponse', 'Master is not ready.']);
  });

  test('says what is wrong with a path', async () => {
    const { send } = gateway();
    const hint = ' Please submit requests through http://[host]:[port]/v1/submissions/...';
    const table: [path: string, status: number, message: string][] = [
      ['/', 400, 'Missing protocol version.'],
      ['/v1', 400, 'Missing the /submissions prefix.'],
      ['/v1/', 400, 'Missing the /submissions prefix.'],
      ['/v1/other', 400, 'Missing the /submissions prefix.'],
      ['/v1/submissions', 400, 'Missing an action: please specify one of /create, /kill, or /status.'],
      ['/v1/submissions/bad', 400, 'Missing an action: please specify one of /create, /kill, or /status.'],
      ['/v2/submissions/create', 468, "Unknown protocol version 'v2'."],
      ['/submissions', 468, "Unknown protocol version 'submissions'."],
    ];
    for (const [path, status, message] of table)
      for (const method of ['GET', 'POST', 'DELETE']) {
        const found = await send(method, path);
        assert.deepEqual([found.status, found.answer['message']], [status, message + hint], `${method} ${path}`);
        assert.equal(found.answer['highestProtocolVersion'], status === 468 ? 'v1' : undefined);
      }
  });

  test('takes each request by its own method alone', async () => {
    const { send, asked } = gateway();
    for (const [method, path] of [
      ['GET', '/v1/submissions/create'],
      ['GET', '/v1/submissions/kill/driver-1'],
      ['GET', '/v1/submissions/killall'],
      ['POST', '/v1/submissions/status/driver-1'],
    ] as const)
      assert.equal((await send(method, path)).status, 405, path);
    assert.deepEqual(asked, []);
  });

  test('keeps its own failures to itself and its log', async () => {
    const { send, log } = gateway({ RequestKillDriver: new Error('the secret place') });
    const { status, text } = await send('POST', '/v1/submissions/kill/driver-1');
    assert.equal(status, 500);
    assert.ok(!text.includes('secret place'));
    assert.ok(log[0]?.includes('the secret place'));
  });
});

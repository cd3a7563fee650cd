import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logUrlsOf, readExecutorArguments } from '../../src/executor/executor-arguments.ts';

const GOOD = [
  ...['--driver-url', 'spark://CoarseGrainedScheduler@d:7001', '--executor-id', '3', '--hostname', 'h'],
  ...['--cores', '2', '--app-id', 'app-1'],
];
const without = (name: string): string[] => {
  const at = GOOD.indexOf(name);
  return GOOD.filter((_, i) => i !== at && i !== at + 1);
};
const wrong = (argv: readonly string[]): string => {
  const read = readExecutorArguments(argv);
  return read.kind === 'wrong' ? read.message : 'it is good';
};

test('an executor reads what it is told', () => {
  const few = readExecutorArguments(GOOD);
  assert.deepEqual(few.kind === 'good' && few.args, {
    driver: { host: 'd', port: 7001 },
    executorId: '3',
    host: 'h',
    bindAddress: null,
    cores: 2,
    applicationId: 'app-1',
    workerUrl: null,
    resourceProfileId: 0,
    resourcesFile: null,
  });
  const more = ['--worker-url', 'spark://Worker@w:1', '--user-class-path', 'a', '--user-class-path', 'b'];
  const rest = ['--resourceProfileId', '4', '--resourcesFile', '/r', '--bind-address', '::1'];
  const all = readExecutorArguments([...GOOD, ...more, ...rest]);
  assert.ok(all.kind === 'good');
  const { workerUrl, resourceProfileId, resourcesFile, bindAddress } = all.args;
  assert.deepEqual([workerUrl, resourceProfileId, resourcesFile, bindAddress], ['spark://Worker@w:1', 4, '/r', '::1']);
});

test('an executor names what is missing, unknown or no number', () => {
  for (const name of ['--driver-url', '--executor-id', '--hostname', '--cores', '--app-id'])
    assert.equal(wrong(without(name)), `${name} is missing`);
  assert.equal(wrong([...GOOD, '--color', 'red', '--x']), 'Unrecognized options: --color red --x');
  assert.equal(wrong([...GOOD, 'red']), 'Unrecognized options: red');
  assert.equal(wrong([...GOOD, '--worker-url']), 'Unrecognized options: --worker-url');
  for (const cores of ['0', '-1', '1.5', 'two'])
    assert.equal(
      wrong([...without('--cores'), '--cores', cores]),
      `--cores ${cores} has to be a whole number of 1 or more`,
    );
  for (const url of [
    'spark://d:7001',
    'spark://Master@d:7001',
    'http://CoarseGrainedScheduler@d:1',
    'spark://CoarseGrainedScheduler@d',
  ])
    assert.match(
      wrong([...without('--driver-url'), '--driver-url', url]),
      /is not of the form spark:\/\/CoarseGrained/,
    );
  assert.match(wrong([...GOOD, '--resourceProfileId', '-2']), /^--resourceProfileId -2 has to be/);
});

test('log URLs are those variables that begin so, in lower case', () => {
  const environment = { SPARK_LOG_URL_STDOUT: 'http://w/out', SPARK_LOG_URL_STDERR: 'http://w/err', SPARK_LOG: 'x' };
  assert.deepEqual(logUrlsOf(environment), { stdout: 'http://w/out', stderr: 'http://w/err' });
});

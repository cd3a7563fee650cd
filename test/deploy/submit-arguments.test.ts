// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are written this way
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDefaultsFile, readProperties } from '../../src/deploy/submit/spark-defaults.ts';
import { prepareSubmission, type SubmitHost } from '../../src/deploy/submit/submit.ts';
import { parseSubmitArguments, UsageError } from '../../src/deploy/submit/submit-arguments.ts';
import { optionLines } from '../../src/deploy/submit/submit-options.ts';

function run(...argv: string[]) {
  const request = parseSubmitArguments(argv);
  assert.equal(request.kind, 'run');
  return request as Extract<typeof request, { kind: 'run' }>;
}

test('options set keys, and everything behind the application is its own', () => {
  const request = run(
    ...['--master', 'local[2]', '--name=n', '-c', 'spark.a=1=2', '--conf', 'spark.b = x ', '-v'],
    ...['app.ts', '--master', 'x', '-c', '--help', ''],
  );
  assert.deepEqual(request.values, {
    'spark.a': '1=2',
    'spark.b': 'x',
    'spark.master': 'local[2]',
    'spark.app.name': 'n',
  });
  assert.equal(request.application, 'app.ts');
  assert.deepEqual(request.args, ['--master', 'x', '-c', '--help', '']);
  assert.equal(request.verbose, true);
});

test('an option wins over --conf for the same key', () => {
  assert.equal(run('--master', 'local', '-c', 'spark.master=yarn', 'a.ts').values['spark.master'], 'local');
});

test('sizes of executors and drivers become keys', () => {
  const { values } = run(
    ...['--driver-memory', '2g', '--executor-memory', '1g', '--executor-cores', '3', '--total-executor-cores', '6'],
    ...['--num-executors', '2', '--driver-cores', '1', '--queue', 'q', 'a.ts'],
  );
  assert.deepEqual(values, {
    'spark.driver.memory': '2g',
    'spark.executor.memory': '1g',
    'spark.executor.cores': '3',
    'spark.cores.max': '6',
    'spark.executor.instances': '2',
    'spark.driver.cores': '1',
    'spark.yarn.queue': 'q',
  });
});

test('options that only Spark has a use for are named and ignored', () => {
  const { warnings, values } = run(
    '--class',
    'org.x.Main',
    '--proxy-user',
    'x',
    '--jars',
    'a,b',
    '-c',
    'my.key=1',
    'a.ts',
  );
  assert.equal(warnings.length, 4);
  assert.match(warnings[0] ?? '', /^--class is ignored: /);
  assert.equal(warnings[3], 'Ignoring non-Spark config property: my.key');
  assert.deepEqual(values, {});
});

test('what cannot be understood is a usage error with its remedy', () => {
  const cases: [string[], RegExp][] = [
    [['--mastr', 'x', 'a.ts'], /^Unrecognized option '--mastr'; did you mean --master\?$/],
    [['-x', 'a.ts'], /^Unrecognized option '-x'$/],
    [['--conf', 'spark.x', 'a.ts'], /^Spark config without '=': spark\.x/],
    [['--master'], /^Missing argument for option '--master': give URL$/],
    [['--verbose=1', 'a.ts'], /^--verbose takes no value/],
    [[], /^Missing application/],
    [['--kill', '1', '--status', '2'], /^Action cannot be both --kill and --status$/],
    [['--deploy-mode', 'moon', 'a.ts'], /must be either "client" or "cluster", but was 'moon'/],
  ];
  for (const [argv, message] of cases) {
    assert.throws(
      () => parseSubmitArguments(argv),
      (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test('help, version and questions about drivers are requests of their own', () => {
  assert.equal(parseSubmitArguments(['-h', 'a.ts']).kind, 'help');
  assert.equal(parseSubmitArguments(['--master', 'x', '--version']).kind, 'version');
  const kill = parseSubmitArguments(['--master', 'spark://m:7077', '--kill', 'driver-1']);
  assert.deepEqual('driverId' in kill && [kill.kind, kill.driverId, kill.values], [
    'kill',
    'driver-1',
    { 'spark.master': 'spark://m:7077' },
  ]);
  assert.equal(parseSubmitArguments(['--status', 'driver-1']).kind, 'status');
  assert.throws(() => parseSubmitArguments(['--kill', '']), UsageError);
});

test('a driver in the cluster has options of its own', () => {
  const { values } = run('--deploy-mode', 'cluster', '--supervise', '--driver-cores', '2', 'a.ts', '--supervise');
  assert.deepEqual(values, {
    'spark.submit.deployMode': 'cluster',
    'spark.driver.supervise': 'true',
    'spark.driver.cores': '2',
  });
});

test('the help has a line for each option that does something', () => {
  for (const name of ['--master URL', '-c, --conf KEY=VALUE', '-v, --verbose', '-h, --help']) {
    assert.ok(optionLines().includes(name), name);
  }
  assert.ok(!optionLines().includes('--class'));
});

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'iskra-test-'));
  try {
    await body(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

test('a properties file is read as Java would, trimmed, with the environment in it', () =>
  inFolder(async (path) => {
    const file = join(path, 'p.conf');
    writeFileSync(
      file,
      '# comment\nspark.master   local[3]  \nspark.a=1\nspark.long = x,\\\n  y\nspark.dir=${env:HERE}/${env:NOT}\nother=1\n',
    );
    const { values, warnings } = await readProperties(file, { HERE: '/h' });
    assert.deepEqual(values, {
      'spark.master': 'local[3]',
      'spark.a': '1',
      'spark.long': 'x,y',
      'spark.dir': '/h/${env:NOT}',
    });
    assert.deepEqual(warnings, ['Ignoring non-Spark config property: other']);
    await assert.rejects(readProperties(join(path, 'none'), {}), /Failed when loading Spark properties from .*none/);
  }));

test('options win over the properties file, which stands for the defaults or above them', () =>
  inFolder(async (path) => {
    mkdirSync(join(path, 'conf'));
    writeFileSync(join(path, 'conf', 'spark-defaults.conf'), 'spark.master local[7]\nspark.task.cpus 2\nspark.x d\n');
    writeFileSync(join(path, 'p.conf'), 'spark.x p\n');
    writeFileSync(join(path, 'app.mjs'), '');
    const warnings: string[] = [];
    const host: SubmitHost = {
      env: {},
      workingFolder: path,
      installation: { root: path, version: '0', resolve: () => undefined },
      warn: (message) => warnings.push(message),
      show: () => {},
    };
    const values = async (...argv: string[]) => {
      const prepared = await prepareSubmission([...argv, 'app.mjs'], host);
      assert.equal(prepared.kind, 'ready');
      return 'values' in prepared ? prepared.values : {};
    };
    const name = { 'spark.app.name': 'app.mjs' };
    const all = { ...name, 'spark.master': 'local[7]', 'spark.task.cpus': '2', 'spark.x': 'd' };
    assert.deepEqual(await values(), all);
    assert.deepEqual(await values('-c', 'spark.x=o', '--name', 'n'), { ...all, 'spark.x': 'o', 'spark.app.name': 'n' });
    assert.deepEqual(await values('--properties-file', 'p.conf'), {
      ...name,
      'spark.master': 'local[*]',
      'spark.x': 'p',
    });
    assert.deepEqual(await values('--load-spark-defaults', '--properties-file', 'p.conf'), { ...all, 'spark.x': 'p' });
    const env = {
      MASTER: 'local[5]',
      SPARK_EXECUTOR_MEMORY: '3g',
      ISKRA_EXECUTOR_CORES: '2',
      SPARK_EXECUTOR_CORES: '9',
    };
    const prepared = await prepareSubmission(['app.mjs'], { ...host, env });
    assert.deepEqual('values' in prepared && prepared.values, {
      ...{ ...all, 'spark.executor.memory': '3g', 'spark.executor.cores': '2' },
    });
    const alone = await prepareSubmission(['--properties-file', 'p.conf', 'app.mjs'], { ...host, env });
    assert.equal('values' in alone && alone.values['spark.master'], 'local[5]');
    await assert.rejects(values('-c', 'spark.task.cpus=0'), UsageError);
    await assert.rejects(values('-c', 'spark.task.cpus=many'), /spark\.task\.cpus should be int, but was many/);
    assert.deepEqual(warnings, []);
  }));

test('what a standalone cluster is to do is checked before anything is sent', () =>
  inFolder(async (path) => {
    writeFileSync(join(path, 'app.mjs'), '');
    writeFileSync(join(path, 'broken.ts'), 'const x: = 1;');
    const host: SubmitHost = {
      env: {},
      workingFolder: path,
      installation: { root: path, version: '0', resolve: () => undefined },
      warn: () => {},
      show: () => {},
    };
    const prepare = (...argv: string[]) => prepareSubmission(argv, host);
    const cluster = ['--deploy-mode', 'cluster', '--master', 'spark://h1:1,h2:2'];
    const prepared = await prepare(...cluster, 'app.mjs', 'x');
    assert.equal(prepared.kind, 'submit');
    if (prepared.kind !== 'submit') return;
    assert.deepEqual(prepared.masters, ['h1:1', 'h2:2']);
    assert.deepEqual([prepared.application?.path, prepared.args], [join(path, 'app.mjs'), ['x']]);
    const fileUrl = await prepare(...cluster, `file://${path}/app.mjs`);
    assert.equal('application' in fileUrl && fileUrl.application?.path, join(path, 'app.mjs'));
    const elsewhere = await prepare(...cluster, 'https://host/job.mjs');
    assert.equal('application' in elsewhere && elsewhere.application, null);
    writeFileSync(join(path, 'data.txt'), '');
    const withFiles = await prepare(
      ...cluster,
      '--files',
      'data.txt,https://h/x',
      '--archives',
      'app.mjs#a',
      'app.mjs',
    );
    assert.ok(withFiles.kind === 'submit');
    assert.equal(withFiles.values['spark.files'], `${path}/data.txt,https://h/x`);
    assert.equal(withFiles.values['spark.archives'], `${path}/app.mjs#a`);
    const theirs = await prepare(...cluster, '--files', '/of/the/worker.txt,data.*', 'https://host/job.mjs');
    assert.ok(theirs.kind === 'submit');
    assert.equal(theirs.values['spark.files'], `/of/the/worker.txt,${path}/data.txt`);
    const here = await prepare('--files', 'none.txt,data.*', 'app.mjs');
    assert.ok(here.kind === 'ready');
    assert.equal(here.values['spark.files'], `none.txt,${path}/data.txt`);
    const refusals: [argv: string[], code: string, message: RegExp][] = [
      [['--archives', 'none.*#x', 'app.mjs'], 'FILE_NOT_FOUND', /^cannot find none\.\* of spark\.archives/],
      [[...cluster, 'gone.ts'], 'APPLICATION_NOT_FOUND', /cannot find the application gone.ts/],
      [[...cluster, 'file:///gone.ts'], 'APPLICATION_NOT_FOUND', /cannot find the application \/gone.ts/],
      [[...cluster, '--files', 'none.txt', 'app.mjs'], 'FILE_NOT_FOUND', /^cannot find none.txt of spark.files/],
      [[...cluster, 'broken.ts'], 'APPLICATION_SYNTAX', /broken.ts:1:/],
      [
        ['--deploy-mode', 'cluster', 'app.mjs'],
        'USAGE',
        /^Cluster deploy mode is not compatible with master "local\[\*\]"/,
      ],
      [['--kill', 'd'], 'USAGE', /^Killing submissions is only supported in standalone mode/],
      [
        ['--status', 'd', '--master', 'yarn'],
        'USAGE',
        /^Requesting submission statuses is only supported in standalone/,
      ],
      [['--status', 'd', '--master', 'spark://nowhere'], 'USAGE', /^Could not parse Master URL: 'spark:\/\/nowhere'/],
      [[...cluster, '--driver-memory', '1m', 'app.mjs'], 'USAGE', /spark.driver.memory is invalid/],
      [[...cluster, '--driver-cores', '0', 'app.mjs'], 'USAGE', /spark.driver.cores is invalid/],
    ];
    for (const [argv, code, message] of refusals)
      await assert.rejects(prepare(...argv), { code, message }, argv.join(' '));
  }));

test('the defaults file is looked for in the folders that the environment names, ours first', () =>
  inFolder(async (path) => {
    for (const name of ['i', 's', 'home/conf', 'conf']) {
      mkdirSync(join(path, name), { recursive: true });
      writeFileSync(join(path, name, 'spark-defaults.conf'), '');
    }
    const found = (env: Record<string, string>) => findDefaultsFile(env, path)?.slice(path.length + 1);
    assert.equal(found({ ISKRA_CONF_DIR: join(path, 'i'), SPARK_CONF_DIR: join(path, 's') }), 'i/spark-defaults.conf');
    assert.equal(found({ SPARK_CONF_DIR: 's' }), 's/spark-defaults.conf');
    assert.equal(found({ SPARK_HOME: join(path, 'home') }), 'home/conf/spark-defaults.conf');
    assert.equal(found({ SPARK_CONF_DIR: '/nowhere' }), 'conf/spark-defaults.conf');
    assert.equal(findDefaultsFile({}, '/nowhere'), undefined);
  }));

test('a secret is not taken from arguments, and not repeated', () => {
  assert.throws(
    () => parseSubmitArguments(['--conf', 'spark.authenticate.secret=hush', 'app.ts']),
    (error) =>
      error instanceof UsageError &&
      error.message.startsWith('spark.authenticate.secret is not taken from arguments') &&
      !error.message.includes('hush'),
  );
});

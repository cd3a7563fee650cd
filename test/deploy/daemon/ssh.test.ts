import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runOnHosts, shellWord } from '../../../src/deploy/daemon/ssh.ts';
import { fakeSsh, type SshHosts } from '../../kit/fake-ssh.ts';

function scene(t: TestContext, hosts: SshHosts, more: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-ssh-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const ssh = fakeSsh(folder, hosts);
  const lines: string[] = [];
  const pauses: number[] = [];
  const options = {
    env: { ...process.env, PATH: ssh.path, FOLDER: folder, ...more },
    print: (line: string) => void lines.push(line),
    pause: async (ms: number) => void pauses.push(ms),
  };
  const run = (...names: string[]) =>
    runOnHosts(
      names.map((host) => ({ host, command: 'echo "did it"' })),
      options,
    );
  return { folder, ssh, lines, pauses, run };
}

const RUNS = 'eval "$command"';

test('a command runs on each host, and what it says comes with the name before it', async (t) => {
  const { ssh, lines, run } = scene(t, { a: RUNS, 'ann@b': 'eval "$command"; printf "more\\r\\nno end" >&2' });
  assert.deepEqual(await run('a', 'ann@b'), []);
  assert.deepEqual(lines.sort(), ['a: did it', 'ann@b: did it', 'ann@b: more', 'ann@b: no end']);
  const given =
    '-o StrictHostKeyChecking=accept-new -o ConnectTimeout=30 -o ServerAliveInterval=15 -o BatchMode=yes --';
  assert.deepEqual(ssh.calls(), [`${given} a`, `${given} ann@b`]);
});

test('hosts are at work at the same time', async (t) => {
  const waitsFor = (other: string): string =>
    `touch "$FOLDER/$host"; while [ ! -e "$FOLDER/${other}" ]; do sleep 0.01; done`;
  const { run, folder } = scene(t, { a: waitsFor('b'), b: waitsFor('a') });
  assert.deepEqual(await run('a', 'b'), []);
  assert.ok(existsSync(join(folder, 'a')));
});

test("one after another with SSH_FOREGROUND, where ssh may ask; its options are the user's, and pauses are between", async (t) => {
  const { ssh, lines, pauses, run } = scene(
    t,
    { a: '[ ! -e "$FOLDER/b" ] && echo first', b: 'touch "$FOLDER/b"; echo second' },
    { SPARK_SSH_FOREGROUND: 'yes', SPARK_SSH_OPTS: ' -p 2222  -i key', ISKRA_WORKER_SLEEP: '2' },
  );
  assert.deepEqual(await run('a', 'b'), []);
  assert.deepEqual(lines, ['a: first', 'b: second']);
  assert.deepEqual(pauses, [2000]);
  assert.deepEqual(ssh.calls(), [
    '-p 2222 -i key -o ConnectTimeout=30 -o ServerAliveInterval=15 -- a',
    '-p 2222 -i key -o ConnectTimeout=30 -o ServerAliveInterval=15 -- b',
  ]);
});

test('each host that fails is named, with what to do, and the others are done', async (t) => {
  const { lines, run } = scene(t, { a: 'exit 3', b: 'exit 127', c: RUNS, d: 'kill -9 $$' });
  const faults = await run('a', 'b', 'c', 'd', 'e');
  assert.deepEqual(faults, [
    'a: ended with exit code 3; why stands above, behind its name',
    'b: there is no Iskra or no Node as here (exit code 127): install them at the same paths, or say with ISKRA_REMOTE_COMMAND what runs Iskra there',
    'd: ssh was ended by SIGKILL',
    "e: ssh did not get there, or its connection broke (exit code 255): see to it that 'ssh e true' asks nothing, with ISKRA_SSH_OPTS for keys and users; with ISKRA_SSH_FOREGROUND=yes it may ask",
  ]);
  assert.deepEqual(lines.sort(), ['c: did it', 'e: ssh: Could not resolve hostname e']);
});

test('without an ssh the command for each host is said', async (t) => {
  const { run, folder } = scene(t, {}, { PATH: '/nowhere' });
  writeFileSync(join(folder, 'x'), '');
  await assert.rejects(run('a', 'b'), {
    code: 'SSH_NOT_FOUND',
    message: 'ssh cannot be run here (ENOENT); install an ssh client, or run on a: echo "did it"',
  });
});

test('words for a shell are what they were', () => {
  for (const [text, word] of [
    ['spark://host-a:7077', 'spark://host-a:7077'],
    ['', "''"],
    ["it's $HOME", "'it'\\''s $HOME'"],
    ['~', "'~'"],
  ])
    assert.equal(shellWord(text as string), word);
});

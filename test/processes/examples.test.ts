import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SETTINGS_FOLDER } from '../kit/settings-folder.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** Runs an example through the command, as a user would; its local dirs are its own. */
function example(name: string, ...args: string[]): { readonly stdout: string; readonly leftBehind: readonly string[] } {
  const localDir = mkdtempSync(join(tmpdir(), 'iskra-example-'));
  try {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        join(root, 'bin', 'iskra'),
        'example',
        '--master',
        'local[2]',
        '--conf',
        `spark.local.dir=${localDir}`,
        name,
        ...args,
      ],
      { encoding: 'utf8', env: { ...process.env, ISKRA_CONF_DIR: SETTINGS_FOLDER } },
    );
    assert.equal(status, 0, `${name} ended with ${status}: ${stderr}`);
    assert.equal(stderr, '', `${name} wrote to stderr`);
    return { stdout, leftBehind: readdirSync(localDir) };
  } finally {
    rmSync(localDir, { recursive: true });
  }
}

test('word-count finds the words that the books have most', () => {
  const { stdout, leftBehind } = example('word-count');
  assert.match(stdout, /^ +8822 {2}that\n +7073 {2}with\n/);
  assert.match(stdout, /19812 different words of 4 letters and more/);
  assert.match(stdout, /4\.5 MB in [\d.]+ s: \d+ MB\/s/);
  assert.deepEqual(leftBehind, []);
});

test('spark-pi comes near pi, and to the same number each time', () => {
  assert.equal(example('spark-pi', '3').stdout, example('spark-pi', '3').stdout);
  const pi = Number(/roughly ([\d.]+)/.exec(example('spark-pi').stdout)?.[1]);
  assert.ok(Math.abs(pi - Math.PI) < 0.01, `${pi}`);
});

test('page-rank gives the same ranks as a plain loop over the same links', () => {
  const pages = 300;
  const rounds = 3;
  const links = new Map<number, Set<number>>();
  for (let page = 0; page < pages; page++)
    for (const i of [1, 2, 3, 4]) {
      const to = Math.floor(((page * 7919 * i + 13 * i) % (pages * i)) / (i * i));
      if (to !== page) links.set(page, (links.get(page) ?? new Set()).add(to));
    }
  let ranks = new Map([...links.keys()].map((page) => [page, 1]));
  for (let round = 0; round < rounds; round++) {
    const sums = new Map<number, number>();
    for (const [page, targets] of links) {
      const rank = ranks.get(page);
      if (rank === undefined) continue;
      for (const to of targets) sums.set(to, (sums.get(to) ?? 0) + rank / targets.size);
    }
    ranks = new Map([...sums].map(([page, sum]) => [page, 0.15 + 0.85 * sum]));
  }
  const top = [...ranks].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 5);
  const expected = top.map(([page, rank]) => `page ${page} has rank ${rank.toFixed(4)}\n`).join('');
  assert.equal(example('page-rank', String(rounds), String(pages)).stdout, expected);
});

test('k-means finds the centres that the points were made around', () => {
  const { stdout } = example('k-means', '3', '6000');
  assert.match(stdout, /centre at \((9\.9|10\.0)\d*, -?0\.0\d*\)\ncentre at \((19\.9|20\.0)\d*, (9\.9|10\.0)\d*\)\n/);
});

test('log-analysis looks visitors up with async calls and counts lines it could not read', () => {
  assert.equal(
    example('log-analysis').stdout,
    [
      'unreadable lines: 1',
      'status 200: 15059',
      'status 404: 3764',
      'status 500: 1177',
      'server errors seen from Lisbon: 589',
      'server errors seen from Oslo: 588',
      '',
    ].join('\n'),
  );
});

test('web-calls makes many calls at a time, again where the service was busy, and no faster than it is told', () => {
  const { stdout } = example('web-calls', '1000');
  const [, requests, most] =
    /^sum of the answers: 999000\n(\d+) requests in [\d.]+ s.*\nup to (\d+) at a time\n$/.exec(stdout) ?? [];
  assert.equal(requests, '1009'); // the hundredths once more
  assert.ok(Number(most) > 10 && Number(most) <= 128, `${stdout}`);
  const slow = /requests in ([\d.]+) s/.exec(example('web-calls', '60', '50').stdout)?.[1];
  assert.ok(Number(slow) >= 1, `60 calls at 50 a second took ${slow} s`);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { AppStatusStore } from '../../src/status/app-status-store.ts';
import { jobsPage } from '../../src/ui/app/jobs-pages.ts';
import { STATIC_ROUTES, table } from '../../src/ui/page-layout.ts';
import { route } from '../../src/ui/router.ts';
import { compareKeys, sortKey } from '../../src/ui/sort-key.ts';
import { bytesText, dateText, durationText } from '../../src/ui/text-forms.ts';
import { request } from '../kit/http.ts';

const sorted = (...texts: string[]): string[] =>
  texts
    .map((text) => ({ text, key: sortKey(text) }))
    .sort((a, b) => compareKeys(a.key, b.key))
    .map(({ text }) => text);

describe('cells are sorted', () => {
  test('as what pages write: sizes, times, dates, shares, counts', () => {
    for (const [write, values] of [
      [bytesText, [0, 5, 3000, 70_000, 5e6, 9e9, 3e12]],
      [durationText, [3, 99, 400, 12_000, 90_000, 4e6, 3e7]],
      [dateText, [1e12, 1.2e12, 1.7e12, 1.7e12 + 1000]],
      [(n: number) => `${n}/20 (1 failed)`, [0, 3, 11, 20]],
      [(n: number) => `${n}%`, [3, 20, 100]],
      [(n: number) => `${bytesText(n)} / ${100 - n}`, [1, 20, 100]],
      [(n: number) => `${n} (2 Used)`, [2, 11, 100]],
      [(n: number) => `${n} (retry 1)`, [9, 10]],
    ] as const) {
      const texts = values.map(write);
      assert.deepEqual(sorted(...texts.toReversed()), texts);
    }
  });

  test('as texts where they are none, by the numbers in them', () => {
    const texts = ['', '7', 'app-20261121-0009', 'app-20261121-0010', 'driver', 'stage 9', 'stage 10'];
    assert.deepEqual(sorted(...texts.toReversed()), texts);
    const hosts = ['10.0.0.2:80', '10.0.0.10:80', '127.0.0.1:9'];
    assert.deepEqual(sorted(...hosts.toReversed()), hosts);
    for (const text of ['3.5.1', '5th', '1-2', '12ab', '1g'])
      assert.equal(typeof sortKey(text), text === '1-2' ? 'number' : 'string', text);
  });
});

describe('tables', () => {
  test('come with a script that sorts them by the same', async () => {
    const answer = await route(STATIC_ROUTES, request('GET', '/static/daemon.js'));
    const document = { querySelectorAll: () => [] };
    const same = runInNewContext(`${answer.body}; [sortKey('2.0 KiB'), compareKeys('stage 9', 'stage 10')]`, {
      document,
    });
    assert.deepEqual([...(same as number[])], [2048, -1]);
    assert.ok(table('Things', ['A'], []).text.includes('<table data-sortable>'));
  });

  test('of several pages are sorted before they are cut, by links', () => {
    const store = new AppStatusStore({ jobs: 1000, stages: 10, tasks: 10, deadExecutors: 10 });
    for (let id = 0; id < 150; id++) {
      store.hear({ Event: 'SparkListenerJobStart', 'Job ID': id, 'Submission Time': 1000, 'Stage IDs': [] });
      const took = ((id * 7) % 150) * 997;
      store.hear({
        Event: 'SparkListenerJobEnd',
        'Job ID': id,
        'Completion Time': 1000 + took,
        'Job Result': { Result: 'JobSucceeded' },
      });
    }
    const place = { root: '../', base: '../', section: 'jobs', live: null };
    const ids = (query: string): number[] =>
      [...jobsPage(store, place, new URLSearchParams(query)).matchAll(/<td>(\d+)<\/td>/g)].map(([, id]) => Number(id));
    const byTime = Array.from({ length: 150 }, (_, id) => id).sort((a, b) => ((a * 7) % 150) - ((b * 7) % 150));
    assert.deepEqual(
      ids(''),
      Array.from({ length: 100 }, (_, i) => 149 - i),
    ); // the newest first
    assert.deepEqual(ids('succeeded.sort=Duration'), byTime.slice(0, 100));
    assert.deepEqual(ids('succeeded.sort=Duration&succeeded.page=2'), byTime.slice(100));
    assert.deepEqual(ids('succeeded.sort=Duration&succeeded.desc=true'), byTime.toReversed().slice(0, 100));
    assert.deepEqual(ids('succeeded.sort=Job+Id').slice(0, 3), [0, 1, 2]);
    assert.deepEqual(ids('succeeded.sort=nothing'), ids(''));
    const page = jobsPage(store, place, new URLSearchParams('succeeded.sort=Duration&succeeded.page=2'));
    assert.ok(
      page.includes('?succeeded.sort=Duration&amp;succeeded.page=1&amp;succeeded.desc=true"'),
      page.slice(0, 3000),
    );
    assert.ok(page.includes('Duration ▴'));
  });
});

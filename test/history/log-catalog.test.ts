import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { LogFound } from '../../src/event-log/event-log-reader.ts';
import { type CatalogEffect, LogCatalog } from '../../src/history/log-catalog.ts';
import type { LogSummary } from '../../src/history/log-summary.ts';

const found = (path: string, bytes = 10, more: Partial<LogFound> = {}): LogFound => ({
  path,
  files: [{ path, bytes }],
  statusFile: null,
  bytes,
  modifiedAt: 1000,
  isComplete: true,
  ...more,
});

const summary = (appId: string, more: Partial<LogSummary> = {}): LogSummary => ({
  appId,
  appName: `name of ${appId}`,
  attemptId: null,
  user: 'ann',
  sparkVersion: '4.0.0',
  startTime: 100,
  endTime: 200,
  exitCode: 0,
  ...more,
});

const shown = (effects: readonly CatalogEffect[]): string[] =>
  effects.map((effect) => `${effect.type} ${effect.type === 'Read' ? effect.log.path : effect.path}`);

let catalog: LogCatalog;
const make = (settings: { maxAge?: number; maxNum?: number } = {}): void => {
  catalog = new LogCatalog({
    logDir: '/logs',
    cleanerMaxAgeMs: settings.maxAge ?? Number.POSITIVE_INFINITY,
    cleanerMaxNum: settings.maxNum ?? Number.POSITIVE_INFINITY,
  });
};
beforeEach(() => make());

/** Scans, and has every wanted log read. */
const scan = (...logs: readonly (readonly [LogFound, LogSummary | null])[]): string[] => {
  const effects = catalog.scanned(logs.map(([log]) => log));
  for (const effect of effects)
    if (effect.type === 'Read') catalog.parsed(effect.log, logs.find(([log]) => log === effect.log)?.[1] ?? null);
  catalog.checkInvariants();
  return shown(effects);
};
const ids = (): string[] => catalog.applications().map(({ id }) => id);

describe('the catalog of event logs', () => {
  test('has a log read when it is new, when it has grown and when it was completed, and not otherwise', () => {
    const running = { isComplete: false };
    assert.deepEqual(scan([found('/a', 10, running), summary('a', { endTime: null })]), ['Read /a']);
    assert.deepEqual(scan([found('/a', 10, running), null]), []);
    assert.deepEqual(scan([found('/a', 20, running), summary('a', { endTime: null })]), ['Read /a']);
    assert.deepEqual(scan([found('/a', 20), summary('a')]), ['Read /a']);
    assert.deepEqual(scan([found('/a', 20, { modifiedAt: 5000 }), null]), []);
    assert.equal(catalog.applications()[0]?.attempts[0]?.lastUpdated, 5000);
  });

  test('does not have a log read that is being read; afterwards it is seen whether it has grown', () => {
    const first = found('/a', 10);
    assert.deepEqual(shown(catalog.scanned([first])), ['Read /a']);
    assert.deepEqual(shown(catalog.scanned([found('/a', 30)])), []);
    catalog.parsed(first, summary('a'));
    assert.deepEqual(shown(catalog.scanned([found('/a', 30)])), ['Read /a']);
  });

  test('lists no log that cannot be read, tries again when it has changed, and lists the others', () => {
    const broken = found('/broken');
    const [, effect] = catalog.scanned([found('/a'), broken]);
    assert.ok(effect?.type === 'Read');
    catalog.failed(broken);
    catalog.parsed(found('/a'), summary('a'));
    assert.deepEqual(ids(), ['a']);
    assert.deepEqual(shown(catalog.scanned([found('/a'), broken])), []);
    assert.deepEqual(shown(catalog.scanned([found('/a'), found('/broken', 11)])), ['Read /broken']);
  });

  test('keeps what it knew of a log that has grown and cannot be read now', () => {
    scan([found('/a'), summary('a')]);
    const [effect] = catalog.scanned([found('/a', 20)]);
    assert.ok(effect?.type === 'Read');
    catalog.failed(effect.log);
    assert.deepEqual(ids(), ['a']);
  });

  test('forgets a log that is gone', () => {
    scan([found('/a'), summary('a')], [found('/b'), summary('b')]);
    assert.deepEqual(scan([found('/b'), null]), ['Forget /a']);
    assert.deepEqual(ids(), ['b']);
    assert.equal(catalog.logOf('a', null), null);
  });

  test('lists what ended last first, what runs at the end, and attempts with their application', () => {
    scan(
      [found('/old'), summary('old', { endTime: 200 })],
      [found('/runs'), summary('runs', { endTime: null, startTime: 900 })],
      [found('/new'), summary('new', { endTime: 300 })],
      [found('/x1'), summary('x', { attemptId: '1', startTime: 10, endTime: 250 })],
      [found('/x2'), summary('x', { attemptId: '2', startTime: 20, endTime: 260 })],
    );
    assert.deepEqual(ids(), ['new', 'x', 'old', 'runs']);
    const x = catalog.applications().find(({ id }) => id === 'x');
    assert.deepEqual(
      x?.attempts.map(({ attemptId }) => attemptId),
      ['2', '1'],
    );
    assert.equal(catalog.logOf('x', '1')?.path, '/x1');
    assert.equal(catalog.logOf('x', null), null);
  });

  test('takes the complete one of two logs of one attempt, else the one that changed last', () => {
    scan(
      [found('/a.inprogress', 10, { isComplete: false, modifiedAt: 9000 }), summary('a', { endTime: null })],
      [found('/a', 10, { modifiedAt: 1000 }), summary('a')],
    );
    assert.equal(catalog.logOf('a', null)?.path, '/a');
    assert.deepEqual(ids(), ['a']);
    scan([found('/b', 1, { modifiedAt: 5 }), summary('b')], [found('/c', 1, { modifiedAt: 6 }), summary('b')]);
    assert.equal(catalog.logOf('b', null)?.path, '/c');
  });

  test('removes what has not changed for too long, of applications that have ended, of others and of nobody', () => {
    make({ maxAge: 100 });
    scan(
      [found('/ended', 1, { modifiedAt: 800 }), summary('ended')],
      [found('/crashed', 1, { modifiedAt: 899, isComplete: false }), summary('crashed', { endTime: null })],
      [found('/nobody', 1, { modifiedAt: 1 }), null],
      [found('/young', 1, { modifiedAt: 900 }), summary('young')],
    );
    const gone = shown(catalog.cleanUp(1000)).filter((effect) => effect.startsWith('Delete'));
    assert.deepEqual(gone.sort(), ['Delete /crashed', 'Delete /ended', 'Delete /nobody']);
    assert.deepEqual(ids(), ['young']);
  });

  test('removes the oldest of too many, but none of an application that runs', () => {
    make({ maxNum: 2 });
    scan(
      [found('/1', 1, { modifiedAt: 1 }), summary('1', { endTime: null })],
      [found('/2', 1, { modifiedAt: 2 }), summary('2')],
      [found('/3', 1, { modifiedAt: 3 }), summary('3')],
      [found('/4', 1, { modifiedAt: 4 }), summary('4')],
    );
    assert.deepEqual(
      shown(catalog.cleanUp(10)).filter((effect) => effect.startsWith('Delete')),
      ['Delete /2', 'Delete /3'],
    );
    assert.deepEqual(shown(catalog.cleanUp(10)), []);
  });

  test('takes no news of a log that is gone meanwhile', () => {
    const log = found('/a');
    catalog.scanned([log]);
    catalog.scanned([]);
    catalog.parsed(log, summary('a'));
    assert.deepEqual(ids(), []);
  });
});

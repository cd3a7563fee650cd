import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SinkSchedule } from '../../src/metrics/sink-schedule.ts';

const wakeAt = (at: number) => ({ type: 'WakeAt', at }) as const;
const report = (sink: string) => ({ type: 'Report', sink }) as const;

describe('the schedule of sinks', () => {
  test('has each report after its period, and wakes for the next one', () => {
    const schedule = new SinkSchedule(
      new Map([
        ['a', 1000],
        ['b', 2500],
      ]),
      0,
    );
    assert.deepEqual(schedule.start(), [wakeAt(1000)]);
    assert.deepEqual(schedule.woken(1000), [report('a'), wakeAt(2000)]);
    assert.deepEqual(schedule.ended('a', null), []);
    assert.deepEqual(schedule.woken(2000), [report('a'), wakeAt(2500)]);
    assert.deepEqual(schedule.ended('a', null), []);
    assert.deepEqual(schedule.woken(3000), [report('a'), report('b'), wakeAt(4000)]);
  });

  test('has nothing to wake for without sinks', () => {
    assert.deepEqual(new SinkSchedule(new Map(), 0).start(), []);
  });

  test('leaves a turn out while the last report is under way', () => {
    const schedule = new SinkSchedule(new Map([['a', 1000]]), 0);
    schedule.woken(1000);
    assert.deepEqual(schedule.woken(2000), [wakeAt(3000)]);
    assert.deepEqual(schedule.lastRound(), []);
    schedule.ended('a', null);
    assert.deepEqual(schedule.woken(3000), [report('a'), wakeAt(4000)]);
  });

  test('does not make up for what was missed', () => {
    const schedule = new SinkSchedule(new Map([['a', 1000]]), 0);
    assert.deepEqual(schedule.woken(7300), [report('a'), wakeAt(8000)]);
  });

  test('says that a sink fails when it begins, and when it is over', () => {
    const schedule = new SinkSchedule(new Map([['a', 1000]]), 0);
    assert.deepEqual(schedule.ended('a', 'gone'), [{ type: 'Failed', sink: 'a', why: 'gone' }]);
    assert.deepEqual(schedule.ended('a', 'gone'), []);
    assert.deepEqual(schedule.ended('a', null), [{ type: 'WorksAgain', sink: 'a' }]);
    assert.deepEqual(schedule.ended('a', null), []);
    assert.deepEqual(schedule.ended('a', 'gone again').length, 1);
  });

  test('has one report of a sink at a time, and wakes later than now, whatever happens when', () => {
    const step = fc.record({ ms: fc.integer({ min: 0, max: 5000 }), end: fc.constantFrom('a', 'b', null) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const periods = new Map([
          ['a', 1000],
          ['b', 1700],
        ]);
        const schedule = new SinkSchedule(periods, 0);
        const underWay = new Set<string>();
        let at = 0;
        for (const { ms, end } of steps) {
          at += ms;
          if (end !== null && underWay.delete(end)) schedule.ended(end, null);
          for (const effect of schedule.woken(at)) {
            if (effect.type === 'Report') {
              assert.ok(!underWay.has(effect.sink));
              underWay.add(effect.sink);
            } else if (effect.type === 'WakeAt') assert.ok(effect.at > at && effect.at <= at + 1700);
          }
        }
      }),
    );
  });
});

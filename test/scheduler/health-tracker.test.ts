import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HealthTracker } from '../../src/scheduler/health-tracker.ts';
import { DEFAULT_EXCLUSION, type ExclusionSettings } from '../../src/scheduler/settings.ts';
import { ExecutorFailures } from '../../src/scheduler/task-set-excludelist.ts';

class Health {
  readonly events: string[] = [];
  readonly kills: string[] = [];
  readonly tracker: HealthTracker;

  constructor(settings: Partial<ExclusionSettings> = {}, shuffleService = false) {
    this.tracker = new HealthTracker({ ...DEFAULT_EXCLUSION, ...settings }, shuffleService, {
      post: (event) => {
        const what = 'executorId' in event ? event.executorId : 'host' in event ? event.host : '';
        const n =
          'taskFailures' in event ? event.taskFailures : 'executorFailures' in event ? event.executorFailures : '';
        this.events.push(`${event.type.replace('SparkListener', '')} ${what} ${n}`.trim());
      },
      log: () => {},
      killExecutor: (executorId, message) => this.kills.push(`${executorId}: ${message}`),
      killExecutorsOnHost: (host) => this.kills.push(`host ${host}`),
    });
  }

  /** A task set succeeded in which these tasks had failed there. */
  failed(executorId: string, host: string, tasks: readonly number[], at: number): void {
    const failures = new ExecutorFailures(host);
    for (const index of tasks) failures.add(index, at);
    this.tracker.taskSetSucceeded(0, new Map([[executorId, failures]]), at);
    this.tracker.checkInvariants();
  }

  expire(at: number): void {
    this.tracker.expire(at);
    this.tracker.checkInvariants();
  }
}

test('two failed tasks in stages that succeeded exclude an executor, and both kinds of events say so', () => {
  const health = new Health();
  health.failed('1', 'h', [0], 0);
  assert.ok(!health.tracker.isExcluded('1', 'h'));
  health.failed('1', 'h', [0], 5);
  assert.ok(health.tracker.isExcluded('1', 'h'));
  assert.ok(!health.tracker.isExcluded('2', 'h'));
  assert.deepEqual(health.events, ['ExecutorBlacklisted 1 2', 'ExecutorExcluded 1 2']);
  assert.deepEqual(health.kills, []);
});

test('a timeout of 10 and failures at 0 and 5 exclude from 5 to 15', () => {
  const health = new Health({ timeoutMs: 10 });
  health.failed('1', 'h', [0], 0);
  health.failed('1', 'h', [1], 5);
  assert.equal(health.tracker.nextExpiry, 15);
  health.expire(15);
  assert.ok(health.tracker.isExcluded('1', 'h'));
  health.expire(16);
  assert.ok(!health.tracker.isExcluded('1', 'h'));
  assert.deepEqual(health.events.slice(2), ['ExecutorUnblacklisted 1', 'ExecutorUnexcluded 1']);
  assert.equal(health.tracker.nextExpiry, Number.POSITIVE_INFINITY);
});

test('failures that are too far apart do not add up', () => {
  const health = new Health({ timeoutMs: 10 });
  health.failed('1', 'h', [0], 0);
  health.failed('1', 'h', [1], 11);
  assert.ok(!health.tracker.isExcluded('1', 'h'));
  health.failed('1', 'h', [1], 21);
  assert.ok(health.tracker.isExcluded('1', 'h'));
});

test('the same task that fails twice in one stage counts once', () => {
  const health = new Health();
  health.failed('1', 'h', [3, 3], 0);
  assert.ok(!health.tracker.isExcluded('1', 'h'));
});

test('two excluded executors exclude their node, also when the first is gone', () => {
  const health = new Health({ timeoutMs: 100 });
  health.failed('1', 'h', [0, 1], 0);
  health.tracker.executorRemoved('1');
  health.failed('2', 'g', [0, 1], 10);
  assert.ok(!health.tracker.isExcluded('9', 'h'));
  health.failed('3', 'h', [0, 1], 20);
  assert.ok(health.tracker.isExcluded('9', 'h'));
  assert.deepEqual([...health.tracker.excludedHosts], ['h']);
  assert.deepEqual(health.events.slice(-2), ['NodeBlacklisted h 2', 'NodeExcluded h 2']);
  health.expire(121);
  assert.ok(!health.tracker.isExcluded('9', 'h'));
  assert.deepEqual(health.events.slice(-2), ['NodeUnblacklisted h', 'NodeUnexcluded h']);
});

test('an executor that is gone takes its failures along', () => {
  const health = new Health();
  health.failed('1', 'h', [0], 0);
  health.tracker.executorRemoved('1');
  health.failed('1', 'h', [1], 1);
  assert.ok(!health.tracker.isExcluded('1', 'h'));
});

test('excluded executors and nodes are killed if that is wished', () => {
  const health = new Health({ kill: true });
  health.failed('1', 'h', [0, 1], 0);
  health.failed('2', 'h', [0, 1], 0);
  assert.deepEqual(health.kills, [
    '1: Killing excluded executor id 1 since spark.excludeOnFailure.killExcludedExecutors is set.',
    '2: Killing excluded executor id 2 since spark.excludeOnFailure.killExcludedExecutors is set.',
    'host h',
  ]);
});

test('a fetch failure excludes at once if that is wished: the executor, or with a shuffle service its node', () => {
  const off = new Health();
  off.tracker.fetchFailed('h', '1', 0);
  assert.ok(!off.tracker.isExcluded('1', 'h'));
  const executor = new Health({ fetchFailure: true });
  executor.tracker.fetchFailed('h', '1', 0);
  executor.tracker.fetchFailed('h', '1', 1);
  executor.tracker.checkInvariants();
  assert.deepEqual(executor.events, ['ExecutorBlacklisted 1 1', 'ExecutorExcluded 1 1']);
  const node = new Health({ fetchFailure: true, kill: true }, true);
  node.tracker.fetchFailed('h', '1', 0);
  node.tracker.fetchFailed('h', '2', 0);
  node.tracker.checkInvariants();
  assert.deepEqual(node.events, ['NodeBlacklisted h 1', 'NodeExcluded h 1']);
  assert.deepEqual(node.kills, ['host h']);
});

test('whatever fails where and when, an exclusion ends after the timeout', () => {
  const step = fc.record({
    executor: fc.integer({ min: 0, max: 5 }),
    tasks: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    wait: fc.integer({ min: 0, max: 8 }),
    gone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const health = new Health({ timeoutMs: 10 });
      let at = 0;
      for (const { executor, tasks, wait, gone } of steps) {
        at += wait;
        health.expire(at);
        health.failed(String(executor), `h${executor % 2}`, tasks, at);
        if (gone) health.tracker.executorRemoved(String(executor));
      }
      health.expire(at + 11);
      assert.ok(!health.tracker.excludesAny);
    }),
  );
});

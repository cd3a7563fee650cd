import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import type { MapStatus } from '../../src/protocol/map-output.ts';
import { MapOutputTracker } from '../../src/shuffle/map-output-tracker.ts';

const at = (
  executorId: string,
  mapId: number,
  sizes: readonly number[] = [1],
  host = `host-${executorId}`,
): MapStatus => ({
  location: { executorId, host, port: 0 },
  mapId,
  sizes: toBlockSizes(sizes),
});

/** Shuffle 0 with outputs on executors a, b, a. */
function filled(): MapOutputTracker {
  const tracker = new MapOutputTracker();
  tracker.registerShuffle(0, 3, 2);
  tracker.registerMapOutput(0, 0, at('a', 10, [1, 2]));
  tracker.registerMapOutput(0, 1, at('b', 11, [10, 20]));
  tracker.registerMapOutput(0, 2, at('a', 12, [100, 200]));
  tracker.checkInvariants();
  return tracker;
}

test('outputs are counted, summed and handed out as a snapshot', () => {
  const tracker = filled();
  assert.equal(tracker.numAvailableOutputs(0), 3);
  assert.deepEqual(tracker.missingPartitions(0), []);
  assert.deepEqual(tracker.bytesByPartition(0), [1 + 10 + 106, 2 + 21 + 207]);
  const snapshot = tracker.getMapOutputs(0);
  tracker.removeOutputsOnExecutor('a');
  assert.equal(snapshot?.statuses[0]?.mapId, 10);
  assert.equal(tracker.getMapOutputs(0)?.statuses[0], null);
  assert.equal(tracker.getMapOutputs(7), null);
});

test('an output that moved is not lost with the executor that had it first', () => {
  const tracker = filled();
  tracker.registerMapOutput(0, 0, at('b', 13));
  tracker.removeOutputsOnExecutor('a');
  assert.deepEqual(tracker.missingPartitions(0), [2]);
  tracker.checkInvariants();
});

test('unregistering names the output it means: the executor, and the task if it is known', () => {
  const tracker = filled();
  const { location } = at('a', 0);
  tracker.unregisterMapOutput(0, 1, location, null); // lies on b
  tracker.unregisterMapOutput(0, 0, location, 99); // was written by another task
  assert.equal(tracker.numAvailableOutputs(0), 3);
  tracker.unregisterMapOutput(0, 0, location, 10);
  tracker.unregisterMapOutput(0, 2, location, null);
  tracker.unregisterMapOutput(0, 2, location, null);
  assert.deepEqual(tracker.missingPartitions(0), [0, 2]);
  tracker.checkInvariants();
});

test('a host takes the outputs of all its executors, of every shuffle', () => {
  const tracker = filled();
  tracker.registerShuffle(1, 1, 1);
  tracker.registerMapOutput(1, 0, at('c', 20, [1], 'host-a'));
  tracker.removeOutputsOnHost('host-a');
  tracker.removeOutputsOnHost('host-unknown');
  assert.deepEqual(tracker.missingPartitions(0), [0, 2]);
  assert.deepEqual(tracker.missingPartitions(1), [0]);
  tracker.checkInvariants();
});

test('the epoch grows with every loss and with nothing else', () => {
  const tracker = filled();
  assert.equal(tracker.epoch, 0);
  tracker.unregisterMapOutput(0, 0, at('a', 0).location, null);
  tracker.removeOutputsOnExecutor('b');
  tracker.removeOutputsOnHost('host-a');
  assert.equal(tracker.epoch, 3);
  tracker.registerMapOutput(0, 0, at('c', 30));
  assert.equal(tracker.epoch, 3);
  assert.equal(tracker.getMapOutputs(0)?.epoch, 3);
});

test('a forgotten shuffle can be registered anew; one that is known, or not, is a bug', () => {
  const tracker = filled();
  assert.throws(() => tracker.registerShuffle(0, 1, 1), /registered twice/);
  tracker.unregisterShuffle(0);
  tracker.unregisterShuffle(0);
  assert.equal(tracker.hasShuffle(0), false);
  assert.equal(tracker.numAvailableOutputs(0), 0);
  assert.throws(() => tracker.missingPartitions(0), /not registered/);
  tracker.registerShuffle(0, 1, 1);
  assert.throws(() => tracker.registerMapOutput(0, 1, at('a', 1)), /no map partition 1/);
  tracker.removeOutputsOnExecutor('a');
  tracker.checkInvariants();
});

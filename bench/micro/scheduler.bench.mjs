// What scheduling costs, without executors: node bench/micro/scheduler.bench.mjs (after npm run build)
// Every task is launched, reported as done in the order of launch, and its result taken; times are per task.

import { systemClock } from '../../dist/src/base/clock.js';
import { silentLogger } from '../../dist/src/base/logger.js';
import { seededRandom } from '../../dist/src/base/seeded-random.js';
import { toBlockSizes } from '../../dist/src/protocol/block-sizes.js';
import { newTaskMetrics } from '../../dist/src/protocol/task-metrics.js';
import { HashPartitioner } from '../../dist/src/rdd/partitioner.js';
import { RDDNode } from '../../dist/src/rdd/rdd-node.js';
import { Scheduler } from '../../dist/src/scheduler/dag-scheduler-loop.js';
import { MapOutputTracker } from '../../dist/src/shuffle/map-output-tracker.js';

class Node extends RDDNode {
  className = 'BenchRDD';
  constructor(numPartitions, dependencies, hosts) {
    super(0, 'bench');
    this.numPartitions = numPartitions;
    this.dependencies = dependencies;
    this.hosts = hosts;
  }
  preferredLocations(partition) {
    return this.hosts === null ? [] : [`host-${partition % this.hosts}`];
  }
  split(index) {
    return { index };
  }
}

/** Launched tasks stand in a queue and are reported one by one, as messages would be. */
class InstantBackend {
  queue = [];
  start(listener) {
    this.listener = listener;
  }
  launch(_executorId, launches) {
    for (const { task } of launches) this.queue.push(task);
  }
  kill() {}
  forgetProgram() {}
  stop() {}
  drain(resultOf) {
    for (let i = 0; i < this.queue.length; i++) {
      const task = this.queue[i];
      this.listener.statusUpdate(task.taskId, resultOf(task));
      if (i === 8191) {
        this.queue.splice(0, i + 1);
        i = -1;
      }
    }
    this.queue.length = 0;
  }
}

async function measure(name, numTasks, numExecutors, cores, { shuffle = false, prefer = false, queued = 0 } = {}) {
  const backend = new InstantBackend();
  const scheduler = new Scheduler({
    backend,
    programs: { makeProgram: (_work, key) => ({ key }) },
    mapOutputs: new MapOutputTracker(),
    cacheLocations: { locations: () => [], executorLost() {} },
    clock: systemClock,
    log: silentLogger,
    random: seededRandom(1),
    post() {},
    addToAccumulators() {},
    onFatal: (error) => {
      throw error;
    },
  });
  scheduler.start();
  for (let e = 0; e < numExecutors; e++) backend.listener.executorAdded(String(e), `host-${e}`, cores, queued);
  let node = new Node(numTasks, [], prefer ? numExecutors : null);
  if (shuffle) {
    const partitioner = new HashPartitioner(1);
    node = new Node(1, [{ kind: 'Shuffle', rdd: node, shuffleId: 0, partitioner, mapSideCombine: false }], null);
  }
  const metrics = newTaskMetrics();
  const bytes = new Uint8Array(4);
  const resultOf = (task) => {
    if (shuffle && task.stageId === 0) {
      const location = { executorId: task.executorId, host: `host-${task.executorId}`, port: 0 };
      const status = { location, mapId: task.taskId, sizes: toBlockSizes([1]) };
      return { kind: 'MapOutput', status, accumulators: [], metrics };
    }
    return { kind: 'Result', bytes, accumulators: [], metrics };
  };
  const partitions = Array.from({ length: node.numPartitions }, (_, i) => i);
  const began = process.hrtime.bigint();
  const { done } = scheduler.submitJob({
    node,
    partitions,
    sink: null,
    properties: {},
    callSite: 'bench',
    onTaskResult() {},
  });
  backend.drain(resultOf);
  await done;
  const us = Number(process.hrtime.bigint() - began) / 1000;
  scheduler.stop();
  const figures = `${(us / numTasks).toFixed(2).padStart(7)} us/task  (${(us / 1000).toFixed(0)} ms)`;
  process.stdout.write(`${name.padEnd(52)} ${figures}\n`);
}

for (let round = 0; round < 2; round++) {
  await measure('10,000 tasks on 2 slots', 10_000, 1, 2);
  await measure('10,000 tasks on 2 slots, 2 queued', 10_000, 1, 2, { queued: 2 });
  await measure('100,000 tasks on 100 executors of 1', 100_000, 100, 1);
  await measure('100,000 tasks on 100 executors of 1, with places', 100_000, 100, 1, { prefer: true });
  await measure('100,000 map tasks on 100 executors of 4', 100_000, 100, 4, { shuffle: true });
  await measure('1,000,000 tasks on 10,000 executors of 4', 1_000_000, 10_000, 4, { prefer: true });
}

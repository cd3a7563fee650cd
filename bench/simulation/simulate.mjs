// One run of the real schedulers over a cluster that is not there, in a process of its own; prints one line of JSON.
// See README.md. node bench/simulation/simulate.mjs executors=1000 tasks=100000 (after npm run build)

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { silentLogger } from '../../dist/src/base/logger.js';
import { seededRandom } from '../../dist/src/base/seeded-random.js';
import { newTaskMetrics } from '../../dist/src/protocol/task-metrics.js';
import { HashPartitioner } from '../../dist/src/rdd/partitioner.js';
import { RDDNode } from '../../dist/src/rdd/rdd-node.js';
import { Scheduler } from '../../dist/src/scheduler/dag-scheduler-loop.js';
import { DEFAULT_EXCLUSION, DEFAULT_SPECULATION } from '../../dist/src/scheduler/settings.js';
import { MapOutputTracker } from '../../dist/src/shuffle/map-output-tracker.js';
import { VirtualClock } from './virtual-clock.mjs';

const options = {
  executors: 1000,
  cores: 4,
  tasks: 100_000,
  jobs: 4,
  concurrent: 2,
  losses: 20,
  failures: 0.002,
  stragglers: 0.005,
  speculation: 1,
  exclusion: 1,
  seed: 1,
};
for (const argument of process.argv.slice(2)) {
  const [key, value] = argument.split('=');
  if (!(key in options) || !(Number(value) >= 0)) throw new Error(`unknown argument ${argument}`);
  options[key] = Number(value);
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

class SimulatedNode extends RDDNode {
  className = 'SimulatedRDD';
  dependencies;
  numPartitions;
  #hosts;

  constructor(id, numPartitions, dependencies, hosts) {
    super(id, 'simulated');
    this.numPartitions = numPartitions;
    this.dependencies = dependencies;
    this.#hosts = hosts;
  }

  preferredLocations(partition) {
    return this.#hosts === 0 ? [] : [`host-${partition % this.#hosts}`];
  }

  split(index) {
    return { index };
  }
}

class Simulation {
  clock = new VirtualClock();
  random = seededRandom(options.seed, 1);
  mapOutputs = new MapOutputTracker();
  /** Executor id → host. */
  hosts = new Map();
  /** Task id → its executor, while it runs. */
  running = new Map();
  /** Stage id → shuffle id that it writes, or that it reads. */
  stages = new Map();
  attempts = 0;
  ended = { succeeded: 0, failed: 0, fetchFailed: 0, killed: 0, lost: 0 };
  /** Spent on looking at the heap: µs of CPU, and ms. */
  cpuOfHeap = 0;
  msOfHeap = 0;
  msInSchedulers = 0;
  nextExecutor = 0;
  jobsLeft = options.jobs;
  jobsStarted = 0;
  finished = 0;
  heapPeak = 0;
  metrics = newTaskMetrics();
  bytes = new Uint8Array(4);
  sizes = [1];
  #launched = [];

  constructor() {
    this.scheduler = new Scheduler({
      settings: {
        maxConsecutiveStageAttempts: 1000,
        speculation: options.speculation === 1 ? DEFAULT_SPECULATION : null,
        exclusion: options.exclusion === 1 ? DEFAULT_EXCLUSION : null,
      },
      backend: {
        start: (listener) => {
          this.listener = listener;
        },
        launch: (_executorId, launches) => {
          for (const { task } of launches) this.#launched.push(task);
        },
        kill: (taskId) => this.clock.at(this.clock.now() + 20, () => this.end(taskId, 'killed')),
        forgetProgram() {},
        defaultParallelism: () => 2,
        stop() {},
      },
      programs: { makeProgram: (_work, key) => ({ key }) },
      mapOutputs: this.mapOutputs,
      cacheLocations: { locations: () => [], executorLost() {} },
      clock: { now: () => this.clock.now(), after: (delay, fire) => this.clock.after(delay, () => this.call(fire)) },
      log: silentLogger,
      random: seededRandom(options.seed),
      post() {},
      addToAccumulators() {},
      onFatal: (error) => {
        throw error;
      },
    });
    this.scheduler.start();
    for (let i = 0; i < options.executors; i++) this.addExecutor();
  }

  /** What the schedulers launch meanwhile is started after. */
  call(work) {
    const began = performance.now();
    work();
    this.msInSchedulers += performance.now() - began;
    const launched = this.#launched;
    if (launched.length === 0) return;
    this.#launched = [];
    for (const task of launched) this.startTask(task);
  }

  addExecutor() {
    const id = String(this.nextExecutor++);
    const host = `host-${Number(id) % options.executors}`;
    this.hosts.set(id, host);
    this.call(() => this.listener.executorAdded(id, host, options.cores));
  }

  loseExecutor() {
    const ids = [...this.hosts.keys()];
    const id = ids[this.random.nextInt(ids.length)];
    this.hosts.delete(id);
    for (const [taskId, executorId] of this.running)
      if (executorId === id) {
        this.running.delete(taskId);
        this.ended.lost++;
      }
    this.call(() => this.listener.executorLost(id, { message: 'lost', exitCausedByApp: false, workerLost: false }));
    this.clock.at(this.clock.now() + 5000, () => this.addExecutor());
  }

  startTask(task) {
    this.attempts++;
    const { taskId, executorId, stageId, partition } = task;
    this.running.set(taskId, executorId);
    let ms = 1000 + this.random.nextInt(1000);
    if (this.random.next() < options.stragglers) ms *= 10;
    const stage = this.stages.get(stageId);
    if (stage.reads !== null && this.mapOutputs.numAvailableOutputs(stage.reads) < stage.numMaps) {
      this.clock.at(this.clock.now() + 50, () => this.end(taskId, 'fetchFailed', stage, executorId));
      return;
    }
    const how = this.random.next() < options.failures ? 'failed' : 'succeeded';
    this.clock.at(this.clock.now() + ms, () => this.end(taskId, how, stage, executorId, partition));
  }

  end(taskId, how, stage, executorId) {
    if (!this.running.delete(taskId)) return; // lost, or killed before
    this.ended[how]++;
    const result = this.resultOf(taskId, how, stage, executorId);
    this.call(() => this.listener.statusUpdate(taskId, result));
    this.finished++;
    if (this.finished % Math.ceil(options.tasks / 8) === 0) this.measureHeap();
  }

  resultOf(taskId, how, stage, executorId) {
    if (how === 'killed') return failed({ kind: 'TaskKilled', reason: 'as wished' });
    if (how === 'failed') {
      const error = { name: 'Error', code: null, message: 'simulated', stack: 'Error: simulated', cause: null };
      return failed({ kind: 'ExceptionFailure', error, retriable: true });
    }
    if (how === 'fetchFailed') {
      const reason = { location: null, shuffleId: stage.reads, mapId: null, mapIndex: null, reduceId: 0 };
      return failed({ kind: 'FetchFailed', ...reason, message: 'simulated' });
    }
    const { metrics, bytes, sizes } = this;
    if (stage.reads !== null) return { kind: 'Result', bytes, accumulators: [], metrics };
    const location = { executorId, host: this.hosts.get(executorId), port: 0 };
    return { kind: 'MapOutput', status: { location, mapId: taskId, sizes }, accumulators: [], metrics };
  }

  /** A map stage that prefers hosts and a result stage that prefers none, of the same size. */
  submit() {
    if (this.jobsStarted === options.jobs) return;
    const job = this.jobsStarted++;
    const half = Math.round(options.tasks / options.jobs / 2);
    const maps = new SimulatedNode(2 * job, half, [], options.executors);
    const partitioner = new HashPartitioner(half);
    const dependency = { kind: 'Shuffle', rdd: maps, shuffleId: job, partitioner, mapSideCombine: false };
    const node = new SimulatedNode(2 * job + 1, half, [dependency], 0);
    const partitions = Array.from({ length: half }, (_, i) => i);
    // Stage ids are given in order: the map side first.
    this.stages.set(2 * job, { reads: null, numMaps: half });
    this.stages.set(2 * job + 1, { reads: job, numMaps: half });
    this.call(() => {
      const request = { node, partitions, sink: null, properties: {}, callSite: 'simulation', onTaskResult() {} };
      const { done } = this.scheduler.submitJob(request);
      done.then(
        () => {
          this.jobsLeft--;
          this.submit();
        },
        (error) => {
          throw error;
        },
      );
    });
  }

  measureHeap() {
    const cpuBefore = cpuUs();
    const before = performance.now();
    collectGarbage();
    this.cpuOfHeap += cpuUs() - cpuBefore;
    this.msOfHeap += performance.now() - before;
    this.heapPeak = Math.max(this.heapPeak, process.memoryUsage().heapUsed);
  }

  async run() {
    this.measureHeap();
    const base = this.heapPeak;
    for (let i = 0; i < options.concurrent; i++) this.submit();
    // Tasks take 1.5 s on average: this is when the work would end if nothing went wrong.
    const expected = (1500 * options.tasks) / (options.executors * options.cores);
    for (let i = 0; i < options.losses; i++)
      this.clock.at(this.random.nextInt(Math.ceil(expected)), () => this.loseExecutor());
    const cpuBegan = cpuUs();
    const began = performance.now();
    this.cpuOfHeap = 0;
    this.msOfHeap = 0;
    this.msInSchedulers = 0;
    while (this.jobsLeft > 0) {
      // Now and then, and when nothing runs, promises get their turn.
      for (let i = 0; i < 1000 && (i === 0 || this.running.size > 0); i++) {
        const what = this.clock.next();
        if (what === null) break;
        what();
      }
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const us = cpuUs() - cpuBegan - this.cpuOfHeap;
    const share = this.msInSchedulers / (performance.now() - began - this.msOfHeap);
    this.scheduler.stop();
    return {
      ...options,
      attempts: this.attempts,
      ended: this.ended,
      usPerTask: (us * share) / options.tasks,
      usPerAttempt: (us * share) / this.attempts,
      usOfSimulation: (us * (1 - share)) / options.tasks,
      bytesPerTask: (this.heapPeak - base) / options.tasks,
      simulatedSeconds: this.clock.now() / 1000,
    };
  }
}

/** CPU time of the whole process, its helper threads too. */
function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function failed(reason) {
  return { kind: 'Failed', reason, metrics: null };
}

process.stdout.write(`${JSON.stringify(await new Simulation().run())}\n`);

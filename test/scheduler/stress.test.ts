import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SeededRandom, seededRandom } from '../../src/base/seeded-random.ts';
import type { TaskDescription, TaskResult } from '../../src/protocol/task.ts';
import type { TaskFailedReason } from '../../src/protocol/task-end-reason.ts';
import type { ShuffleDependency } from '../../src/rdd/dependency.ts';
import type { RDDNode } from '../../src/rdd/rdd-node.ts';
import { DEFAULT_EXCLUSION, DEFAULT_SPECULATION, type SchedulerSettings } from '../../src/scheduler/settings.ts';
import type { StageWork } from '../../src/scheduler/task-set.ts';
import { failedWith, mapOutputOf, resultOf } from '../kit/fake-backend.ts';
import { mapped, orderSensitive, shuffled, shuffleOf, source, unionOf } from '../kit/fake-nodes.ts';
import { FakeCluster, settled, type WatchedJob } from '../kit/fake-scheduler.ts';

// ISKRA_SEED runs that one seed; ISKRA_ROUNDS more seeds than the few that always run.
const { ISKRA_SEED, ISKRA_ROUNDS } = process.env;
const FIRST_SEED = Number(ISKRA_SEED ?? 1);
const ROUNDS = ISKRA_SEED === undefined ? Number(ISKRA_ROUNDS ?? 10) : 1;

/** A cluster that breaks in every way it can, and a driver that asks much of it. */
class Storm {
  readonly random: SeededRandom;
  readonly cluster: FakeCluster;
  readonly jobs: { job: WatchedJob; node: RDDNode; cancelled: boolean }[] = [];
  readonly nodes: RDDNode[] = [];
  readonly works = new Map<string | undefined, StageWork>();
  readonly provenance: Provenance | null;
  calm = false;
  nextExecutor = 0;

  /** @param indeterminate stages whose output is another one each time; then nothing is cached. */
  constructor(seed: number, indeterminate = false) {
    this.random = seededRandom(seed);
    const shuffleServiceEnabled = this.random.nextInt(4) === 0;
    this.cluster = new FakeCluster(
      {
        mode: this.random.nextInt(2) === 0 ? 'FIFO' : 'FAIR',
        cpusPerTask: 1 + this.random.nextInt(2),
        shuffleServiceEnabled,
        unregisterOutputOnHost: shuffleServiceEnabled,
        ...this.faultSettings(),
      },
      seed,
    );
    const { makeProgram } = this.cluster;
    this.cluster.makeProgram = (work, key) => {
      if (!this.calm && this.chance(2)) throw new Error('cannot capture');
      this.works.set(key.split('.')[0], work);
      return makeProgram(work, key);
    };
    this.provenance = indeterminate ? new Provenance(this.cluster, (task) => this.readsOf(task)) : null;
    for (let i = 0; i < 3; i++) this.addExecutor();
  }

  faultSettings(): Partial<SchedulerSettings> {
    const speculation = { ...DEFAULT_SPECULATION, quantile: 0.3, multiplier: 1.5, minTaskRuntimeMs: 50 };
    const exclusion = { ...DEFAULT_EXCLUSION, timeoutMs: 2000, unschedulableTimeoutMs: 1000, fetchFailure: true };
    return {
      speculation: this.chance(50) ? speculation : null,
      exclusion: this.chance(50) ? { ...exclusion, application: this.chance(70), taskAndStage: this.chance(70) } : null,
      dynamicAllocation: this.chance(30),
    };
  }

  chance(percent: number): boolean {
    return this.random.nextInt(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.nextInt(items.length)] as T;
  }

  addExecutor(): void {
    const id = String(this.nextExecutor++);
    // Some take many short tasks.
    const queuedShortTasks = this.nextExecutor % 5 === 0 ? 8 : 0;
    this.cluster.backend.addExecutor(
      id,
      2 + this.random.nextInt(3),
      `host-${this.random.nextInt(3)}`,
      this.random.nextInt(3),
      0,
      queuedShortTasks,
    );
  }

  /** A node over new or known nodes: jobs share stages, lineages fork and meet. */
  node(): RDDNode {
    const kinds = this.nodes.length === 0 ? 1 : this.provenance === null ? 6 : 8;
    const kind = this.random.nextInt(kinds);
    const parent = kind === 0 ? null : this.pick(this.nodes);
    let node: RDDNode;
    const preferred = [[`host-${this.random.nextInt(4)}`], [], [`executor_host-1_${this.random.nextInt(4)}`]];
    if (parent === null) node = source(this.random.nextInt(5), this.chance(50) ? preferred : []);
    else if (kind === 1) node = mapped(parent);
    else if (kind === 2) node = unionOf(parent, this.pick(this.nodes));
    else if (kind === 3) node = shuffled(1 + this.random.nextInt(4), parent, shuffleOf(this.pick(this.nodes), 4));
    else if (kind >= 6) node = orderSensitive(parent);
    else node = shuffled(1 + this.random.nextInt(4), parent);
    if (node.numPartitions > 30) return parent ?? node;
    if (this.provenance === null && this.chance(15)) (node as ReturnType<typeof mapped>).cached();
    this.nodes.push(node);
    return node;
  }

  submit(): void {
    let node = this.node();
    for (let i = this.random.nextInt(5); i > 0; i--) node = this.node();
    const delivered = new Map<string, number>();
    const onTaskResult = (): void => this.provenance?.deliver(delivered);
    this.jobs.push({ job: this.cluster.run(node, { onTaskResult }), node, cancelled: false });
  }

  /** An output that this task must read and cannot: [shuffle, map index]; undefined if it has all. */
  missing(task: TaskDescription): { shuffleId: number; mapIndex: number } | undefined {
    const missing = this.reads(task).flatMap((shuffleId) =>
      this.cluster.mapOutputs.missingPartitions(shuffleId).map((mapIndex) => ({ shuffleId, mapIndex })),
    );
    return missing[0];
  }

  reads(task: TaskDescription): number[] {
    return this.readsOf(task).map(({ shuffleId }) => shuffleId);
  }

  readsOf(task: TaskDescription): ShuffleDependency[] {
    const work = this.works.get(String(task.stageId));
    assert.ok(work);
    const shuffles: ShuffleDependency[] = [];
    const stack: RDDNode[] = [work.node];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.storageLevel.useMemory && this.isCached(node)) continue;
      for (const dependency of node.dependencies)
        if (dependency.kind === 'Shuffle') shuffles.push(dependency);
        else stack.push(dependency.rdd);
    }
    return shuffles;
  }

  isCached(node: RDDNode): boolean {
    for (let p = 0; p < node.numPartitions; p++)
      if (this.cluster.cache.locations(node.id, p).length === 0) return false;
    return true;
  }

  fetchFailed(task: TaskDescription, shuffleId: number, mapIndex: number | null): TaskResult {
    const status = mapIndex === null ? null : this.cluster.mapOutputs.getMapOutputs(shuffleId)?.statuses[mapIndex];
    return failed({
      kind: 'FetchFailed',
      location: status?.location ?? null,
      shuffleId,
      mapId: status?.mapId ?? null,
      mapIndex: status ? mapIndex : null,
      reduceId: task.partition,
      message: 'gone',
    });
  }

  /** How a task ends as its inputs allow; with `calm` never by bad luck. */
  outcome(task: TaskDescription, calm: boolean): TaskResult {
    const { backend, mapOutputs, cache } = this.cluster;
    const missing = this.missing(task);
    if (missing !== undefined) return this.fetchFailed(task, missing.shuffleId, null);
    const reads = this.reads(task);
    if (!calm && reads.length > 0 && this.chance(8)) {
      const shuffleId = this.pick(reads);
      const numMaps = mapOutputs.getMapOutputs(shuffleId)?.statuses.length ?? 0;
      if (numMaps > 0) return this.fetchFailed(task, shuffleId, this.random.nextInt(numMaps));
    }
    const message = 'by chance';
    if (!calm && this.chance(6)) return failedWith('bad luck');
    if (!calm && this.chance(4)) return failed({ kind: 'SlotLost', message });
    if (!calm && this.chance(3)) return failed({ kind: 'TaskResultLost' });
    if (!calm && this.chance(3)) return failed({ kind: 'TaskKilled', reason: message });
    const work = this.works.get(String(task.stageId));
    if (work?.node.storageLevel.useMemory && this.chance(80)) cache.put(work.node.id, task.partition, task.executorId);
    const host = backend.hosts.get(task.executorId) ?? 'gone';
    return work?.kind === 'ShuffleMap' ? mapOutputOf(task, host) : resultOf(task);
  }

  end(task: TaskDescription, calm: boolean): void {
    const outcome = this.outcome(task, calm);
    this.provenance?.ends(task, outcome);
    this.cluster.backend.end(task, outcome);
  }

  step(): void {
    const { backend, clock, scheduler } = this.cluster;
    const running = [...backend.running.values()];
    const dice = this.random.nextInt(100);
    if (dice < 8) this.submit();
    else if (dice < 11 && backend.hosts.size > 0)
      backend.loseExecutor(this.pick([...backend.hosts.keys()]), {
        exitCausedByApp: this.chance(30),
        workerLost: this.chance(50),
      });
    else if (dice < 15) this.addExecutor();
    else if (dice < 17 && this.jobs.length > 0) {
      const victim = this.pick(this.jobs);
      victim.cancelled = true;
      scheduler.cancelJob(victim.job.jobId, 'for fun');
    } else if (dice < 22) clock.advance(this.random.nextInt(1500));
    else if (dice < 23 && running.length > 0) scheduler.killTaskAttempt(this.pick(running).taskId, true, 'for fun');
    else if (dice < 24 && backend.hosts.size > 1)
      backend.listener.executorDecommissioned(this.pick([...backend.hosts.keys()]), null);
    else if (dice < 25) backend.listener.workerRemoved('w', `host-${this.random.nextInt(3)}`, 'gone');
    else if (running.length > 0) this.end(this.pick(running), false);
  }

  /** Good weather until nothing is left to do. */
  calmDown(): void {
    this.calm = true;
    this.addExecutor();
    const { backend, clock } = this.cluster;
    for (let rounds = 0; ; rounds++) {
      assert.ok(rounds < 5000, 'jobs do not end');
      const [task] = backend.running.values();
      if (task !== undefined) this.end(task, true);
      else if (this.cluster.scheduler.numActiveJobs > 0) clock.advance(250);
      else break;
    }
  }
}

/**
 * Which version of which indeterminate map output everything came from. Tasks read when they are launched. The results
 * that a job is given must not come from two versions of one output.
 */
class Provenance {
  readonly #cluster: FakeCluster;
  readonly #ofTask = new Map<number, ReadonlyMap<string, number>>();
  readonly #ofOutput = new Map<number, ReadonlyMap<string, number>>();
  #ending: ReadonlyMap<string, number> = new Map();

  constructor(cluster: FakeCluster, readsOf: (task: TaskDescription) => readonly ShuffleDependency[]) {
    this.#cluster = cluster;
    const { backend } = cluster;
    const launch = backend.launch.bind(backend);
    backend.launch = (executorId, launches) => {
      for (const { task } of launches) this.#ofTask.set(task.taskId, this.#read(readsOf(task)));
      launch(executorId, launches);
    };
  }

  ends(task: TaskDescription, result: TaskResult): void {
    this.#ending = this.#ofTask.get(task.taskId) ?? new Map();
    if (result.kind === 'MapOutput') this.#ofOutput.set(result.status.mapId, this.#ending);
  }

  deliver(delivered: Map<string, number>): void {
    merge(delivered, this.#ending);
  }

  #read(shuffles: readonly ShuffleDependency[]): ReadonlyMap<string, number> {
    const all = new Map<string, number>();
    for (const { shuffleId, rdd } of shuffles) {
      if (rdd.outputDeterminism !== 'INDETERMINATE') continue;
      const statuses = this.#cluster.mapOutputs.getMapOutputs(shuffleId)?.statuses ?? [];
      statuses.forEach((status, index) => {
        if (status === null) return; // the task will fail of it
        merge(all, new Map([[`output ${index} of shuffle ${shuffleId}`, status.mapId]]));
        merge(all, this.#ofOutput.get(status.mapId) ?? new Map());
      });
    }
    return all;
  }
}

function merge(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [output, mapId] of from) {
    const known = into.get(output);
    if (known !== undefined) assert.equal(known, mapId, `two versions of ${output} meet`);
    into.set(output, mapId);
  }
}

function failed(reason: TaskFailedReason): {
  readonly kind: 'Failed';
  readonly reason: TaskFailedReason;
  readonly metrics: null;
} {
  return { kind: 'Failed', reason, metrics: null };
}

test('whatever breaks, every job ends, results come once, and nothing stays behind', () => survive(false));

test('whatever breaks, no job is given results of two versions of an indeterminate output', () => survive(true));

async function survive(indeterminate: boolean): Promise<void> {
  const ends = { succeeded: 0, failed: 0, copies: 0, exclusions: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
    try {
      const storm = new Storm(seed, indeterminate);
      storm.submit();
      for (let i = 0; i < 250; i++) {
        storm.step();
        if (storm.cluster.fatal.length > 0) throw storm.cluster.fatal[0];
      }
      storm.calmDown();
      await settled();
      assert.deepEqual(storm.cluster.fatal, []);
      assert.ok(storm.cluster.scheduler.isIdle, 'tables are not empty');
      storm.cluster.scheduler.checkInvariants();
      storm.cluster.mapOutputs.checkInvariants();
      for (const { job, node, cancelled } of storm.jobs) {
        const outcome = job.outcome();
        if (outcome === null) {
          ends.succeeded++;
          assert.equal(job.results.size, node.numPartitions, 'a result is missing');
        } else {
          ends.failed++;
          assert.ok(outcome instanceof Error);
          assert.match(outcome.message, cancelled ? /cancelled|aborted/ : /^Job aborted due to stage failure: /);
        }
      }
      checkEvents(storm.cluster);
      ends.copies += storm.cluster.heard('SpeculativeTaskSubmitted').length;
      ends.exclusions += storm.cluster.heard('ExecutorExcluded', 'ExecutorExcludedForStage').length;
    } catch (error) {
      throw new Error(`seed ${seed} (run again with ISKRA_SEED=${seed})`, { cause: error });
    }
  }
  // Else the weather is too bad, or too good, to show anything.
  if (ROUNDS > 1) assert.ok(ends.succeeded > 5 * ROUNDS && ends.failed > ROUNDS, JSON.stringify(ends));
  if (ROUNDS > 1) assert.ok(ends.copies > ROUNDS && ends.exclusions > ROUNDS, JSON.stringify(ends));
}

/** What listeners heard must be a possible story: everything that starts ends once, attempts of a stage do not overlap. */
function checkEvents(cluster: FakeCluster): void {
  const open = new Set<string>();
  const runningStages = new Set<number>();
  for (const event of cluster.events) {
    if (event.type === 'SparkListenerJobStart') open.add(`job ${event.jobId}`);
    else if (event.type === 'SparkListenerJobEnd') assert.ok(open.delete(`job ${event.jobId}`), 'a job ends twice');
    else if (event.type === 'SparkListenerTaskStart') open.add(`task ${event.task.taskId}`);
    else if (event.type === 'SparkListenerTaskEnd' && event.reason.kind !== 'Resubmitted')
      assert.ok(open.delete(`task ${event.task.taskId}`), 'a task ends twice');
    else if (event.type === 'SparkListenerStageSubmitted') {
      assert.ok(!runningStages.has(event.stage.stageId), 'attempts of a stage overlap');
      runningStages.add(event.stage.stageId);
    } else if (event.type === 'SparkListenerStageCompleted')
      assert.ok(runningStages.delete(event.stage.stageId), 'a stage completes that does not run');
  }
  assert.deepEqual([...open], []);
  assert.deepEqual([...runningStages], []);
}

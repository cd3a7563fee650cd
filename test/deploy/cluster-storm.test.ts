// A master and workers, machines only, with a network of lists: messages are late, links break, processes die, the master is
// replaced. After every step all invariants hold, and when the weather clears everything is given back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { type SeededRandom, seededRandom } from '../../src/base/seeded-random.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { Worker } from '../../src/deploy/worker/worker.ts';
import type { WorkerEvent, WorkerTimer } from '../../src/deploy/worker/worker-events.ts';
import { workerSettings } from '../../src/deploy/worker/worker-settings.ts';
import type { MasterToWorker, WorkerNews, WorkerToMaster } from '../../src/protocol/master-worker.ts';
import { app, driver, MasterMachine } from '../kit/master-machine.ts';

type Event = WorkerEvent extends infer E ? (E extends unknown ? Omit<E, 'at'> : never) : never;

/** News of a worker that the master acknowledges. */
interface Told {
  readonly type: 'Told';
  readonly id: string;
  readonly news: WorkerNews;
}
/** On its way down as well. */
interface Acknowledged {
  readonly type: 'Acknowledged';
  readonly id: string;
}

interface Link {
  readonly id: string;
  readonly node: Node;
  readonly up: (WorkerToMaster | Told)[];
  readonly down: (MasterToWorker | Acknowledged)[];
}

interface Node {
  readonly name: string;
  readonly worker: Worker;
  readonly timers: Map<WorkerTimer, number>;
  /** What its disk and its processes are about to say. */
  readonly soon: Event[];
  readonly running: Set<string>;
  readonly spares: Set<string>;
}

class Storm {
  readonly random: SeededRandom;
  master: MasterMachine;
  readonly nodes: Node[] = [];
  readonly links = new Map<string, Link>();
  readonly apps = new Map<string, string>();
  at = 0;
  #next = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.master = new MasterMachine({ 'spark.deploy.maxExecutorRetries': -1 });
    this.at = this.master.at;
    for (let i = 0; i < 3; i++) this.addNode(`n${i}`, seed + i);
  }

  addNode(name: string, seed: number): void {
    const identity = {
      host: `host-${name}`,
      port: 1,
      cores: 8,
      memory: 8192,
      webUiUrl: '',
      resources: { gpu: ['0', '1', '2'] },
      masters: ['master:7077'],
      workDir: '/w',
      programs: { CoarseGrainedExecutorBackend: '/e', DriverWrapper: '/d' },
      hasSpares: true,
    };
    const settings = workerSettings(new SparkConf(), identity, this.at);
    const worker = new Worker(settings, silentLogger, seededRandom(seed));
    const node: Node = { name, worker, timers: new Map(), soon: [], running: new Set(), spares: new Set() };
    this.nodes.push(node);
    this.toNode(node, { type: 'Start' });
  }

  connect(node: Node): Link {
    const link: Link = { id: `l${this.#next++}`, node, up: [], down: [] };
    this.links.set(link.id, link);
    return link;
  }

  toNode(node: Node, event: Event): void {
    const effects = node.worker.handle({ ...event, at: this.at } as WorkerEvent);
    node.worker.checkInvariants();
    for (const effect of effects) {
      switch (effect.type) {
        case 'RegisterAt':
          this.connect(node).up.push({ type: 'RegisterWorker', worker: effect.worker, masterAddress: 'master:7077' });
          break;
        case 'SendToMaster':
          this.links.get(effect.connection)?.up.push(effect.message);
          break;
        case 'TellMaster': {
          const { id, connection, news } = effect;
          const link = this.links.get(connection);
          if (link) link.up.push({ type: 'Told', id, news });
          else {
            const fault = { kind: 'link', message: 'gone' } as const;
            node.soon.push({ type: 'NewsAnswered', id, connection, fault });
          }
          break;
        }
        case 'CloseConnection':
          if (this.links.delete(effect.connection))
            this.onMaster(() => this.master.handle({ type: 'Disconnected', connection: effect.connection }));
          break;
        case 'SetTimer':
          node.timers.set(effect.timer, effect.at);
          break;
        case 'CancelTimer':
          node.timers.delete(effect.timer);
          break;
        case 'PrepareExecutor':
          node.soon.push(
            this.random.next() < 0.9
              ? { type: 'ExecutorPrepared', key: effect.key, appDirs: effect.appDirs ?? ['/tmp/x'] }
              : { type: 'ExecutorNotPrepared', key: effect.key, message: 'no', appDirs: null },
          );
          break;
        case 'PrepareDriver':
          node.soon.push({ type: 'DriverPrepared', key: effect.key, userJar: '/j' });
          break;
        case 'StartProcess':
          assert.ok(!node.running.has(effect.key), `${effect.key} runs twice on ${node.name}`);
          node.running.add(effect.key);
          if (effect.spare !== null) {
            assert.ok(node.spares.delete(effect.spare), `${effect.spare} is used twice on ${node.name}`);
            const used = this.random.next() < 0.8;
            const { spare: id } = effect;
            node.soon.push(used ? { type: 'SpareUsed', id } : { type: 'SpareEnded', id, message: 'no answer' });
          }
          node.soon.push({ type: 'ProcessStarted', key: effect.key });
          break;
        case 'StartSpare':
          if (this.random.next() < 0.8) node.spares.add(effect.id);
          else node.soon.push({ type: 'SpareEnded', id: effect.id, message: 'it exited with 1' });
          assert.ok(node.spares.size <= 1, `${node.name} has more spares than wanted`);
          break;
        case 'EndSpare':
          node.spares.delete(effect.id);
          break;
        case 'SignalProcess':
          if (node.running.delete(effect.key))
            node.soon.push({ type: 'ProcessExited', key: effect.key, exitCode: 143 });
          break;
        case 'Exit':
          assert.fail(`${node.name} ends: ${effect.message}`);
          break;
        case 'CancelRegistration':
        case 'EndPreparation':
        case 'RemoveDirs':
        case 'CleanWorkDir':
        case 'ExecutorRemoved':
        case 'ApplicationRemoved':
          break; // nothing that others see
      }
    }
  }

  /** Does what the master wanted last. */
  afterMaster(): void {
    for (const effect of this.master.effects) {
      if (effect.type === 'SendToWorker') {
        const { address, connection } = effect.to;
        const open = connection === null ? undefined : this.links.get(connection);
        const node = this.nodes.find(({ name }) => `host-${name}:1` === address);
        if (open) open.down.push(effect.message);
        else if (connection === null && node) this.connect(node).down.push(effect.message);
      } else if (effect.type === 'SendToApp' && effect.message.type === 'MasterChanged') {
        for (const [name, appId] of this.apps)
          if (`${name}:1` === effect.to.address) {
            this.master.fromApp(
              { type: 'MasterChangeAcknowledged', appId, highestExecutorId: 1_000_000 + this.#next++, totals: null },
              `c-${name}`,
            );
            this.afterMaster();
          }
      }
    }
  }

  onMaster(act: () => void): void {
    this.master.at = this.at;
    act();
    this.afterMaster();
  }

  breakLink(link: Link): void {
    this.links.delete(link.id);
    if (this.random.next() < 0.5) {
      this.onMaster(() => this.master.handle({ type: 'Disconnected', connection: link.id }));
      this.toNode(link.node, { type: 'Disconnected', connection: link.id });
    } else {
      this.toNode(link.node, { type: 'Disconnected', connection: link.id });
      this.onMaster(() => this.master.handle({ type: 'Disconnected', connection: link.id }));
    }
  }

  /** One message of one link, in one direction. @returns false when there is none. */
  deliver(): boolean {
    const full = [...this.links.values()].filter(({ up, down }) => up.length + down.length > 0);
    const link = full[this.random.nextInt(Math.max(full.length, 1))];
    if (link === undefined) return false;
    const up = link.up.length > 0 && (link.down.length === 0 || this.random.next() < 0.5) ? link.up.shift() : undefined;
    if (up) {
      this.onMaster(() => this.master.fromWorker(up.type === 'Told' ? up.news : up, link.id));
      if (up.type === 'Told') link.down.push({ type: 'Acknowledged', id: up.id });
    } else {
      const down = link.down.shift();
      if (down?.type === 'Acknowledged')
        this.toNode(link.node, { type: 'NewsAnswered', id: down.id, connection: link.id, fault: null });
      else if (down) this.toNode(link.node, { type: 'FromMaster', from: link.id, message: down });
    }
    return true;
  }

  soon(): boolean {
    const busy = this.nodes.filter((node) => node.soon.length > 0);
    const node = busy[this.random.nextInt(Math.max(busy.length, 1))];
    const event = node?.soon.shift();
    if (node === undefined || event === undefined) return false;
    this.toNode(node, event);
    return true;
  }

  passes(ms: number): void {
    this.at += ms;
    for (const node of this.nodes)
      for (const [timer, at] of [...node.timers])
        if (at <= this.at && node.timers.delete(timer)) this.toNode(node, { type: 'Woken', timer });
    this.onMaster(() => this.master.handle({ type: 'Woken', timer: 'CheckForWorkerTimeOut' }));
  }

  restartMaster(): void {
    const old = this.master;
    old.at = this.at;
    for (const link of this.links.values()) {
      this.links.delete(link.id);
      this.toNode(link.node, { type: 'Disconnected', connection: link.id });
    }
    this.master = old.successor({ 'spark.deploy.maxExecutorRetries': -1 });
    this.afterMaster();
  }

  step(): void {
    const { random } = this;
    const name = `d${random.nextInt(3)}`;
    const appId = this.apps.get(name);
    const roll = random.nextInt(100);
    if (roll < 50) this.deliver();
    else if (roll < 70) this.soon();
    else if (roll < 76) this.passes(random.nextInt(9000));
    else if (roll < 80) {
      const links = [...this.links.values()];
      const link = links[random.nextInt(Math.max(links.length, 1))];
      if (link) this.breakLink(link);
    } else if (roll < 85 && appId === undefined) {
      const cores = random.nextInt(2) === 0 ? null : 1 + random.nextInt(3);
      this.onMaster(() => {
        const id = this.master.app(name, app({ cores, maxCores: 1 + random.nextInt(20), gpu: random.nextInt(2) }));
        this.apps.set(name, id);
      });
    } else if (roll < 88 && appId !== undefined) this.endApp(name, appId);
    else if (roll < 91 && appId !== undefined) {
      const totals = [{ resourceProfileId: 0, total: random.nextInt(6), demand: null }];
      this.onMaster(() => this.master.ask('RequestExecutors', { appId, totals }));
    } else if (roll < 93 && appId !== undefined)
      this.onMaster(() => this.master.ask('KillExecutors', { appId, executorIds: [String(random.nextInt(5))] }));
    else if (roll < 95) {
      const supervise = random.nextInt(2) === 0;
      this.onMaster(() => this.master.ask('RequestSubmitDriver', { driver: driver({ supervise }) }));
    } else if (roll < 96) this.onMaster(() => this.master.ask('RequestKillAllDrivers', null));
    else if (roll < 99) {
      const node = this.nodes[random.nextInt(3)];
      const key = node && [...node.running][0];
      if (node && key && node.running.delete(key))
        node.soon.push({ type: 'ProcessExited', key, exitCode: random.nextInt(2) });
    } else this.restartMaster();
    // Whoever was told that a recovering master gave it up is no application any more.
    const live = new Set(this.master.master.state().activeApps.map(({ id }) => id));
    for (const [each, id] of this.apps) if (!live.has(id)) this.apps.delete(each);
  }

  endApp(name: string, appId: string): void {
    this.onMaster(() => this.master.fromApp({ type: 'UnregisterApplication', appId }, `c-${name}`));
    this.apps.delete(name);
  }

  /** Everything that is on its way arrives, and time goes on, until nothing is left to come. */
  clears(): void {
    for (let i = 0; i < 40; i++) {
      while (this.deliver() || this.soon());
      this.passes(15_000);
    }
  }
}

const first = Number(process.env['ISKRA_SEED'] ?? 1);
for (let seed = first; seed < first + 20; seed++) {
  test(`master and workers agree after a storm (seed ${seed})`, () => {
    const storm = new Storm(seed);
    for (let i = 0; i < 600; i++) storm.step();
    if (storm.master.master.status !== 'ALIVE')
      storm.onMaster(() => storm.master.handle({ type: 'Woken', timer: 'CompleteRecovery' }));
    storm.clears();
    // What the master believes to run is what the workers run.
    const { workers, activeApps } = storm.master.master.state();
    const alive = workers.filter(({ state }) => state === 'ALIVE').map(({ worker }) => worker.host);
    assert.deepEqual(alive.sort(), ['host-n0', 'host-n1', 'host-n2']);
    const believed = activeApps.flatMap(({ executors }) => executors.map(({ appId, execId }) => `${appId}/${execId}`));
    const real = storm.nodes.flatMap(({ worker }) => worker.state().executors.map((e) => `${e.appId}/${e.execId}`));
    assert.deepEqual(believed.sort(), real.sort());
    for (const { name, worker } of storm.nodes) {
      const summary = workers.find(({ worker: { host }, state }) => host === `host-${name}` && state === 'ALIVE');
      assert.equal(summary?.coresUsed, worker.state().coresUsed);
      assert.ok(worker.state().coresUsed <= 8);
    }
    // And when all is over, nothing is held.
    for (const [name, id] of [...storm.apps]) storm.endApp(name, id);
    for (let i = 0; i < 3 && storm.master.master.state().activeDrivers.length > 0; i++) {
      storm.onMaster(() => storm.master.ask('RequestKillAllDrivers', null));
      storm.clears();
    }
    storm.clears();
    for (const { worker } of storm.nodes) assert.deepEqual([worker.state().coresUsed, worker.idle], [0, true]);
    assert.deepEqual(storm.master.master.state().activeDrivers, []);
  });
}

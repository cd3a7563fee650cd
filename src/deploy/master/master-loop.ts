import { findPackageCache, openPackageCache } from '../../app-package/package-cache.ts';
import { type PackageStoreHandle, registerPackageStore } from '../../app-package/package-server.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { errorToData, IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { seededRandom } from '../../base/seeded-random.ts';
import { PACKAGE_CACHE_TTL, PACKAGE_MAX_READERS, PACKAGE_MAX_SIZE } from '../../config/package-entries.ts';
import { PARANOID } from '../../config/slot-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import {
  APP_CLIENT_ENDPOINT,
  type AppToMaster,
  type AskMaster,
  type MasterToApp,
} from '../../protocol/master-client.ts';
import {
  MASTER_ENDPOINT,
  type MasterToWorker,
  type TellMaster,
  WORKER_ENDPOINT,
  type WorkerToMaster,
} from '../../protocol/master-worker.ts';
import { formatAddress, parseAddress, type RpcAddress } from '../../rpc/rpc-address.ts';
import type { RpcCaller, RpcRef } from '../../rpc/rpc-endpoint.ts';
import { RpcEnv } from '../../rpc/rpc-env.ts';
import { rpcSettings } from '../../rpc/rpc-settings.ts';
import type { RpcSecurity } from '../../rpc/security.ts';
import type { LeaderElection } from '../recovery/leader-election.ts';
import type { PersistenceEngine } from '../recovery/persistence-engine.ts';
import { Master } from './master.ts';
import type {
  ConnectionId,
  MasterEffect,
  MasterEvent,
  MasterQuestion,
  MasterReply,
  MasterTimer,
  Peer,
} from './master-events.ts';
import { masterSettings } from './master-settings.ts';
import { checkQuestion, isMessageType, type Received, receivedMessage } from './message-faults.ts';
import { RecordKeeper } from './record-keeper.ts';

export interface MasterOptions {
  readonly conf: SparkConf;
  /** The name or address by which workers and applications reach it. */
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** Where it listens; `host` when absent. */
  readonly bindAddress?: string;
  /** Of its pages, with the port that they are served at; '' when there are none. */
  readonly webUiUrl: string;
  readonly security: RpcSecurity;
  readonly persistence: PersistenceEngine;
  readonly election: LeaderElection;
  readonly log: Logger;
  readonly clock?: Clock;
  /** For ids and the order of workers; from the clock when absent. */
  readonly seed?: number;
}

/** How a master's process is to end. */
export interface MasterEnd {
  readonly code: number;
  readonly message: string;
}

/** A master that serves. */
export interface MasterLoop {
  /** `spark://host:port` */
  readonly url: string;
  /** With the bound port. */
  readonly address: RpcAddress;
  /** @throws IskraError `MASTER_STOPPED` when it ends first, `BAD_MESSAGE` that names the field that is wrong. */
  ask<K extends keyof AskMaster>(type: K, request: AskMaster[K][0]): Promise<AskMaster[K][1]>;
  /** When it has ended, whatever the reason, and everything is closed; never rejected. */
  readonly finished: Promise<MasterEnd>;
  /** Closes everything; twice is fine. */
  stop(): Promise<void>;
}

/** Spark: SparkExitCode.UNCAUGHT_EXCEPTION */
const UNCAUGHT_EXCEPTION = 50;
/** How often a master looks for packages that nobody needs. */
const PACKAGE_CLEAN_MS = 3_600_000;
/** The most that Node's timers take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** News that a machine refuses without having changed anything. */
const REFUSED_NEWS: ReadonlySet<string> = new Set(['ILLEGAL_EXECUTOR_STATE', 'UNEXPECTED_DRIVER_STATE']);

type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;
type Work = MasterEffect | { readonly type: 'CatchUp' } | { readonly type: 'Acknowledge'; heard(): void };
interface Waiting {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/**
 * Serves as master of a standalone cluster, from now on. It gives nothing before it is elected.
 *
 * @throws IllegalArgumentError for a setting that cannot be, or a host where it would be open to everybody; IskraError `RPC_BIND`
 * when the port is taken: a master has no other.
 *
 * Spark: Master.startRpcEnvAndEndpoint
 */
export async function startMaster(options: MasterOptions): Promise<MasterLoop> {
  const { conf, host, port, bindAddress, security } = options;
  const clock = options.clock ?? systemClock;
  const logger = options.log;
  // Settings that cannot be are said before the port is taken.
  masterSettings(conf, '', '');
  const env = await RpcEnv.create({
    name: 'sparkMaster',
    host,
    port,
    ...(bindAddress !== undefined && { bindAddress }),
    ...rpcSettings(conf),
    // Others look for it at the port that they were told.
    portMaxRetries: 0,
    security,
    clock,
    logger,
  });
  // It serves a port: that was asked for.
  const loop = new Loop(env, env.address as RpcAddress, clock, options);
  loop.start();
  return loop;
}

/**
 * The master's loop: an event is handled in the turn in which it is heard; what follows from it is done in order, in the same turn
 * as long as nothing has to be waited for. While a record is on its way to its place, what comes after it waits.
 *
 * An exception that leaves the machine ends the process: better no master than one that gives what is not there.
 */
class Loop implements MasterLoop {
  readonly url: string;
  readonly address: RpcAddress;
  readonly finished: Promise<MasterEnd>;
  readonly #env: RpcEnv;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #paranoid: boolean;
  readonly #master: Master;
  readonly #persistence: PersistenceEngine;
  readonly #election: LeaderElection;
  readonly #records: RecordKeeper;
  readonly #packages: PackageStoreHandle;
  #cancelClean = (): void => {};
  readonly #callers = new Map<ConnectionId, RpcCaller>();
  /** Connections with kinds of messages that were refused. */
  readonly #refused = new Set<string>();
  /** Those on record who have no connection, by endpoint and address. */
  readonly #dialed = new Map<string, RpcRef<MasterToWorker | MasterToApp>>();
  readonly #asks = new Map<number, Waiting>();
  readonly #timers = new Map<MasterTimer, () => void>();
  #queue: Work[] = [];
  #working = false;
  /** It was elected. */
  #rules = false;
  #nextAskId = 0;
  #ending: Promise<void> | null = null;
  #finish: (end: MasterEnd) => void = () => {};

  constructor(env: RpcEnv, address: RpcAddress, clock: Clock, options: MasterOptions) {
    const { conf, persistence, election } = options;
    this.#env = env;
    this.address = address;
    this.url = `spark://${formatAddress(address)}`;
    this.#clock = clock;
    this.#log = options.log.named('Master');
    this.#paranoid = conf.get(PARANOID);
    const settings = masterSettings(conf, this.url, options.webUiUrl);
    this.#master = new Master(settings, this.#log, seededRandom(options.seed ?? clock.now()));
    this.#persistence = persistence;
    this.#election = election;
    this.#records = new RecordKeeper(persistence, clock, this.#log, () => this.#add([{ type: 'CatchUp' }]));
    this.#packages = registerPackageStore(
      env,
      () => openPackageCache(conf),
      {
        maxPartBytes: conf.get(PACKAGE_MAX_SIZE),
        maxReaders: conf.get(PACKAGE_MAX_READERS),
        timeToLiveMs: conf.get(PACKAGE_CACHE_TTL),
      },
      clock,
      () => findPackageCache(conf),
    );
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  start(): void {
    this.#log.info(`Starting Iskra master at ${this.url}`);
    this.#hear({ type: 'Start' });
    // What arrives is looked at before it counts as what the types say.
    this.#env.register<WorkerToMaster | AppToMaster, AskMaster & TellMaster>(MASTER_ENDPOINT, {
      receive: (message, from) => this.#receive(message, from),
      receiveAndReply: (question, from) =>
        question.type === 'ExecutorStateChanged' || question.type === 'DriverStateChanged'
          ? this.#told(question.request, from)
          : this.ask(question.type, question.request),
      onConnected: (caller) => void this.#callers.set(caller.id, caller),
      onDisconnected: (caller) => {
        this.#callers.delete(caller.id);
        for (const key of this.#refused) if (key.startsWith(`${caller.id} `)) this.#refused.delete(key);
        this.#hear({ type: 'Disconnected', connection: caller.id });
      },
    });
    this.#election.start({
      elected: () => void this.#elected(),
      revoked: () => this.#hear({ type: 'RevokedLeadership' }),
    });
  }

  ask<K extends keyof AskMaster>(type: K, request: AskMaster[K][0]): Promise<AskMaster[K][1]> {
    if (this.#ending !== null) return Promise.reject(stopped());
    const ask = { type, request } as MasterQuestion; // K ties the two together
    try {
      checkQuestion(ask);
    } catch (error) {
      return Promise.reject(error);
    }
    const askId = this.#nextAskId++;
    return new Promise((resolve, reject) => {
      // The reply has the type that belongs to the question's.
      this.#asks.set(askId, { resolve: resolve as (reply: unknown) => void, reject });
      this.#hear({ type: 'Asked', askId, ask });
    });
  }

  stop(): Promise<void> {
    if (this.#ending === null) this.#log.info('The master stops.');
    return this.#end(0, 'The master was stopped.');
  }

  // Events

  async #elected(): Promise<void> {
    let recovered: Extract<MasterEvent, { type: 'ElectedLeader' }>['recovered'];
    try {
      recovered = await this.#persistence.readAll();
    } catch (error) {
      const why = `Cannot read what the master before this one kept: ${messageOf(error)}`;
      this.#log.error(why);
      void this.#end(1, why);
      return;
    }
    this.#hear({ type: 'ElectedLeader', recovered });
    // Now it knows which drivers there are.
    this.#cleanPackages(0);
  }

  #receive(message: unknown, from: RpcCaller): void {
    let received: Received;
    try {
      received = receivedMessage(message);
    } catch (error) {
      this.#refuse(message, from, messageOf(error));
      return;
    }
    if (received.from === 'worker') this.#hear({ type: 'FromWorker', from: from.id, message: received.message });
    else this.#hear({ type: 'FromApp', from: from.id, message: received.message });
  }

  /** Answered when all that follows from it is done, records included: who is not answered tells it again. */
  #told(news: unknown, from: RpcCaller): Promise<null> {
    if (this.#ending !== null) return Promise.reject(stopped());
    let received: Received;
    try {
      received = receivedMessage(news);
    } catch (error) {
      this.#refuse(news, from, messageOf(error));
      return Promise.reject(error);
    }
    if (received.from === 'worker') this.#hear({ type: 'FromWorker', from: from.id, message: received.message });
    return new Promise((resolve) => this.#add([{ type: 'Acknowledge', heard: () => resolve(null) }]));
  }

  /** Who registers hears of it. What anybody else would do about it nobody knows. Logged once a kind and connection. */
  #refuse(received: unknown, from: RpcCaller, message: string): void {
    const type = (received as { readonly type?: unknown } | null)?.type;
    const key = `${from.id} ${isMessageType(type) ? type : '?'}`;
    if (!this.#refused.has(key)) {
      this.#refused.add(key);
      this.#log.warn(`Refused a message: ${message}`, { host: from.remote.host, port: from.remote.port });
    }
    if (type === 'RegisterWorker')
      from.ref<MasterToWorker>(WORKER_ENDPOINT).send({ type: 'RegisterWorkerFailed', message });
    else if (type === 'RegisterApplication')
      from.ref<MasterToApp>(APP_CLIENT_ENDPOINT).send({ type: 'ApplicationRemoved', message });
  }

  #hear(event: WithoutTime<MasterEvent>): void {
    if (this.#ending !== null) return;
    if (event.type === 'ElectedLeader') this.#rules = true;
    if (event.type !== 'RevokedLeadership' && this.#isDeposed()) return;
    let effects: MasterEffect[];
    try {
      effects = this.#master.handle({ ...event, at: this.#clock.now() } as MasterEvent); // an event with its time
      if (this.#paranoid) this.#master.checkInvariants();
    } catch (error) {
      if (IskraError.is(error) && REFUSED_NEWS.has(error.code)) this.#log.error(error.message);
      else this.#broken(error);
      return;
    }
    // It leads no more: nobody may hear anything else from it, what waits for a record included.
    const exit = effects.find((effect) => effect.type === 'Exit');
    if (exit === undefined) this.#add(effects);
    else void this.#end(exit.code, exit.message);
  }

  /**
   * A process that was stopped for a while may hear from workers before it hears that it leads no more. So it asks, before every event
   * and every effect.
   */
  #isDeposed(): boolean {
    if (!this.#rules || this.#election.leads()) return false;
    this.#hear({ type: 'RevokedLeadership' });
    return true;
  }

  #broken(error: unknown): void {
    this.#log.error(`The master is broken and ends: ${errorToData(error).stack}`);
    void this.#end(UNCAUGHT_EXCEPTION, `The master is broken: ${messageOf(error)}`);
  }

  // Effects

  #add(work: readonly Work[]): void {
    for (const each of work) this.#queue.push(each);
    if (this.#working) return;
    this.#working = true;
    this.#workOff();
  }

  #workOff(): void {
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        if (this.#ending === null && this.#isDeposed()) return;
        const wait = this.#do(next);
        if (wait === undefined) continue;
        void wait.then(() => this.#workOff());
        return;
      }
      this.#working = false;
    } catch (error) {
      this.#broken(error);
    }
  }

  /** @returns what is to be waited for, never rejected. */
  #do(work: Work): undefined | Promise<void> {
    switch (work.type) {
      case 'SendToWorker': {
        const fault = this.#send(WORKER_ENDPOINT, work.to, work.message);
        if (fault !== null) this.#notSent(work.message, fault);
        return undefined;
      }
      case 'SendToApp':
        this.#send(APP_CLIENT_ENDPOINT, work.to, work.message);
        return undefined;
      case 'Reply':
        this.#reply(work);
        return undefined;
      case 'Persist':
      case 'Unpersist':
        return this.#records.do(work);
      case 'CatchUp':
        return this.#records.catchUp();
      case 'Acknowledge':
        work.heard();
        return undefined;
      case 'WakeAt':
        this.#wakeAt(work.timer, work.at);
        return undefined;
      case 'Exit':
        return this.#end(work.code, work.message);
    }
  }

  /**
   * Over the connection by which it is known; only who has none, being on record alone, is dialed.
   *
   * @returns why it cannot be sent at all: what an application asks for may have come here, and be too large to go on.
   */
  #send(endpoint: string, { address, connection }: Peer, message: MasterToWorker | MasterToApp): string | null {
    try {
      if (connection !== null) {
        this.#callers.get(connection)?.ref<MasterToWorker | MasterToApp>(endpoint).send(message);
        return null;
      }
      if (address === null) return null;
      const key = `${endpoint}@${address}`;
      const ref = this.#dialed.get(key) ?? this.#env.ref<MasterToWorker | MasterToApp>(parseAddress(address), endpoint);
      this.#dialed.set(key, ref);
      ref.send(message);
      return null;
    } catch (error) {
      const fault = `${message.type} cannot be sent to ${endpoint} ${address ?? ''}: ${messageOf(error)}`;
      this.#log.error(fault);
      return fault;
    }
  }

  /** What was to be launched has failed: nobody else would say so. */
  #notSent(message: MasterToWorker, fault: string): void {
    if (message.type === 'LaunchExecutor') {
      const { appId, execId } = message;
      const news = { type: 'ExecutorStateChanged', appId, execId, state: 'FAILED', message: fault } as const;
      this.#hear({ type: 'FromWorker', from: 'nobody', message: { ...news, exitStatus: null } });
    } else if (message.type === 'LaunchDriver') {
      const news = { type: 'DriverStateChanged', driverId: message.driverId, state: 'ERROR' } as const;
      this.#hear({ type: 'FromWorker', from: 'nobody', message: { ...news, exception: fault } });
    }
  }

  #reply({ askId, reply }: MasterReply): void {
    this.#asks.get(askId)?.resolve(reply);
    this.#asks.delete(askId);
  }

  #wakeAt(timer: MasterTimer, at: number): void {
    this.#timers.get(timer)?.();
    const delay = Math.max(0, at - this.#clock.now());
    this.#timers.set(
      timer,
      this.#clock.after(Math.min(delay, LONGEST_TIMER_MS), () => {
        this.#timers.delete(timer);
        if (delay > LONGEST_TIMER_MS) this.#wakeAt(timer, at);
        else this.#hear({ type: 'Woken', timer });
      }),
    );
  }

  // The end

  /** Parts that no driver needs go, when it begins to lead and then from time to time; one that waits does not know of any driver. */
  #cleanPackages(delayMs: number): void {
    if (this.#ending !== null) return;
    this.#cancelClean = this.#clock.after(
      delayMs,
      () => {
        const needed = this.#master.state().activeDrivers.map(({ driver }) => driver.appResource);
        try {
          this.#packages.clean(needed, this.#clock.now());
        } catch (error) {
          this.#log.warn(`packages of applications could not be cleaned up: ${messageOf(error)}`);
        }
        this.#cleanPackages(PACKAGE_CLEAN_MS);
      },
      true,
    );
  }

  #end(code: number, message: string): Promise<void> {
    this.#ending ??= this.#close().then(() => this.#finish({ code, message }));
    return this.#ending;
  }

  async #close(): Promise<void> {
    // What waits behind a record that never comes to its place is not sent any more.
    this.#queue = [];
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#cancelClean();
    this.#packages.close();
    this.#records.close();
    for (const { reject } of this.#asks.values()) reject(stopped());
    this.#asks.clear();
    await this.#quietly('stop RPC', () => this.#env.stop());
    if (!this.#working && this.#records.isBehind) await this.#records.catchUp();
    // Who leads next reads what was kept: that is complete before the leadership is given up.
    await this.#quietly('close the records', () => this.#persistence.close());
    await this.#quietly('give up the leadership', () => this.#election.stop());
  }

  async #quietly(what: string, act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#log.warn(`Cannot ${what}: ${messageOf(error)}`);
    }
  }
}

function stopped(): IskraError {
  return new IskraError('MASTER_STOPPED', 'The master has stopped.');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { assertNever } from '../../base/assert-never.ts';
import type { EpochMs } from '../../base/clock.ts';
import { InvariantError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { ApplicationDescription } from '../../protocol/deploy-description.ts';
import type { ExecutorTotal, MasterToApp } from '../../protocol/master-client.ts';
import type { AppClientEffect, AppClientEvent, AppClientNews, AppQuestion, ConnectionId } from './app-client-events.ts';
import { ExecutorFailures } from './executor-failures.ts';

/** Spark: StandaloneAppClient.REGISTRATION_TIMEOUT_SECONDS, as ms */
export const REGISTRATION_TIMEOUT_MS = 20_000;
/** Spark: StandaloneAppClient.REGISTRATION_RETRIES */
const REGISTRATION_RETRIES = 3;

const GIVING_UP = 'All masters are unresponsive! Giving up.';

export interface AppClientOptions {
  /** `host:port` of each master; one of them leads. */
  readonly masters: readonly string[];
  readonly app: ApplicationDescription;
  /** `host:port` at which a master that leads later finds this driver. */
  readonly driverAddress: string;
  /** Between tries, ms. */
  readonly registrationTimeoutMs?: number;
}

type Updated = Extract<MasterToApp, { type: 'ExecutorUpdated' }>;
type Added = Extract<MasterToApp, { type: 'ExecutorAdded' }>;

interface Ask {
  readonly question: AppQuestion;
  readonly connection: ConnectionId;
}

/**
 * An application's end of its conversation with the master.
 *
 *   registering ─RegisteredApplication─► registered ⇄ disconnected        (MasterChanged brings it back)
 *        └─ 3 tries, 20 s apart; or every master refuses; or removed by its master ─► dead
 *   each ─Stop─► stopped
 *
 * Glossary. The *master*: the connection over which the leading master was last heard to lead. Only what comes over it counts.
 *
 * When something fails. No master answers: all are tried again, then the client is dead. The link to the master breaks: the client
 * tries all masters, 20 s apart, for as long as it takes, and says that the application is there still; executors go on, and a
 * master that leads next may call as well. Until then nothing can be asked for. A
 * master that takes the application although another one has it is told to forget it. The master removes the application: dead.
 *
 * Invariants:
 * 1. An alarm is set while registering, or registered without a master, and only then.
 * 2. There is a master and an id when registered, and never before.
 * 3. `Dead` is told at most once, and nothing after it; every question gets one reply.
 *
 * Spark: StandaloneAppClient.ClientEndpoint
 */
export class StandaloneAppClient {
  readonly #options: AppClientOptions;
  readonly #timeoutMs: number;
  readonly #log: Logger;
  #state: 'new' | 'registering' | 'registered' | 'dead' | 'stopped' = 'new';
  #tries = 0;
  #alarm = false;
  #appId: string | null = null;
  /** Null: none yet, or its link is broken. */
  #master: ConnectionId | null = null;
  /** Connections to masters over which the application was offered. */
  readonly #offered = new Map<ConnectionId, string>();
  /** Why a master cannot be spoken to at all, or could not be reached at the last try. */
  readonly #faults = new Map<string, { readonly message: string; readonly final: boolean }>();
  #highestExecutorId: number | null = null;
  /** By resource profile: what was asked for and accepted. */
  readonly #totals = new Map<number, ExecutorTotal>();
  readonly #failures = new ExecutorFailures();
  readonly #asks = new Map<number, Ask>();
  #effects: AppClientEffect[] = [];

  constructor(options: AppClientOptions, log: Logger) {
    this.#options = options;
    this.#timeoutMs = options.registrationTimeoutMs ?? REGISTRATION_TIMEOUT_MS;
    this.#log = log;
  }

  /** Null before it is registered. */
  get appId(): string | null {
    return this.#appId;
  }

  handle(event: AppClientEvent): AppClientEffect[] {
    this.#effects = [];
    switch (event.type) {
      case 'Start':
        if (this.#state !== 'new') break;
        this.#state = 'registering';
        this.#tryAll(event.at);
        break;
      case 'Reached':
        this.#reached(event.master, event.connection);
        break;
      case 'NotReached':
        this.#notReached(event.master, event.message, event.final);
        break;
      case 'FromMaster':
        this.#fromMaster(event.message, event.from);
        break;
      case 'Disconnected':
        this.#disconnected(event.connection, event.at);
        break;
      case 'Woken':
        this.#woken(event.at);
        break;
      case 'RequestExecutors':
        this.#ask(event.askId, { type: 'RequestExecutors', totals: event.totals });
        break;
      case 'KillExecutors':
        this.#ask(event.askId, { type: 'KillExecutors', executorIds: event.executorIds });
        break;
      case 'Answered':
        this.#answered(event.askId, event.accepted);
        break;
      case 'Stop':
        this.#stop();
        break;
      default:
        assertNever(event);
    }
    return this.#effects;
  }

  /** @throws InvariantError when one of the class comment's does not hold. */
  checkInvariants(): void {
    const fail = (rule: number, text: string): never => {
      throw new InvariantError(`application client, rule ${rule}: ${text}`);
    };
    const waits = this.#state === 'registering' || (this.#state === 'registered' && this.#master === null);
    if (this.#alarm !== waits) fail(1, `${this.#state}, alarm ${this.#alarm}`);
    if (this.#master !== null && this.#state !== 'registered') fail(2, `${this.#state} with a master`);
    if (this.#state === 'registered' && this.#appId === null) fail(2, 'registered without an id');
    if (this.#state === 'registering' && this.#appId !== null) fail(2, 'has an id and registers');
    if (this.#asks.size > 0 && this.#master === null) fail(3, 'questions wait for a master that is not there');
  }

  // Registration

  /** Spark: ClientEndpoint.tryRegisterAllMasters */
  #tryAll(at: EpochMs): void {
    if (this.#state === 'registering') this.#tries++;
    for (const master of this.#options.masters) {
      this.#log.info(`Connecting to master spark://${master}...`);
      this.#effects.push({ type: 'Connect', master });
    }
    this.#alarm = true;
    this.#effects.push({ type: 'WakeAt', at: at + this.#timeoutMs });
  }

  #woken(at: EpochMs): void {
    if (!this.#alarm) return;
    if (this.#state === 'registering' && this.#tries >= REGISTRATION_RETRIES) this.#dead(this.#givingUp());
    else this.#tryAll(at);
  }

  #reached(master: string, connection: ConnectionId): void {
    // Meanwhile another one may have taken the application.
    if (!this.#alarm) return;
    this.#faults.delete(master);
    this.#offered.set(connection, master);
    const { app, driverAddress } = this.#options;
    if (this.#appId === null) this.#send(connection, { type: 'RegisterApplication', app, driverAddress });
    else
      this.#send(connection, {
        type: 'ReattachApplication',
        appId: this.#appId,
        app,
        driverAddress,
        ...this.#remembered(),
      });
  }

  #notReached(master: string, message: string, final: boolean): void {
    if (!this.#alarm) return;
    this.#log.warn(`Failed to connect to master ${master}: ${message}; ${this.#whatNext(final)}`);
    this.#faults.set(master, { message, final });
    if (this.#state !== 'registering') return;
    const { masters } = this.#options;
    // Waiting for what cannot come would only hide why.
    if (masters.every((each) => this.#faults.get(each)?.final === true)) this.#dead(this.#givingUp());
  }

  /** For whoever waits and reads that a master was not reached. */
  #whatNext(final: boolean): string {
    const inSeconds = `in ${this.#timeoutMs / 1000} s`;
    if (this.#state === 'registered') return `trying again ${inSeconds}`;
    if (final) return 'it would not be so another time';
    const left = REGISTRATION_RETRIES - this.#tries;
    if (left === 0) return `this was the last try; giving up ${inSeconds} unless a master answers`;
    return `trying again ${inSeconds}, ${left === 1 ? 'once more' : `${left} times more`} before giving up`;
  }

  /** The known words, and what became of each master. */
  #givingUp(): string {
    const told = this.#options.masters.map(
      (master) => `spark://${master}: ${this.#faults.get(master)?.message ?? 'no answer to the registration'}`,
    );
    return `${GIVING_UP} (${told.join('; ')})`;
  }

  #registered(appId: string, masterUrl: string, from: ConnectionId): void {
    if (this.#state === 'registering' && this.#offered.has(from)) {
      this.#state = 'registered';
      this.#appId = appId;
      this.#master = from;
      this.#cancelAlarm();
      this.#log.info(`Connected to Spark cluster with app ID ${appId}`);
      this.#tell({ type: 'Connected', appId, masterUrl });
    } else if (appId !== this.#appId) {
      // Its executors would call here, under ids that others have.
      this.#log.warn(`Master ${masterUrl} registered this application as ${appId}, too late; it is unregistered there`);
      this.#send(from, { type: 'UnregisterApplication', appId });
    }
  }

  // What the master says

  #fromMaster(message: MasterToApp, from: ConnectionId): void {
    if (message.type === 'RegisteredApplication') {
      this.#registered(message.appId, message.masterUrl, from);
      return;
    }
    if (this.#alarm && message.type === 'ApplicationRemoved' && this.#offered.has(from)) {
      this.#dead(`Master removed our application: ${message.message}`);
      return;
    }
    if (this.#state !== 'registered') {
      this.#log.debug(`${message.type} of a master is of no use now`);
      return;
    }
    if (message.type === 'MasterChanged') {
      this.#masterChanged(message.masterUrl, from);
      return;
    }
    if (from !== this.#master) {
      this.#log.warn(`Ignored ${message.type} of a master that does not lead this application`);
      return;
    }
    switch (message.type) {
      case 'ApplicationRemoved': {
        const { why } = this.#failures;
        const because =
          message.message === 'FAILED' && why !== null ? ` (its executors ended early, the last: ${why})` : '';
        this.#dead(`Master removed our application: ${message.message}${because}`);
        break;
      }
      case 'ExecutorAdded':
        this.#executorAdded(message);
        break;
      case 'ExecutorUpdated':
        this.#executorUpdated(message);
        break;
      case 'WorkerRemoved': {
        const { workerId, host, message: why } = message;
        this.#log.info(`Master removed worker ${workerId}: ${why}`);
        this.#tell({ type: 'WorkerRemoved', workerId, host, message: why });
        break;
      }
      default:
        assertNever(message);
    }
  }

  #executorAdded({ execId, workerId, hostPort, workerWebUiUrl, cores, memory }: Added): void {
    this.#log.info(`Executor added: ${this.#appId}/${execId} on ${workerId} (${hostPort}) with ${cores} core(s)`);
    this.#highestExecutorId = Math.max(this.#highestExecutorId ?? 0, execId);
    this.#failures.added({ execId, workerId, hostPort, workerWebUiUrl, cores, memory });
    this.#tell({ type: 'ExecutorAdded', execId, workerId, hostPort, workerWebUiUrl, cores, memory });
  }

  #executorUpdated(update: Updated): void {
    const { execId, state, message, exitStatus, workerHost } = update;
    const why = message === null ? '' : ` (${message})`;
    this.#log.info(`Executor updated: ${this.#appId}/${execId} is now ${state}${why}`);
    const warning = this.#failures.updated(this.#appId as string, update); // registered
    if (warning !== null) this.#log.warn(warning);
    this.#tell({ type: 'ExecutorUpdated', execId, state, message: message ?? '', exitStatus, workerHost });
  }

  #masterChanged(masterUrl: string, from: ConnectionId): void {
    const appId = this.#appId as string; // registered
    this.#log.info(`Master has changed, new master is at ${masterUrl}`);
    this.#refuseAsks();
    this.#master = from;
    this.#cancelAlarm();
    this.#send(from, { type: 'MasterChangeAcknowledged', appId, ...this.#remembered() });
    this.#tell({ type: 'Connected', appId, masterUrl });
  }

  /** What a master cannot know that did not hear it. */
  #remembered(): { readonly highestExecutorId: number | null; readonly totals: ExecutorTotal[] | null } {
    const totals = [...this.#totals.values()];
    return { highestExecutorId: this.#highestExecutorId, totals: totals.length === 0 ? null : totals };
  }

  #disconnected(connection: ConnectionId, at: EpochMs): void {
    const offeredTo = this.#offered.get(connection);
    this.#offered.delete(connection);
    if (this.#state === 'registering' && offeredTo !== undefined)
      this.#faults.set(offeredTo, { message: 'closed the connection without an answer', final: false });
    if (connection !== this.#master) return;
    this.#log.warn('Connection to the master failed; waiting for master to reconnect...');
    this.#master = null;
    this.#refuseAsks();
    this.#tell({ type: 'Disconnected' });
    this.#tryAll(at);
  }

  // What the application wants

  #ask(askId: number, question: AppQuestion): void {
    const what = question.type === 'RequestExecutors' ? 'request' : 'kill';
    if (this.#master === null || this.#appId === null) {
      const when = this.#state === 'registered' ? 'while no master is connected' : 'before registering with Master';
      this.#log.warn(`Attempted to ${what} executors ${when}.`);
      this.#effects.push({ type: 'Reply', askId, accepted: false });
      return;
    }
    this.#asks.set(askId, { question, connection: this.#master });
    this.#effects.push({ type: 'Ask', connection: this.#master, askId, appId: this.#appId, question });
  }

  #answered(askId: number, accepted: boolean): void {
    const ask = this.#asks.get(askId);
    if (ask === undefined) return; // replied to when the master was lost
    this.#asks.delete(askId);
    if (accepted && ask.question.type === 'RequestExecutors')
      for (const total of ask.question.totals) this.#totals.set(total.resourceProfileId, total);
    this.#effects.push({ type: 'Reply', askId, accepted });
  }

  /** Who was asked will not answer any more, or does not count. */
  #refuseAsks(): void {
    for (const askId of this.#asks.keys()) this.#effects.push({ type: 'Reply', askId, accepted: false });
    this.#asks.clear();
  }

  // The end

  #dead(reason: string): void {
    this.#end('dead');
    this.#log.error(`Application has been killed. Reason: ${reason}`);
    this.#tell({ type: 'Dead', reason });
  }

  #stop(): void {
    if (this.#state === 'dead' || this.#state === 'stopped') return;
    if (this.#master !== null && this.#appId !== null)
      this.#send(this.#master, { type: 'UnregisterApplication', appId: this.#appId });
    this.#end('stopped');
  }

  #end(state: 'dead' | 'stopped'): void {
    this.#cancelAlarm();
    this.#refuseAsks();
    this.#master = null;
    this.#state = state;
  }

  #cancelAlarm(): void {
    if (!this.#alarm) return;
    this.#alarm = false;
    this.#effects.push({ type: 'CancelWake' });
  }

  #send(connection: ConnectionId, message: Extract<AppClientEffect, { type: 'Send' }>['message']): void {
    this.#effects.push({ type: 'Send', connection, message });
  }

  #tell(news: AppClientNews): void {
    this.#effects.push({ type: 'Tell', news });
  }
}

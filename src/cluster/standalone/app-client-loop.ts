import { assertNever } from '../../base/assert-never.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import {
  APP_CLIENT_ENDPOINT,
  type AppToMaster,
  type AskMaster,
  type ExecutorTotal,
  type MasterToApp,
} from '../../protocol/master-client.ts';
import { MASTER_ENDPOINT } from '../../protocol/master-worker.ts';
import { parseAddress } from '../../rpc/rpc-address.ts';
import type { RpcCaller } from '../../rpc/rpc-endpoint.ts';
import type { RpcEnv } from '../../rpc/rpc-env.ts';
import { RpcEndpointNotFoundError, RpcHandshakeError, RpcMessageError } from '../../rpc/rpc-errors.ts';
import { type AppClientOptions, REGISTRATION_TIMEOUT_MS, StandaloneAppClient } from './app-client.ts';
import type { AppClientEffect, AppClientEvent, AppClientNews, AppQuestion, ConnectionId } from './app-client-events.ts';

export interface AppClientLoopOptions extends AppClientOptions {
  readonly rpc: RpcEnv;
  /** Who shows another one may not speak as a master: executors; null: without authentication. */
  readonly clusterKeyId: string | null;
  readonly hear: (news: AppClientNews) => void;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** An event without its time. */
type News = AppClientEvent extends infer E ? (E extends unknown ? Omit<E, 'at'> : never) : never;

/** Serves the endpoint that masters speak to, and does what the machine wants. Spark: StandaloneAppClient */
export class AppClientLoop {
  readonly #options: AppClientLoopOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #machine: StandaloneAppClient;
  /** Connections that stand, in either direction. */
  readonly #callers = new Map<ConnectionId, RpcCaller>();
  /** Masters that are being connected to. */
  readonly #connecting = new Set<string>();
  readonly #waiting = new Map<number, (accepted: boolean) => void>();
  readonly #queue: AppClientEvent[] = [];
  #working = false;
  #nextAskId = 0;
  #cancelAlarm: () => void = () => {};

  constructor(options: AppClientLoopOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log.named('StandaloneAppClient');
    this.#machine = new StandaloneAppClient(options, this.#log);
  }

  /** Begins to register; what comes of it is told to `hear`. */
  start(): void {
    this.#options.rpc.register<MasterToApp>(APP_CLIENT_ENDPOINT, {
      receive: (message, from) => this.#receive(message, from),
      onConnected: (caller) => this.#callers.set(caller.id, caller),
      onDisconnected: ({ id }) => {
        this.#callers.delete(id);
        this.#hear({ type: 'Disconnected', connection: id });
      },
    });
    this.#hear({ type: 'Start' });
  }

  /** How many executors are wanted in all, running ones included. @returns false when no master took it. */
  requestTotalExecutors(totals: readonly ExecutorTotal[]): Promise<boolean> {
    return this.#ask((askId) => ({ type: 'RequestExecutors', askId, totals }));
  }

  /** @returns false when no master took it. */
  killExecutors(executorIds: readonly string[]): Promise<boolean> {
    return this.#ask((askId) => ({ type: 'KillExecutors', askId, executorIds }));
  }

  /** Tells the master that the application has ended. Twice is fine. */
  stop(): void {
    this.#hear({ type: 'Stop' });
  }

  #receive(message: MasterToApp, from: RpcCaller): void {
    const { clusterKeyId } = this.#options;
    if (clusterKeyId !== null && from.keyId !== clusterKeyId)
      this.#log.warn(`Ignored ${message.type} of somebody who has not shown the secret of the cluster`);
    else this.#hear({ type: 'FromMaster', from: from.id, message });
  }

  #ask(event: (askId: number) => News): Promise<boolean> {
    const askId = this.#nextAskId++;
    return new Promise((resolve) => {
      this.#waiting.set(askId, resolve);
      this.#hear(event(askId));
    });
  }

  #hear(news: News): void {
    this.#queue.push({ ...news, at: this.#clock.now() } as AppClientEvent); // the event that it is, with its time
    if (this.#working) return;
    this.#working = true;
    try {
      for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift())
        for (const effect of this.#machine.handle(event)) this.#do(effect);
    } finally {
      this.#working = false;
    }
  }

  #do(effect: AppClientEffect): void {
    switch (effect.type) {
      case 'Connect':
        void this.#connect(effect.master);
        return;
      case 'Send':
        this.#callers.get(effect.connection)?.ref<AppToMaster>(MASTER_ENDPOINT).send(effect.message);
        return;
      case 'Ask':
        void this.#askMaster(effect);
        return;
      case 'Reply':
        this.#waiting.get(effect.askId)?.(effect.accepted);
        this.#waiting.delete(effect.askId);
        return;
      case 'Tell':
        this.#options.hear(effect.news);
        return;
      case 'WakeAt':
        this.#cancelAlarm();
        this.#cancelAlarm = this.#clock.after(
          Math.max(0, effect.at - this.#clock.now()),
          () => this.#hear({ type: 'Woken' }),
          this.#machine.appId !== null, // jobs keep the process alive, and a master that is gone does not
        );
        return;
      case 'CancelWake':
        this.#cancelAlarm();
        return;
      default:
        assertNever(effect);
    }
  }

  async #connect(master: string): Promise<void> {
    if (this.#connecting.has(master)) return;
    this.#connecting.add(master);
    const address = parseAddress(master);
    // The next try must not find this one under way.
    const timeoutMs = Math.max(1, (this.#options.registrationTimeoutMs ?? REGISTRATION_TIMEOUT_MS) - 1);
    try {
      await this.#options.rpc.connect(address, MASTER_ENDPOINT, { timeoutMs });
      this.#connecting.delete(master);
      const connection = this.#connectionTo(address.host, address.port);
      if (connection === null) throw new Error('it closed the connection');
      this.#hear({ type: 'Reached', master, connection });
    } catch (error) {
      this.#connecting.delete(master);
      // The last: a description that is too large, say, to be sent.
      const final = [RpcHandshakeError, RpcEndpointNotFoundError, RpcMessageError].some(
        (kind) => error instanceof kind,
      );
      this.#hear({ type: 'NotReached', master, message: (error as Error).message, final });
    }
  }

  /** The name of the connection that was made to a master. */
  #connectionTo(host: string, port: number): ConnectionId | null {
    for (const { id, remote, closed } of this.#callers.values())
      if (!closed && remote.host === host && remote.port === port) return id;
    return null;
  }

  async #askMaster({ connection, askId, appId, question }: Extract<AppClientEffect, { type: 'Ask' }>): Promise<void> {
    let accepted = false;
    try {
      accepted = await askOver(this.#callers.get(connection), appId, question);
    } catch (error) {
      this.#log.warn(`The master did not answer ${question.type}: ${(error as Error).message}`);
    }
    this.#hear({ type: 'Answered', askId, accepted });
  }
}

async function askOver(caller: RpcCaller | undefined, appId: string, question: AppQuestion): Promise<boolean> {
  const master = caller?.ref<never, AskMaster>(MASTER_ENDPOINT);
  if (master === undefined) return false;
  const { accepted } =
    question.type === 'RequestExecutors'
      ? await master.ask('RequestExecutors', { appId, totals: question.totals })
      : await master.ask('KillExecutors', { appId, executorIds: question.executorIds });
  return accepted;
}

import type { EpochMs } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { SeededRandom } from '../../base/seeded-random.ts';
import type { ConnectionId, WorkerEffect } from './worker-events.ts';
import type { WorkerSettings } from './worker-settings.ts';

/** Seconds between first tries, and between later ones, before they are fuzzed. */
const INITIAL_INTERVAL_SECONDS = 10;
const PROLONGED_INTERVAL_SECONDS = 60;

/** The master that a worker follows. */
export interface ActiveMaster {
  /** `spark://host:port` */
  readonly url: string;
  readonly webUiUrl: string;
  /** `host:port` by which to come back to it. */
  readonly address: string;
  readonly connection: ConnectionId;
}

/**
 * A worker's way to its master: tries all, then, once it had one and lost it, that one.
 *
 *   begin ─► 6 tries, 5…15 s apart ─► 10 tries, 30…90 s apart ─► give up
 *               └──────────┴─ registered, or called by a master that leads ─► connected ─ link lost ─► begin
 *
 * The intervals are fuzzed once a process, so that the workers of a cluster do not come back in step.
 * The count of tries begins anew only when a timer is set up anew. Spark: Worker.registerWithMaster, reregisterWithMaster
 */
export class Registration {
  /** The last one known, also while the link to it is lost. */
  master: ActiveMaster | null = null;
  registered = false;
  connected = false;
  readonly #settings: WorkerSettings;
  readonly #log: Logger;
  readonly #initialMs: number;
  readonly #prolongedMs: number;
  #attempts = 0;
  /** Null: no timer runs. */
  #nextTryAt: EpochMs | null = null;
  #intervalMs = 0;

  constructor(settings: WorkerSettings, log: Logger, random: SeededRandom) {
    this.#settings = settings;
    this.#log = log;
    const fuzz = random.next() + 0.5;
    this.#initialMs = Math.round(INITIAL_INTERVAL_SECONDS * fuzz) * 1000;
    this.#prolongedMs = Math.round(PROLONGED_INTERVAL_SECONDS * fuzz) * 1000;
  }

  /** True while tries go on. */
  get trying(): boolean {
    return this.#nextTryAt !== null;
  }

  /** Where the worker's pages are to be seen, no slash at its end. Spark: Worker.changeMaster */
  get pagesUrl(): string {
    const { reverseProxy, webUiUrl, worker } = this.#settings;
    if (reverseProxy === null) return webUiUrl;
    return `${(reverseProxy || this.master?.webUiUrl || '').replace(/\/+$/, '')}/proxy/${worker.id}`;
  }

  begin(at: EpochMs): WorkerEffect[] {
    if (this.#nextTryAt !== null) {
      this.#log.info(
        'Not spawning another attempt to register with the master, since there is an attempt scheduled already.',
      );
      return [];
    }
    this.registered = false;
    this.#attempts = 0;
    this.#intervalMs = this.#initialMs;
    return [this.#registerAt(this.#settings.masters), this.#again(at)];
  }

  /** The timer fired. */
  tryAgain(at: EpochMs): WorkerEffect[] {
    if (this.#nextTryAt === null) return [];
    this.#attempts++;
    if (this.registered) return this.#stop();
    if (this.#attempts > this.#settings.maxRegistrationRetries) {
      this.#nextTryAt = null;
      const message = 'All masters are unresponsive! Giving up.';
      this.#log.error(message);
      return [{ type: 'Exit', code: 1, message }];
    }
    this.#log.info(`Retrying connection to master (attempt # ${this.#attempts})`);
    const masters = this.master === null ? this.#settings.masters : [this.master.address];
    const due = this.#nextTryAt;
    if (this.#attempts === this.#settings.initialRegistrationRetries) this.#intervalMs = this.#prolongedMs;
    // At a fixed rate, unless the process was stopped for longer than that.
    return [this.#registerAt(masters), this.#again(due + this.#intervalMs > at ? due : at)];
  }

  /** A master leads and is reached over this connection. Spark: Worker.changeMaster */
  changeMaster(master: ActiveMaster): WorkerEffect[] {
    const old = this.master?.connection ?? master.connection;
    this.master = master;
    this.registered = true;
    this.connected = true;
    if (this.#settings.reverseProxy !== null) this.#log.info(`WorkerWebUI is available at ${this.pagesUrl}`);
    // What is still under way on an older link must not be done: this worker has just said that it does not run.
    if (old === master.connection) return this.#stop();
    return [...this.#stop(), { type: 'CloseConnection', connection: old }];
  }

  #registerAt(masters: readonly string[]): WorkerEffect {
    for (const master of masters) this.#log.info(`Connecting to master ${master}...`);
    return { type: 'RegisterAt', masters, worker: this.#settings.worker };
  }

  #again(from: EpochMs): WorkerEffect {
    this.#nextTryAt = from + this.#intervalMs;
    return { type: 'SetTimer', timer: 'ReregisterWithMaster', at: this.#nextTryAt };
  }

  #stop(): WorkerEffect[] {
    if (this.#nextTryAt === null) return [];
    this.#nextTryAt = null;
    return [{ type: 'CancelTimer', timer: 'ReregisterWithMaster' }, { type: 'CancelRegistration' }];
  }
}

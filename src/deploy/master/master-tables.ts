import type { EpochMs } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { SeededRandom } from '../../base/seeded-random.ts';
import type { MasterStatus } from '../../protocol/deploy-states.ts';
import type { MasterToApp } from '../../protocol/master-client.ts';
import type { MasterToWorker } from '../../protocol/master-worker.ts';
import { fillPattern, idTimestamp } from '../id-pattern.ts';
import type { ApplicationInfo } from './application-info.ts';
import type { DriverInfo } from './driver-info.ts';
import type { MasterEffect, Peer } from './master-events.ts';
import type { MasterSettings } from './master-settings.ts';
import type { WorkerInfo } from './worker-info.ts';

/** Everything a master knows, and what it wants done; the files of its decisions share it. */
export class MasterTables {
  readonly settings: MasterSettings;
  readonly log: Logger;
  readonly random: SeededRandom;
  status: MasterStatus = 'STANDBY';
  /** When the event at hand happened. */
  at: EpochMs = 0;
  /** All that are shown, dead ones, too. */
  readonly workers: Set<WorkerInfo> = new Set();
  /** Those that are not dead. */
  readonly workerById: Map<string, WorkerInfo> = new Map();
  readonly workerByAddress: Map<string, WorkerInfo> = new Map();
  /** Live ones, in the order in which they came. */
  readonly apps: Map<string, ApplicationInfo> = new Map();
  readonly appByAddress: Map<string, ApplicationInfo> = new Map();
  readonly completedApps: ApplicationInfo[] = [];
  /** Live ones, waiting or running. */
  readonly drivers: Map<string, DriverInfo> = new Map();
  readonly waitingDrivers: Set<DriverInfo> = new Set();
  readonly completedDrivers: DriverInfo[] = [];
  effects: MasterEffect[] = [];
  /** Something changed that may let somebody start. */
  scheduleWanted = false;
  /** The time that ids may show first. */
  #idsFrom: EpochMs = 0;
  #nextAppNumber = 0;
  #nextDriverNumber = 0;

  constructor(settings: MasterSettings, log: Logger, random: SeededRandom) {
    this.settings = settings;
    this.log = log;
    this.random = random;
  }

  toWorker(to: Peer, message: MasterToWorker): void {
    this.effects.push({ type: 'SendToWorker', to, message });
  }

  toApp(to: Peer, message: MasterToApp): void {
    this.effects.push({ type: 'SendToApp', to, message });
  }

  /**
   * To be called by a master that takes over: another one may have given the first numbers of this second, also to what is not on record
   * any more and runs somewhere still. So its own ids begin with the next second.
   */
  leaveIdsOfThisSecond(): void {
    this.#idsFrom = Math.floor(this.at / 1000) * 1000 + 1000;
  }

  /** An id that no application of this master had, nor one that it took over. */
  newAppId(): string {
    const { appIdPattern, appNumberModulo = Number.POSITIVE_INFINITY } = this.settings;
    for (let tried = 0; ; tried++) {
      // All numbers of one second may be taken: then it goes on above.
      const number = tried < appNumberModulo ? this.#nextAppNumber % appNumberModulo : this.#nextAppNumber;
      const id = fillPattern(appIdPattern, this.#timestamp(), number);
      this.#nextAppNumber++;
      if (!this.apps.has(id) && !this.completedApps.some((app) => app.id === id)) return id;
    }
  }

  newDriverId(): string {
    for (;;) {
      const id = fillPattern(this.settings.driverIdPattern, this.#timestamp(), this.#nextDriverNumber++);
      if (!this.drivers.has(id) && !this.completedDrivers.some((driver) => driver.id === id)) return id;
    }
  }

  #timestamp(): string {
    return idTimestamp(Math.max(this.at, this.#idsFrom));
  }
}

import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { RecoveryRecord } from '../../protocol/recovery.ts';
import { ZooKeeperError } from '../../zookeeper/zookeeper-error.ts';
import type { Operation } from '../../zookeeper/zookeeper-session.ts';
import type { PersistenceEngine } from './persistence-engine.ts';
import { decodeRecord, encodeRecord, RECORD_NAME, recordName } from './recovery-text.ts';
import type { Fence } from './zookeeper-leader-election-loop.ts';

/** ZooKeeper takes requests up to 1 MiB (jute.maxbuffer); the rest is for paths and headers. */
const LARGEST_RECORD = 1024 * 1024 - 8192;
/** How many records are asked for at a time. */
const TOGETHER = 100;

/** Whoever says who leads. */
export interface Leadership {
  /** null: not this process. */
  readonly fence: Fence | null;
  /** A write was refused because the fence's node was gone. */
  refused(fence: Fence): void;
}

/**
 * One node a record in one directory of ZooKeeper: `app_…`, `driver_…`, `worker_…`, with the same text as in files.
 *
 * Every write is a transaction that checks that the leader's own node in the election is still there: a master that was stopped past the end of
 * its session, and does not know it yet, changes nothing. The same node makes reading right: whoever leads has seen the end of
 * the one before it, and so everything that one wrote.
 *
 * What a broken link leaves open is done again in the same session, as long as that lives. A node that cannot be read is named in the
 * log, left where it is, and passed over.
 *
 * Spark: ZooKeeperPersistenceEngine
 */
export class ZooKeeperEngine implements PersistenceEngine {
  readonly #directory: string;
  readonly #leadership: Leadership;
  readonly #log: Logger;
  /** Names of nodes that are known to be there: a guess, which an answer may correct. */
  readonly #known = new Set<string>();

  constructor(directory: string, leadership: Leadership, log: Logger) {
    this.#directory = directory;
    this.#leadership = leadership;
    this.#log = log;
  }

  /** @throws IskraError LEADERSHIP_LOST; RECOVERY_RECORD for one that is too large; ZooKeeperError. */
  async persist(record: RecoveryRecord): Promise<void> {
    const name = recordName(record.kind, record.id);
    const data = Buffer.from(encodeRecord(record));
    if (data.length > LARGEST_RECORD) {
      const message = `the record of ${record.kind} ${record.id} has ${data.length} bytes, but ZooKeeper takes ${LARGEST_RECORD} at most; make its description smaller`;
      throw new IskraError('RECOVERY_RECORD', message);
    }
    const path = `${this.#directory}/${name}`;
    for (;;) {
      const isKnown = this.#known.has(name);
      const refusal = await this.#write({ type: isKnown ? 'set' : 'create', path, data });
      if (refusal === null || refusal.fault === 'NODE_EXISTS') this.#known.add(name);
      else if (refusal.fault === 'NO_NODE' && isKnown) this.#known.delete(name);
      else if (refusal.fault === 'NO_NODE') await this.#makeDirectory();
      else throw refusal;
      if (refusal === null) return;
    }
  }

  /** @throws IskraError LEADERSHIP_LOST; ZooKeeperError. */
  async unpersist(kind: RecoveryRecord['kind'], id: string): Promise<void> {
    const name = recordName(kind, id);
    const refusal = await this.#write({ type: 'remove', path: `${this.#directory}/${name}` });
    if (refusal !== null && refusal.fault !== 'NO_NODE') throw refusal;
    this.#known.delete(name);
  }

  /** @throws IskraError LEADERSHIP_LOST; ZooKeeperError. */
  async readAll(): Promise<readonly RecoveryRecord[]> {
    await this.#makeDirectory();
    const children = await this.#doing(({ session }) => session.children(this.#directory));
    const names = children.filter((name) => RECORD_NAME.test(name)).sort();
    const records: RecoveryRecord[] = [];
    for (let i = 0; i < names.length; i += TOGETHER)
      for (const record of await Promise.all(names.slice(i, i + TOGETHER).map((name) => this.#read(name))))
        if (record !== null) records.push(record);
    return records;
  }

  close(): void {}

  /** @returns why ZooKeeper refuses it; null: done. */
  #write(operation: Operation): Promise<ZooKeeperError | null> {
    return this.#doing(async (fence) => {
      try {
        await fence.session.commit([{ type: 'check', path: fence.path }, operation]);
        return null;
      } catch (error) {
        if (!(error instanceof ZooKeeperError)) throw error;
        if (error.operation === 1) return error;
        if (error.fault !== 'NO_NODE') throw error;
        this.#leadership.refused(fence);
        throw lost(error);
      }
    });
  }

  async #read(name: string): Promise<RecoveryRecord | null> {
    const path = `${this.#directory}/${name}`;
    const data = await this.#doing(({ session }) => session.get(path));
    if (data === null) return null; // somebody has removed it
    this.#known.add(name);
    try {
      const record = decodeRecord(data.toString('utf8'));
      if (recordName(record.kind, record.id) === name) return record;
      throw new IskraError('RECOVERY_RECORD', `it belongs to ${record.kind} ${record.id}`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log.error(
        `Recovery node ${path} cannot be read and is passed over: ${why}. Remove it when it is not needed.`,
      );
      return null;
    }
  }

  #makeDirectory(): Promise<void> {
    return this.#doing(({ session }) => session.makePath(this.#directory));
  }

  /** Again and again while it is the link alone that breaks, and this process leads. */
  async #doing<T>(act: (fence: Fence) => Promise<T>): Promise<T> {
    for (;;) {
      const { fence } = this.#leadership;
      if (fence === null) throw lost();
      try {
        return await act(fence);
      } catch (error) {
        if (!(error instanceof ZooKeeperError)) throw error;
        if (error.fault === 'SESSION_ENDED') throw lost(error);
        if (error.fault === 'CONNECTION_LOSS') {
          await fence.session.whenConnected().catch(() => {}); // when that has ended, there is no fence any more
          continue;
        }
        throw error;
      }
    }
  }
}

function lost(cause?: unknown): IskraError {
  return new IskraError(
    'LEADERSHIP_LOST',
    'nothing is kept in ZooKeeper by a master that does not lead, or leads no more',
    { cause },
  );
}

import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IllegalArgumentError, IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import type { RecoveryRecord } from '../../protocol/recovery.ts';
import type { PersistenceEngine } from './persistence-engine.ts';
import { decodeRecord, encodeRecord, RECORD_NAME, recordName } from './recovery-text.ts';

/** What a write that did not come to its end leaves. */
const TEMPORARY = '.tmp';

/**
 * One file a record in one directory: `app_…`, `driver_…`, `worker_…`.
 *
 * A file is written under another name, synced, renamed, and its directory synced: there is the old record or the new one, whenever
 * the power fails. A file that cannot be read is named in the log, left where it is, and passed over. Descriptions may contain
 * secrets: only the owner may read them.
 *
 * Calls are synchronous: a record takes one disk sync, and comes with a registration, not with a heartbeat.
 *
 * Spark: FileSystemPersistenceEngine
 */
export class FileSystemEngine implements PersistenceEngine {
  readonly #directory: string;
  readonly #log: Logger;

  /** @throws IskraError when the directory cannot be made. */
  constructor(directory: string, log: Logger) {
    if (directory === '')
      throw new IllegalArgumentError(
        'spark.deploy.recoveryMode is FILESYSTEM, but spark.deploy.recoveryDirectory is not set: name a directory',
      );
    this.#directory = directory;
    this.#log = log;
    this.#doing('make', '', () => makeDirectory(directory, 0o700));
  }

  /** @throws IskraError when the disk does not take it; an earlier record stays as it was. */
  persist(record: RecoveryRecord): void {
    const name = fileName(record.kind, record.id);
    const path = join(this.#directory, name);
    this.#doing('write', name, () => {
      try {
        const fd = openSync(path + TEMPORARY, 'w', 0o600);
        try {
          writeFileSync(fd, encodeRecord(record));
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
        renameSync(path + TEMPORARY, path);
      } catch (error) {
        rmSync(path + TEMPORARY, { force: true });
        throw error;
      }
      this.#syncDirectory();
    });
  }

  /** @throws IskraError when the file cannot be removed. */
  unpersist(kind: RecoveryRecord['kind'], id: string): void {
    const name = fileName(kind, id);
    this.#doing('remove', name, () => {
      rmSync(join(this.#directory, name), { force: true });
      this.#syncDirectory();
    });
  }

  readAll(): readonly RecoveryRecord[] {
    const records: RecoveryRecord[] = [];
    const names = this.#doing('list', '', () => readdirSync(this.#directory)).sort();
    for (const name of names) {
      const path = join(this.#directory, name);
      if (!RECORD_NAME.test(name)) continue;
      try {
        if (name.endsWith(TEMPORARY)) {
          rmSync(path, { force: true });
          continue;
        }
        const record = decodeRecord(readFileSync(path, 'utf8'));
        if (fileName(record.kind, record.id) !== name)
          throw new IskraError('RECOVERY_RECORD', `it belongs to ${record.kind} ${record.id}`);
        records.push(record);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.#log.error(
          `Recovery file ${path} cannot be read and is passed over: ${why}. Remove it when it is not needed.`,
        );
      }
    }
    return records;
  }

  close(): void {}

  #syncDirectory(): void {
    const fd = openSync(this.#directory, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  #doing<T>(what: string, name: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      const path = join(this.#directory, name);
      const why = error instanceof Error ? error.message : String(error);
      throw new IskraError(
        'RECOVERY_FILE_FAILED',
        `cannot ${what} ${path} (spark.deploy.recoveryDirectory): ${why}; check its disk and who may write there`,
        { cause: error, details: { path } },
      );
    }
  }
}

/** No record's name ends like a temporary one's. */
function fileName(kind: RecoveryRecord['kind'], id: string): string {
  return recordName(kind, id).replace(/\.tmp$/, '%2Etmp');
}

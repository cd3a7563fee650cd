import type { LogFound } from '../event-log/event-log-reader.ts';
import type { ApplicationAttempt, ApplicationListed } from '../ui/api/application-source.ts';
import type { LogSummary } from './log-summary.ts';

export interface CatalogSettings {
  /** The directory, as lists show it. */
  readonly logDir: string;
  readonly cleanerMaxAgeMs: number;
  readonly cleanerMaxNum: number;
}

export type CatalogEffect =
  /** Wants `parsed` or `failed` for it. */
  | { readonly type: 'Read'; readonly log: LogFound }
  /** What was read of it does not hold any more. */
  | { readonly type: 'Forget'; readonly path: string }
  | { readonly type: 'Delete'; readonly path: string };

interface Entry {
  log: LogFound;
  /** What it was like when it was read last, well or not; null: never. */
  readAs: string | null;
  /** What it was like when its reading began, which still goes on; null: nobody reads it. */
  readingAs: string | null;
  /** Null: it has not told yet whose it is, or could not be read. */
  summary: LogSummary | null;
}

/**
 * Which logs there are and which applications they are of.
 *
 * Glossary. *Log*: a file or directory of one attempt. *Summary*: what lists show of it. A log is read when it is new, and again
 * when it has grown or was completed: one without an end stays incomplete, and is read again whenever there is more of it. One
 * that could not be read is read again when it has changed, and keeps no other from being listed. Two logs of one attempt, as
 * when an application was renamed while it was read: the complete one counts, else the one that changed last.
 *
 * Invariants (checkInvariants):
 * 1. A log is read by one at a time.
 * 2. An attempt is listed once.
 * 3. A log that is not there any more is in no list.
 *
 * Spark: FsHistoryProvider.checkForLogs, cleanLogs
 */
export class LogCatalog {
  readonly #settings: CatalogSettings;
  readonly #entries = new Map<string, Entry>();

  constructor(settings: CatalogSettings) {
    this.#settings = settings;
  }

  /** The directory was looked through. */
  scanned(logs: readonly LogFound[]): CatalogEffect[] {
    const effects: CatalogEffect[] = [];
    const present = new Set(logs.map(({ path }) => path));
    for (const path of this.#entries.keys())
      if (!present.has(path)) {
        this.#entries.delete(path);
        effects.push({ type: 'Forget', path });
      }
    for (const log of logs) {
      const known = this.#entries.get(log.path);
      const entry = known ?? { log, readAs: null, readingAs: null, summary: null };
      if (known === undefined) this.#entries.set(log.path, entry);
      entry.log = log;
      const version = versionOf(log);
      if (entry.readingAs !== null || entry.readAs === version) continue;
      entry.readingAs = version;
      effects.push({ type: 'Read', log });
    }
    return effects;
  }

  /** @param summary null: it does not say yet whose it is. */
  parsed(log: LogFound, summary: LogSummary | null): void {
    const entry = this.#read(log);
    if (entry !== undefined) entry.summary = summary;
  }

  /** It could not be read; what was known of it stays. */
  failed(log: LogFound): void {
    this.#read(log);
  }

  #read(log: LogFound): Entry | undefined {
    const entry = this.#entries.get(log.path);
    if (entry === undefined) return undefined; // gone meanwhile
    entry.readAs = entry.readingAs;
    entry.readingAs = null;
    return entry;
  }

  /** What is too old, and what is too much. */
  cleanUp(at: number): CatalogEffect[] {
    const { cleanerMaxAgeMs, cleanerMaxNum } = this.#settings;
    const old = at - cleanerMaxAgeMs;
    const gone: string[] = [];
    const kept: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.log.modifiedAt < old) gone.push(entry.log.path);
      else kept.push(entry);
    }
    const ended = kept.filter(({ summary }) => summary !== null && summary.endTime !== null);
    ended.sort((a, b) => a.log.modifiedAt - b.log.modifiedAt);
    const excess = Math.max(0, kept.length - cleanerMaxNum);
    for (const { log } of ended.slice(0, excess)) gone.push(log.path);
    for (const path of gone) this.#entries.delete(path);
    return gone.flatMap((path): CatalogEffect[] => [
      { type: 'Forget', path },
      { type: 'Delete', path },
    ]);
  }

  /** The ones that ended last first, those that run at the end. Spark: FsHistoryProvider.getListing */
  applications(): ApplicationListed[] {
    const byId = new Map<string, { name: string; attempts: ApplicationAttempt[] }>();
    for (const { summary, log } of this.#chosen().values()) {
      const attempt: ApplicationAttempt = { ...summary, lastUpdated: log.modifiedAt, logDir: this.#settings.logDir };
      const known = byId.get(summary.appId);
      if (known === undefined) byId.set(summary.appId, { name: summary.appName, attempts: [attempt] });
      else known.attempts.push(attempt);
    }
    const listed = [...byId].map(([id, { name, attempts }]) => ({
      id,
      name,
      attempts: attempts.sort((a, b) => b.startTime - a.startTime),
    }));
    const end = ({ attempts }: ApplicationListed): number => attempts[0]?.endTime ?? -1;
    return listed.sort((a, b) => end(b) - end(a) || (a.id < b.id ? 1 : -1));
  }

  /** The log of an attempt as it is now; null: there is none. */
  logOf(appId: string, attemptId: string | null): LogFound | null {
    return this.#chosen().get(keyOf(appId, attemptId))?.log ?? null;
  }

  get numLogs(): number {
    return this.#entries.size;
  }

  /** The one log that counts of each attempt. */
  #chosen(): Map<string, { readonly summary: LogSummary; readonly log: LogFound }> {
    const chosen = new Map<string, { summary: LogSummary; log: LogFound }>();
    for (const { summary, log } of this.#entries.values()) {
      if (summary === null) continue;
      const key = keyOf(summary.appId, summary.attemptId);
      const other = chosen.get(key);
      const isBetter =
        other === undefined ||
        (log.isComplete === other.log.isComplete ? log.modifiedAt > other.log.modifiedAt : log.isComplete);
      if (isBetter) chosen.set(key, { summary, log });
    }
    return chosen;
  }

  /** Throws if a numbered rule of the class comment is broken. */
  checkInvariants(): void {
    const attempts = this.applications().flatMap(({ id, attempts }) => attempts.map((a) => keyOf(id, a.attemptId)));
    if (new Set(attempts).size !== attempts.length) throw new Error('an attempt is listed twice');
    for (const [path, { log }] of this.#entries) if (log.path !== path) throw new Error('a log is in the wrong place');
  }
}

function keyOf(appId: string, attemptId: string | null): string {
  return JSON.stringify([appId, attemptId]);
}

/** Changes whenever there is more to read. */
export function versionOf({ bytes, isComplete, files }: LogFound): string {
  return `${bytes}/${files.length}/${isComplete}`;
}

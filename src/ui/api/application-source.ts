import type { AppStatusStore } from '../../status/app-status-store.ts';
import { dateText, ifKnown, type LoggedObject } from '../../status/logged-values.ts';

/** One run of an application, as lists show it. */
export interface ApplicationAttempt {
  readonly attemptId: string | null;
  readonly startTime: number;
  /** Null: it runs, or has ended without a word. */
  readonly endTime: number | null;
  readonly lastUpdated: number;
  readonly user: string;
  readonly sparkVersion: string;
  readonly exitCode: number | null;
  /** Where its log was found. */
  readonly logDir: string | null;
}

export interface ApplicationListed {
  readonly id: string;
  readonly name: string;
  /** The newest first. */
  readonly attempts: readonly ApplicationAttempt[];
}

/** Whence the REST API and the pages have applications: a history server has many, a driver one. */
export interface ApplicationSource {
  /** Its application runs here. Absent: they are read from logs. */
  readonly isLive?: true;
  /** The newest first. */
  applications(): readonly ApplicationListed[];
  /** @returns null when there is none. @throws IskraError when its log cannot be read. */
  store(appId: string, attemptId: string | null): Promise<AppStatusStore | null>;
  /** Its log as one file to download, named by the entries; null: there is none. */
  logZip(appId: string, attemptId: string | null): Promise<AsyncIterable<Uint8Array> | null>;
}

/** Spark: ApplicationInfo of api/v1 */
export function applicationJson({ id, name, attempts }: ApplicationListed): LoggedObject {
  return { id, name, attempts: attempts.map(attemptJson) };
}

function attemptJson(attempt: ApplicationAttempt): LoggedObject {
  const { startTime, endTime, lastUpdated } = attempt;
  return {
    ...ifKnown('attemptId', attempt.attemptId),
    startTime: dateText(startTime),
    endTime: dateText(endTime ?? -1),
    lastUpdated: dateText(lastUpdated),
    duration: endTime === null ? 0 : durationOf(attempt),
    sparkUser: attempt.user,
    completed: endTime !== null,
    appSparkVersion: attempt.sparkVersion,
    ...ifKnown('exitCode', attempt.exitCode),
    ...ifKnown('logSourceName', attempt.logDir, (dir) => `file:${dir}`),
    ...ifKnown('logSourceFullPath', attempt.logDir, (dir) => `file:${dir}`),
    startTimeEpoch: startTime,
    endTimeEpoch: endTime ?? -1,
    lastUpdatedEpoch: lastUpdated,
  };
}

/** For people: one that has no end has lasted until it was last heard of. Spark's API says 0. */
export function durationOf({ startTime, endTime, lastUpdated }: ApplicationAttempt): number {
  return Math.max(0, (endTime ?? lastUpdated) - startTime);
}

// The door of writing: what a driver hears goes to its event log, beside everything else it does.
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import {
  EVENT_LOG_BLOCK_UPDATES,
  EVENT_LOG_BUFFER,
  EVENT_LOG_COMPRESS,
  EVENT_LOG_DIR,
  EVENT_LOG_OVERWRITE,
  EVENT_LOG_ROLLING,
  EVENT_LOG_ROLLING_MAX_FILE_SIZE,
} from '../config/event-log-entries.ts';
import { REDACTION_REGEX } from '../config/logging-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { qualifyPath } from '../io/file-system.ts';
import type { LoggedEvent } from '../protocol/logged-event.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import { EventJson, LOG_START, wantsFlush } from './event-json.ts';
import { heldEvent } from './held-event.ts';
import { LogFiles, requireLogDirectory } from './log-files.ts';
import { logName } from './log-names.ts';

/** Packs a piece of the log so that readers can read pieces one after another. */
type Pack = (bytes: Buffer) => Buffer;

/** Opens the log of an application whose id is known now. @throws IskraError when there is one already. */
export type OpenEventLog = (appId: string, attemptId: string | null) => EventLogWriter;

/** Events that are turned into text in one go; a task's end takes some ten microseconds. */
const EVENTS_PER_TURN = 500;
/** Events that may wait; more are dropped. Spark: spark.scheduler.listenerbus.eventqueue.capacity, ten times of it */
const MAX_WAITING = 100_000;
/** Text that may wait for a slow disk before events stop being turned into more. */
const MAX_PENDING_CHARS: number = 16 * 1024 * 1024;

/**
 * Looks at the settings and loads what compressing needs.
 *
 * @throws IskraError when logs cannot be written as the settings say.
 */
export async function prepareEventLog(conf: SparkConf, log: Logger): Promise<OpenEventLog> {
  const dir = qualifyPath(conf.get(EVENT_LOG_DIR), 'write');
  requireLogDirectory(dir);
  const pack = await packer(conf.get(EVENT_LOG_COMPRESS), log);
  const rolling = conf.get(EVENT_LOG_ROLLING);
  return (appId, attemptId) => {
    const files = new LogFiles({
      dir,
      name: logName(appId, attemptId),
      rolling,
      overwrite: conf.get(EVENT_LOG_OVERWRITE),
      extension: pack === null ? null : 'zstd',
      log,
    });
    log.info(`Logging events to file:${files.path}`);
    return new EventLogWriter(files, {
      pack,
      maxFileBytes: rolling ? conf.get(EVENT_LOG_ROLLING_MAX_FILE_SIZE) : Number.POSITIVE_INFINITY,
      bufferBytes: conf.get(EVENT_LOG_BUFFER),
      json: new EventJson({ redact: conf.get(REDACTION_REGEX), blockUpdates: conf.get(EVENT_LOG_BLOCK_UPDATES) }),
      log,
    });
  };
}

async function packer(wanted: boolean | undefined, log: Logger): Promise<Pack | null> {
  if (wanted === false) return null;
  const { packZstd, prepareZstdWriting } = await import('../io/codecs/zstd-codec.ts');
  try {
    await prepareZstdWriting();
  } catch (error) {
    if (wanted === true)
      throw new IskraError(
        'EVENT_LOG_CODEC',
        `spark.eventLog.compress is true, but event logs cannot be compressed here: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    log.info('Event logs are not compressed: neither this Node nor a package that is installed can write zstd');
    return null;
  }
  return packZstd;
}

export interface EventLogWriterOptions {
  readonly pack: Pack | null;
  /** Of one file of a rolling log. */
  readonly maxFileBytes: number;
  readonly bufferBytes: number;
  readonly json: EventJson;
  readonly log: Logger;
}

/**
 * Writes the events of an application to its log.
 *
 * Hearing one only queues it. Events are turned into text a few hundred at a time, between the turns of everybody else, and
 * written without blocking, one write at a time. What waits is bounded: above it events are dropped, with one warning. An error
 * of the disk is logged once, ends the log as it is, and harms nobody.
 *
 * Spark: EventLoggingListener
 */
export class EventLogWriter {
  readonly #files: LogFiles;
  readonly #options: EventLogWriterOptions;
  #queue: SparkListenerEvent[] = [];
  #next = 0;
  /** Lines of the current file that are not on their way yet. */
  #lines: string[] = [];
  #chars = 0;
  #wantsFlush = true;
  /** The piece that is being written. */
  #inFlight: Buffer | null = null;
  #scheduled = false;
  #state: 'open' | 'broken' | 'closed' = 'open';
  #dropped = 0;
  #idle: (() => void)[] = [];

  constructor(files: LogFiles, options: EventLogWriterOptions) {
    this.#files = files;
    this.#options = options;
    this.#add(LOG_START);
    this.#schedule();
  }

  hear(event: SparkListenerEvent): void {
    if (this.#state !== 'open') return;
    if (this.#queue.length - this.#next >= MAX_WAITING) {
      if (this.#dropped++ === 0)
        this.#options.log.warn(
          `The event log cannot keep up: more than ${MAX_WAITING} events wait, further ones are lost`,
        );
      return;
    }
    this.#queue.push(heldEvent(event));
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight !== null) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#work();
    });
  }

  #work(): void {
    if (this.#state !== 'open') return;
    try {
      this.#convert(EVENTS_PER_TURN);
      const due = this.#wantsFlush || this.#chars >= this.#options.bufferBytes;
      if (due && this.#lines.length > 0) void this.#write();
      else if (this.#next < this.#queue.length) this.#schedule();
      else this.#settle();
    } catch (error) {
      this.#break(error);
    }
  }

  /** Stops where the current file is full. */
  #convert(most: number): void {
    const { json } = this.#options;
    const end = Math.min(this.#queue.length, this.#next + most);
    while (this.#next < end && this.#chars < MAX_PENDING_CHARS) {
      const event = this.#queue[this.#next++] as SparkListenerEvent; // below the end
      const logged = json.of(event);
      if (logged === null) continue;
      this.#add(logged);
      this.#wantsFlush ||= wantsFlush(event);
    }
    if (this.#next < this.#queue.length) return;
    this.#queue = [];
    this.#next = 0;
  }

  #add(event: LoggedEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    this.#lines.push(line);
    this.#chars += line.length;
  }

  /** The lines that still fit the current file, as bytes; rolls first when none does. */
  #take(): Buffer {
    const { pack, maxFileBytes } = this.#options;
    let room = maxFileBytes - this.#files.fileBytes;
    const first = this.#lines[0] ?? '';
    if (this.#files.fileBytes > 0 && Buffer.byteLength(first) > room) {
      this.#files.roll();
      room = maxFileBytes;
    }
    let count = 0;
    let bytes = 0;
    // One line fits always: files of nothing help nobody.
    for (const line of this.#lines) {
      bytes += line.length;
      if (count > 0 && bytes > room) break;
      count++;
    }
    const taken = count === this.#lines.length ? this.#lines : this.#lines.slice(0, count);
    this.#lines = count === this.#lines.length ? [] : this.#lines.slice(count);
    const text = taken.join('');
    this.#chars -= text.length;
    const plain = Buffer.from(text);
    return pack === null ? plain : pack(plain);
  }

  async #write(): Promise<void> {
    try {
      do {
        this.#inFlight = this.#take();
        await this.#files.append(this.#inFlight);
        // Written by `closeNow` meanwhile.
        if (this.#state !== 'open') return;
      } while (this.#lines.length > 0);
      this.#inFlight = null;
      this.#wantsFlush = false;
      if (this.#next < this.#queue.length) this.#schedule();
      else this.#settle();
    } catch (error) {
      this.#break(error);
    }
  }

  #break(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'broken';
    this.#inFlight = null;
    this.#queue = [];
    this.#lines = [];
    this.#options.log.error(
      `The event log file:${this.#files.path} cannot be written any more, and stays incomplete: ${error instanceof Error ? error.message : String(error)}`,
    );
    try {
      this.#files.abandon();
    } catch {
      // It is told already.
    }
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const go of waiting) go();
  }

  /** Resolves when all that was heard is written. */
  async flush(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#wantsFlush = true;
    const quiet = new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#schedule();
    await quiet;
  }

  /** Writes what was heard and completes the log. Twice is fine. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#state === 'open') this.#finish();
  }

  /** The same, at once, for a process that ends. */
  closeNow(): void {
    if (this.#state !== 'open') return;
    try {
      if (this.#inFlight !== null) this.#files.appendNow(this.#inFlight);
      while (this.#queue.length > 0 || this.#lines.length > 0) {
        this.#convert(EVENTS_PER_TURN);
        while (this.#lines.length > 0) this.#files.appendNow(this.#take());
      }
      this.#finish();
    } catch (error) {
      this.#break(error);
    }
  }

  #finish(): void {
    this.#state = 'closed';
    try {
      this.#files.finish();
    } catch (error) {
      this.#options.log.error(
        `The event log cannot be completed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    if (this.#dropped > 0) this.#options.log.warn(`${this.#dropped} events are missing in file:${this.#files.path}`);
  }
}

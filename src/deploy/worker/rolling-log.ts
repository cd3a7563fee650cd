import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { PACKED, rolledLogs } from '../../ui/rolled-logs.ts';
import { LogRoller, type LogRolling, outdatedLogs, rolledName } from './log-rolling.ts';

/** One write: less than the smallest size at which files are rolled. Spark: FileAppender.DEFAULT_BUFFER_SIZE */
const MOST_BYTES = 8192;

/**
 * Writes what a process prints to a file, and to the next one when it is time:
 *
 *   stdout ──full──► stdout--2015-01-01 ──packed──► stdout--2015-01-01.gz ──old──► removed
 *
 * The process never waits for a disk that is full: what cannot be written is dropped, with one warning.
 *
 * Spark: RollingFileAppender
 */
export class RollingLog {
  readonly #directory: string;
  readonly #name: string;
  readonly #rolling: LogRolling;
  readonly #clock: Clock;
  readonly #log: Logger;
  #file: FileHandle | null = null;
  #roller: LogRoller | null = null;
  /** What goes on beside the writing: packing and removing. */
  #tidying: Promise<void> = Promise.resolve();
  #dropping = false;
  #taken = 0;
  #writing = false;

  /** @param name of the file; what it has already stays in it. */
  constructor(directory: string, name: string, rolling: LogRolling, clock: Clock, log: Logger) {
    this.#directory = directory;
    this.#name = name;
    this.#rolling = rolling;
    this.#clock = clock;
    this.#log = log;
  }

  /** Bytes that have come out of the stream so far. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether it is at its file, and not waiting for the process. */
  get isWriting(): boolean {
    return this.#writing;
  }

  /** Writes all that comes until the stream ends or is destroyed; resolves when that is in its files. Never rejects. */
  async follow(stream: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of stream) {
        this.#taken += chunk.length;
        this.#writing = true;
        // What came while the disk was busy comes in one piece.
        for (let at = 0; at < chunk.length; at += MOST_BYTES) await this.#write(chunk.subarray(at, at + MOST_BYTES));
        this.#writing = false;
      }
    } catch {
      // It was destroyed: nobody waits for what else would have come.
    }
    this.#writing = true;
    await this.#tidying;
    await this.#close();
    this.#writing = false;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    try {
      this.#file ??= await open(this.#path(this.#name), 'a');
      const at = this.#clock.now();
      this.#roller ??= new LogRoller(this.#rolling, (await this.#file.stat()).size, at);
      if (this.#roller.write(chunk.length, at)) await this.#roll();
      this.#file ??= await open(this.#path(this.#name), 'a');
      await this.#file.appendFile(chunk);
      this.#dropping = false;
    } catch (error) {
      if (!this.#dropping)
        this.#log.warn(
          `What a process prints cannot be written to ${this.#path(this.#name)}, and is dropped: ${(error as Error).message}`,
        );
      this.#dropping = true;
      // The next words try with what is there then.
      this.#roller = null;
      await this.#close();
    }
  }

  async #roll(): Promise<void> {
    await this.#tidying; // one at a time: a process cannot print faster than its files are packed
    await this.#close();
    const rolled = rolledName(this.#name, this.#rolling.precision, this.#clock.now(), await readdir(this.#directory));
    try {
      await rename(this.#path(this.#name), this.#path(rolled));
    } catch (error) {
      this.#log.warn(`${this.#path(this.#name)} cannot be rolled: ${(error as Error).message}`);
      return;
    }
    this.#log.debug(`Rolled over ${this.#path(this.#name)} to ${this.#path(rolled)}`);
    this.#tidying = this.#tidy(rolled);
  }

  /** Never rejects. */
  async #tidy(rolled: string): Promise<void> {
    try {
      if (this.#rolling.compress) await this.#pack(rolled);
      for (const old of outdatedLogs(rolledLogs(await readdir(this.#directory), this.#name), this.#rolling)) {
        this.#log.info(`Deleting file executor log file ${this.#path(old)}`);
        await rm(this.#path(old), { force: true });
      }
    } catch (error) {
      this.#log.warn(`Logs beside ${this.#path(rolled)} are left as they are: ${(error as Error).message}`);
    }
  }

  /** Under a name that is no log's until it is whole. */
  async #pack(rolled: string): Promise<void> {
    const packing = this.#path(`.${rolled}${PACKED}`);
    try {
      await pipeline(createReadStream(this.#path(rolled)), createGzip(), createWriteStream(packing));
      await rename(packing, this.#path(rolled + PACKED));
      await rm(this.#path(rolled));
    } catch (error) {
      await rm(packing, { force: true });
      throw error;
    }
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    try {
      await file?.close();
    } catch (error) {
      this.#log.warn(`${this.#path(this.#name)} cannot be closed: ${(error as Error).message}`);
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

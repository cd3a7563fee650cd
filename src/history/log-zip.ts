// A log as a zip archive, made while it is sent: files as they are, since logs that matter are packed already.
import { createReadStream } from 'node:fs';
import { basename, dirname } from 'node:path';
import { IskraError } from '../base/errors.ts';
import type { LogFound } from '../event-log/event-log-reader.ts';

interface Written {
  readonly name: Buffer;
  readonly crc: number;
  readonly bytes: number;
  readonly offset: number;
}

/** Sizes and places are numbers of 32 bits. */
const LIMIT: number = 2 ** 32 - 1;
const VERSION = 20;
/** Names are UTF-8; size and checksum follow the content. */
const FLAGS = 0x0808;

/** @throws IskraError before the first byte when the log is too large for the format. Spark: FsHistoryProvider.writeEventLogs */
export function logZip(log: LogFound): AsyncIterable<Uint8Array> {
  if (log.bytes > LIMIT - 2 ** 20)
    throw new IskraError(
      'EVENT_LOG_TOO_LARGE',
      `the event log ${log.path} has ${log.bytes} bytes, more than can be downloaded as one file; copy it from the directory`,
    );
  return pieces(log);
}

async function* pieces(log: LogFound): AsyncIterable<Uint8Array> {
  const isRolling = log.statusFile !== null;
  const paths = [...(log.statusFile === null ? [] : [log.statusFile]), ...log.files.map(({ path }) => path)];
  const entries: Written[] = [];
  let at = 0;
  for (const path of paths) {
    const name = Buffer.from(isRolling ? `${basename(dirname(path))}/${basename(path)}` : basename(path));
    const offset = at;
    const head = localHeader(name);
    yield head;
    at += head.length;
    let crc = 0;
    let bytes = 0;
    // It may grow: what is there now is enough.
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc);
      bytes += chunk.length;
      yield chunk;
    }
    at += bytes;
    const tail = Buffer.alloc(16);
    tail.writeUInt32LE(0x08074b50, 0);
    tail.writeUInt32LE(crc, 4);
    tail.writeUInt32LE(bytes, 8);
    tail.writeUInt32LE(bytes, 12);
    yield tail;
    at += tail.length;
    entries.push({ name, crc, bytes, offset });
  }
  yield directory(entries, at);
}

function localHeader(name: Buffer): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(FLAGS, 6);
  header.writeUInt16LE(0x21, 12); // 1 January 1980: logs have their times inside
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, name]);
}

function directory(entries: readonly Written[], start: number): Buffer {
  const parts = entries.map(({ name, crc, bytes, offset }) => {
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(VERSION, 4);
    entry.writeUInt16LE(VERSION, 6);
    entry.writeUInt16LE(FLAGS, 8);
    entry.writeUInt16LE(0x21, 14);
    entry.writeUInt32LE(crc, 16);
    entry.writeUInt32LE(bytes, 20);
    entry.writeUInt32LE(bytes, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    return Buffer.concat([entry, name]);
  });
  const all = Buffer.concat(parts);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(all.length, 12);
  end.writeUInt32LE(start, 16);
  return Buffer.concat([all, end]);
}

const TABLE: readonly number[] = Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** Node has it from 22.2 on. */
function crc32(bytes: Uint8Array, before: number): number {
  let crc = ~before >>> 0;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 255] as number); // below 256
  return ~crc >>> 0;
}

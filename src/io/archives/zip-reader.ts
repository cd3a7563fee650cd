import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { IskraError } from '../../base/errors.ts';
import type { EntryWriter } from './entry-writer.ts';

// A zip file is read from its end: the last record says where the directory begins, whose entries say where each file is.
// Numbers that do not fit (zip64) are all ones there and stand in an extra field, and in a second last record.

const END = 0x06054b50;
const END_BYTES = 22;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const LONGEST_COMMENT = 0xffff;
const NOT_HERE = 0xffffffff;
/** A directory of a million files, and no more than an archive that lies about itself may take. */
const MAX_DIRECTORY_BYTES = 256 << 20;
const SYMBOLIC_LINK = 0o120000;
const KIND_OF_FILE = 0o170000;

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/** @throws IskraError ARCHIVE_CORRUPT, also for what this reader does not know: encryption, methods but store and deflate. */
export async function unpackZip(path: string, into: EntryWriter): Promise<void> {
  const file = await open(path, 'r');
  try {
    for (const entry of await readDirectory(file, path)) await unpackEntry(file, path, entry, into);
  } finally {
    await file.close();
  }
}

async function unpackEntry(file: FileHandle, path: string, entry: Entry, into: EntryWriter): Promise<void> {
  if (entry.name.endsWith('/')) {
    into.directory(entry.name);
    return;
  }
  if ((entry.flags & 1) !== 0) throw corrupt(path, `${entry.name} is encrypted`);
  const local = await read(file, path, entry.offset, LOCAL_BYTES);
  if (local.readUInt32LE(0) !== LOCAL) throw corrupt(path, `${entry.name} is not where the directory says`);
  const start = entry.offset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
  if ((entry.mode & KIND_OF_FILE) === SYMBOLIC_LINK) {
    const pieces: Buffer[] = [];
    for await (const piece of contentOf(path, entry, start)) pieces.push(piece as Buffer);
    await into.symbolicLink(entry.name, Buffer.concat(pieces).toString('utf8'));
  } else await into.file(entry.name, entry.mode, () => contentOf(path, entry, start));
}

/** The entry's bytes, whose length and sum are held against the directory. */
function contentOf(path: string, entry: Entry, start: number): Readable {
  let sum = 0;
  let size = 0;
  const check = new Transform({
    transform(piece: Buffer, _encoding, done) {
      sum = crc32(piece, sum);
      size += piece.length;
      // A small file may unpack to a very large one.
      if (size > entry.size) done(corrupt(path, `${entry.name} is longer than the directory says`));
      else done(null, piece);
    },
    flush(done) {
      done(sum === entry.crc && size === entry.size ? null : corrupt(path, `${entry.name} is damaged`));
    },
  });
  if (entry.packed === 0) return check.end();
  if (entry.method !== 0 && entry.method !== 8)
    throw corrupt(path, `${entry.name} is packed by method ${entry.method}; repack the archive with deflate`);
  const packed = createReadStream(path, { start, end: start + entry.packed - 1 });
  const unpacked: Readable = entry.method === 8 ? packed.pipe(createInflateRaw()) : packed;
  packed.on('error', (error) => check.destroy(error));
  unpacked.on('error', (error) => check.destroy(corrupt(path, `${entry.name} is damaged: ${error.message}`)));
  check.on('close', () => {
    packed.destroy();
    unpacked.destroy();
  });
  return unpacked.pipe(check);
}

async function readDirectory(file: FileHandle, path: string): Promise<Entry[]> {
  const { size } = await file.stat();
  const tailAt = Math.max(0, size - END_BYTES - LONGEST_COMMENT);
  const tail = await read(file, path, tailAt, size - tailAt);
  let at = tail.length - END_BYTES;
  while (at >= 0 && tail.readUInt32LE(at) !== END) at--;
  if (at < 0) throw corrupt(path, 'it is no zip file, or is cut off');
  let directoryBytes = tail.readUInt32LE(at + 12);
  let directoryAt = tail.readUInt32LE(at + 16);
  if (at >= 20 && tail.readUInt32LE(at - 20) === END64_LOCATOR) {
    const end64 = await read(file, path, Number(tail.readBigUInt64LE(at - 12)), 56);
    if (end64.readUInt32LE(0) !== END64) throw corrupt(path, 'its zip64 record is not where it should be');
    directoryBytes = Number(end64.readBigUInt64LE(40));
    directoryAt = Number(end64.readBigUInt64LE(48));
  }
  if (directoryBytes > MAX_DIRECTORY_BYTES) throw corrupt(path, `a directory of ${directoryBytes} bytes is too large`);
  const directory = await read(file, path, directoryAt, directoryBytes);
  const entries: Entry[] = [];
  for (let p = 0; p + ENTRY_BYTES <= directory.length; ) {
    if (directory.readUInt32LE(p) !== ENTRY) throw corrupt(path, 'its directory is damaged');
    const nameEnd = p + ENTRY_BYTES + directory.readUInt16LE(p + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(p + 30);
    entries.push(parseEntry(directory, p, nameEnd, extraEnd, path));
    p = extraEnd + directory.readUInt16LE(p + 32);
  }
  return entries;
}

function parseEntry(d: Buffer, p: number, nameEnd: number, extraEnd: number, path: string): Entry {
  if (extraEnd > d.length) throw corrupt(path, 'its directory is cut off');
  const entry = {
    name: d.toString('utf8', p + ENTRY_BYTES, nameEnd),
    // Only systems like Unix have a mode there.
    mode: d[p + 5] === 3 ? d.readUInt16LE(p + 40) : 0,
    flags: d.readUInt16LE(p + 8),
    method: d.readUInt16LE(p + 10),
    crc: d.readUInt32LE(p + 16),
    packed: d.readUInt32LE(p + 20),
    size: d.readUInt32LE(p + 24),
    offset: d.readUInt32LE(p + 42),
  };
  for (let at = nameEnd; at + 4 <= extraEnd; at += 4 + d.readUInt16LE(at + 2)) {
    if (d.readUInt16LE(at) !== 1) continue;
    let q = at + 4;
    for (const field of ['size', 'packed', 'offset'] as const) {
      if (entry[field] !== NOT_HERE || q + 8 > extraEnd) continue;
      entry[field] = Number(d.readBigUInt64LE(q));
      q += 8;
    }
  }
  return entry;
}

async function read(file: FileHandle, path: string, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, at);
  if (bytesRead < length) throw corrupt(path, 'it is cut off');
  return buffer;
}

function corrupt(path: string, what: string): IskraError {
  return new IskraError('ARCHIVE_CORRUPT', `${path} cannot be unpacked: ${what}`);
}

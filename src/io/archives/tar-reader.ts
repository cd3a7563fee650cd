import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { IskraError } from '../../base/errors.ts';
import type { EntryWriter } from './entry-writer.ts';

// A tar file is blocks of 512 bytes: a header, then the entry's bytes up to a full block, and so on to the end.
//
//   0 name 100 │ 100 mode 8 │ 124 size 12 │ 148 sum 8 │ 156 type 1 │ 157 link 100 │ 257 "ustar" │ 345 prefix 155
//
// Numbers are octal text, or big-endian binary when the first bit is set. What does not fit stands in an entry before: of
// type x (pax: "<length> key=value\n"), or L and K (GNU: a long name or link).

const BLOCK = 512;
/** No name, and no set of pax records, is longer. */
const MAX_EXTRA_BYTES = 1 << 20;

interface Header {
  readonly name: string;
  readonly mode: number;
  readonly size: number;
  readonly type: string;
  readonly link: string;
}

/** @throws IskraError ARCHIVE_CORRUPT. */
export async function unpackTar(path: string, packed: boolean, into: EntryWriter): Promise<void> {
  const file = createReadStream(path);
  const source: Readable = packed ? file.pipe(createGunzip()) : file;
  // pipe() hands no errors on.
  file.on('error', (error) => source.destroy(error));
  const bytes = new Bytes(source, path);
  try {
    await unpack(bytes, into);
  } finally {
    source.destroy();
    file.destroy();
  }
}

async function unpack(bytes: Bytes, into: EntryWriter): Promise<void> {
  let next: { name?: string; link?: string; size?: number } = {};
  for (;;) {
    const block = await bytes.take(BLOCK, true);
    if (block === null || block.every((byte) => byte === 0)) return; // two of them, or the end of a careless writer
    const header = parseHeader(block, bytes);
    const size = next.size ?? header.size;
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if ('xgLK'.includes(header.type)) {
      if (header.size > MAX_EXTRA_BYTES) throw bytes.corrupt('an entry of names is too long');
      const extra = (await bytes.take(header.size)).toString('utf8');
      await bytes.skip((BLOCK - (header.size % BLOCK)) % BLOCK);
      if (header.type === 'x') Object.assign(next, parsePax(extra, bytes));
      else if (header.type === 'L') next.name = untilNul(extra);
      else if (header.type === 'K') next.link = untilNul(extra);
      continue;
    }
    const name = next.name ?? header.name;
    const link = next.link ?? header.link;
    next = {};
    switch (header.type) {
      case '5':
        into.directory(name);
        await bytes.skip(size);
        break;
      case '2':
        await into.symbolicLink(name, link);
        break;
      case '1':
        await into.hardLink(name, link);
        break;
      case '0':
      case '\0':
      case '7':
        // Before POSIX a directory was a file whose name ends so.
        if (name.endsWith('/')) into.directory(name);
        else await into.file(name, header.mode, () => Readable.from(bytes.stream(size), { objectMode: false }));
        break;
      default: // devices, pipes, volume names: nothing that a task could use
        await bytes.skip(size);
    }
    await bytes.skip(padding);
  }
}

function parseHeader(block: Buffer, bytes: Bytes): Header {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += block[i] as number; // within the block
  if (sum !== number(block, 148, 8)) throw bytes.corrupt('a header has a wrong sum');
  const text = (at: number, length: number): string => untilNul(block.toString('utf8', at, at + length));
  const isPosix = text(257, 5) === 'ustar' && block[262] === 0;
  const prefix = isPosix ? text(345, 155) : '';
  return {
    name: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    mode: number(block, 100, 8),
    size: number(block, 124, 12),
    type: String.fromCharCode(block[156] as number),
    link: text(157, 100),
  };
}

function number(block: Buffer, at: number, length: number): number {
  const first = block[at] as number;
  if ((first & 0x80) === 0)
    return Number.parseInt(
      block
        .toString('latin1', at, at + length)
        .replaceAll('\0', ' ')
        .trim() || '0',
      8,
    );
  let value = first & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + (block[at + i] as number);
  return value;
}

function parsePax(text: string, bytes: Bytes): { name?: string; link?: string; size?: number } {
  const found: { name?: string; link?: string; size?: number } = {};
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; ) {
    const space = all.indexOf(0x20, at);
    const length = Number(all.toString('latin1', at, space));
    if (space < 0 || !(length > 0)) throw bytes.corrupt('a pax record has no length');
    const record = all.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    const value = record.slice(equals + 1);
    const key = record.slice(0, equals);
    if (key === 'path') found.name = value;
    else if (key === 'linkpath') found.link = value;
    else if (key === 'size') found.size = Number(value);
    at += length;
  }
  return found;
}

function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** A stream, read in pieces of wanted lengths. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #path: string;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: Readable, path: string) {
    this.#chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#path = path;
  }

  corrupt(what: string): IskraError {
    return new IskraError('ARCHIVE_CORRUPT', `${this.#path} cannot be unpacked: ${what}`);
  }

  /** `orEnd`: null when nothing is left at all. */
  async take(length: number): Promise<Buffer>;
  async take(length: number, orEnd: true): Promise<Buffer | null>;
  async take(length: number, orEnd = false): Promise<Buffer | null> {
    const pieces: Buffer[] = [];
    let got = 0;
    while (got < length) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        if (orEnd && got === 0) return null;
        throw this.corrupt('it ends in the middle of an entry');
      }
      const piece = this.#rest.subarray(0, length - got);
      this.#rest = this.#rest.subarray(piece.length);
      pieces.push(piece);
      got += piece.length;
    }
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  async *stream(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (this.#rest.length === 0 && !(await this.#more())) throw this.corrupt('it ends in the middle of a file');
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async skip(length: number): Promise<void> {
    for await (const _ of this.stream(length));
  }

  async #more(): Promise<boolean> {
    let next: IteratorResult<Buffer>;
    try {
      next = await this.#chunks.next();
    } catch (cause) {
      throw this.corrupt((cause as Error).message);
    }
    if (next.done === true) return false;
    this.#rest = next.value;
    return true;
  }
}

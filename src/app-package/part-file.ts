import { createHash } from 'node:crypto';
import { chmodSync, closeSync, fstatSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IskraError } from '../base/errors.ts';

/** A file of a part. Paths are relative, with slashes. */
export interface PartEntry {
  readonly path: string;
  readonly bytes: number;
  readonly executable: boolean;
}

/** A file that goes into a part, and where it lies now. */
export interface SourceFile extends PartEntry {
  readonly source: string;
  readonly mtimeMs: number;
}

/*
 * magic, length of the header as 4 bytes, the header as JSON, then the contents in the order of the header.
 * Equal files give equal bytes wherever they were packed: no times, owners or compression.
 */
const MAGIC = Buffer.from('ISKRAPT1');
/** A header of a million files. */
const MAX_HEADER_BYTES = 256 << 20;

/**
 * Writes a part.
 *
 * @returns its sha-256, hex.
 * @throws IskraError PACKAGE_FILE_CHANGED when a file is not as long as it was when it was listed; the system's errors.
 */
export async function writePart(to: string, files: readonly SourceFile[]): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  const out = await open(to, 'wx', 0o600);
  let bytes = 0;
  try {
    const put = async (piece: Buffer): Promise<void> => {
      hash.update(piece);
      bytes += piece.length;
      await writeAll(out, piece);
    };
    const header = Buffer.from(JSON.stringify(files.map((file) => [file.path, file.bytes, file.executable ? 1 : 0])));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(header.length);
    await put(Buffer.concat([MAGIC, length, header]));
    for (const { source, bytes: expected } of files) {
      const content = await readFile(source);
      if (content.length !== expected)
        throw new IskraError(
          'PACKAGE_FILE_CHANGED',
          `${source} changed while the application was packed: it had ${expected} bytes and has ${content.length}; submit again`,
          { details: { path: source } },
        );
      await put(content);
    }
  } finally {
    await out.close();
  }
  return { hash: hash.digest('hex'), bytes };
}

async function writeAll(out: FileHandle, piece: Buffer): Promise<void> {
  for (let done = 0; done < piece.length; ) done += (await out.write(piece, done)).bytesWritten;
}

/**
 * Unpacks a part below a folder.
 *
 * @throws IskraError PACKAGE_CORRUPT; also for a path that leads out of the folder.
 */
export function unpackPart(part: string, folder: string): readonly PartEntry[] {
  const fd = openSync(part, 'r');
  try {
    const { entries, start } = readHeader(fd, part);
    let at = start;
    const made = new Set<string>();
    for (const { path, bytes, executable } of entries) {
      const target = join(folder, path);
      const parent = dirname(target);
      if (!made.has(parent)) {
        mkdirSync(parent, { recursive: true });
        made.add(parent);
      }
      const content = Buffer.allocUnsafe(bytes);
      if (readFully(fd, content, at) < bytes) throw corrupt(part, 'it ends too early');
      at += bytes;
      // 'wx': an entry that is there twice, or whose name is in the way of another, is not from us.
      writeFileSync(target, content, { flag: 'wx', mode: executable ? 0o555 : 0o444 });
      if (executable) chmodSync(target, 0o555); // whatever the umask
    }
    return entries;
  } finally {
    closeSync(fd);
  }
}

/** The files of a part. @throws IskraError PACKAGE_CORRUPT */
export function readPartEntries(part: string): readonly PartEntry[] {
  const fd = openSync(part, 'r');
  try {
    return readHeader(fd, part).entries;
  } finally {
    closeSync(fd);
  }
}

function readHeader(fd: number, part: string): { entries: PartEntry[]; start: number } {
  const fixed = Buffer.alloc(MAGIC.length + 4);
  const length = readFully(fd, fixed, 0) < fixed.length ? -1 : fixed.readUInt32LE(MAGIC.length);
  if (!fixed.subarray(0, MAGIC.length).equals(MAGIC) || length < 0 || length > MAX_HEADER_BYTES)
    throw corrupt(part, 'it does not begin as a part does');
  const header = Buffer.alloc(length);
  if (readFully(fd, header, fixed.length) < length) throw corrupt(part, 'it ends too early');
  let rows: unknown;
  try {
    rows = JSON.parse(header.toString());
  } catch {
    throw corrupt(part, 'its list of files cannot be read');
  }
  if (!Array.isArray(rows)) throw corrupt(part, 'it has no list of files');
  const entries = rows.map((row: unknown): PartEntry => {
    const [path, bytes, executable] = Array.isArray(row) ? (row as unknown[]) : [];
    if (!isInnerPath(path)) throw corrupt(part, `${JSON.stringify(path)} is no path inside it`);
    if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) throw corrupt(part, `${path} has no length`);
    return { path, bytes: bytes as number, executable: executable === 1 };
  });
  const start = fixed.length + length;
  const end = entries.reduce((sum, { bytes }) => sum + bytes, start);
  if (end !== fstatSync(fd).size) throw corrupt(part, `it should end at byte ${end}`);
  return { entries, start };
}

/** A relative path with slashes that stays where it begins. */
export function isInnerPath(path: unknown): path is string {
  return (
    typeof path === 'string' &&
    path !== '' &&
    !path.includes('\\') &&
    !path.includes('\0') &&
    path.split('/').every((step) => step !== '' && step !== '.' && step !== '..')
  );
}

function readFully(fd: number, into: Buffer, from: number): number {
  let done = 0;
  while (done < into.length) {
    const n = readSync(fd, into, done, into.length - done, from + done);
    if (n === 0) break;
    done += n;
  }
  return done;
}

function corrupt(part: string, why: string): IskraError {
  return new IskraError('PACKAGE_CORRUPT', `the part ${part} cannot be unpacked: ${why}`, { details: { path: part } });
}

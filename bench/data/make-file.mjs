// What the generators of input files share: where files go, sizes, chance that is the same everywhere.
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where generated files go: ISKRA_BENCH_DATA, else a folder of the system's temporary directory. Never the repository. */
export function dataDirectory() {
  return process.env.ISKRA_BENCH_DATA || join(tmpdir(), 'iskra-bench');
}

/** '200MB' is 200,000,000 bytes; kB, MB, GB are powers of ten; a plain number is bytes. */
export function parseSize(text) {
  const match = /^(\d+(?:\.\d+)?)\s*(k|m|g)?b?$/i.exec(text);
  if (!match) throw new Error(`'${text}' is no size; write one like 200MB or 1GB`);
  return Math.round(Number(match[1]) * { k: 1e3, m: 1e6, g: 1e9, '': 1 }[(match[2] ?? '').toLowerCase()]);
}

/**
 * Writes exactly `bytes` bytes of what `chunks()` yields; the last byte is a line feed. A file that is there with that size is
 * kept. Written under another name and renamed when whole, so that an interrupted run leaves no file that looks ready.
 */
export function makeFile(path, bytes, chunks) {
  if (sizeOf(path) === bytes) return path;
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  const fd = openSync(partial, 'w');
  try {
    let left = bytes;
    for (const chunk of chunks()) {
      if (left === 0) break;
      const piece = chunk.length > left ? Buffer.from(chunk.subarray(0, left)) : chunk;
      if (piece.length === left) endLine(piece);
      for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done);
      left -= piece.length;
    }
    closeSync(fd);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  return path;
}

/** A cut must not leave half of a character. */
function endLine(piece) {
  let at = piece.length - 1;
  piece[at] = 0x0a;
  while (at > 0 && piece[at - 1] >= 0x80) piece[--at] = 0x20;
}

function sizeOf(path) {
  try {
    return statSync(path).size;
  } catch {
    return -1;
  }
}

/** Thirty-two random bits at each call (Marsaglia's xorshift), never the same sequence for two seeds. */
export function random(seed) {
  let state = Math.imul(seed, 0x9e3779b1) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

// Columns of strings.
//
//   Strings = u8 encoding, lengths(n) in UTF-16 units, u32 bytes, [align], bytes      (joined)
//           | u8 Each, lengths(n) in units, n × u8 encoding, n × bytes                 (long strings)
//
// Why so (ns a string, 2048 strings a column, Node 20): one join + one write costs 16 for 10 characters where a write
// per string costs 82; from 200 characters on it is the other way round (130 against 95). Decoding: one slice of the
// whole column + substring costs 9-13, a slice per string 64-75. But a substring of 13 or more characters is a view
// that keeps its parent alive, so one kept key would keep its whole batch: such columns are sliced in windows of at
// most WINDOW units (10-20 ns). One kept string of 80 characters kept 164 KB alive before, 0.5 KB so. Longer strings get
// memory of their own.
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { type Lengths, readLengths, writeLengths } from './lengths.ts';
import { nativeStrings } from './native-strings.ts';

const ENCODING = { Latin1: 0, Utf8: 1, Utf16: 2, Each: 3 } as const;
const WINDOW = 512;
/** V8 copies substrings below this length. */
const SLICED_FROM = 13;
/** Mean length from which strings are written one by one. */
const EACH_FROM = 128;
/** Far below the longest string V8 can make (2^29). */
const LONGEST_JOIN = 1 << 26;

/** Characters joined at once: beyond ~128 KB V8 would make each joined string a large object, at twice the cost. */
const CHUNK = 1 << 15;
/** UTF-8 is taken for mostly-ASCII text only: elsewhere UTF-16 is copied, not transcoded, 3 to 8 times faster. */
const MAX_UTF8_RATIO = 1.15;

const NOT_LATIN1 = /[^\0-\xff]/;

/** Writes `n` strings without a column tag; all of `values[0..n)` must be strings. */
export function writeStrings(w: ByteWriter, values: readonly string[], n: number): void {
  let total = 0;
  let max = 0;
  for (let i = 0; i < n; i++) {
    const length = (values[i] as string).length;
    total += length;
    if (length > max) max = length;
  }
  if (total > n * EACH_FROM || total > LONGEST_JOIN) {
    writeEach(w, values, n, max);
    return;
  }
  const start = w.position;
  w.u8(ENCODING.Latin1);
  writeLengths(w, values, n, max);
  w.u32(total);
  w.need(total);
  // One look at the first string saves most columns of wide text the attempt.
  if (n === 0 || (!NOT_LATIN1.test(values[0] as string) && writeLatin1(w, values, n, total))) return;
  w.position = start;
  const joined = join(values, 0, n);
  const utf8Bytes = Buffer.byteLength(joined, 'utf8');
  const utf8 = utf8Bytes < total * MAX_UTF8_RATIO && isWellFormed(joined) && !startsInsidePair(values, n);
  const bytes = utf8 ? utf8Bytes : total * 2;
  w.u8(utf8 ? ENCODING.Utf8 : ENCODING.Utf16);
  writeLengths(w, values, n, max);
  w.u32(bytes);
  w.need(bytes);
  const native = nativeStrings(w.bytes);
  w.position += utf8 ? native.utf8Write(joined, w.position) : native.ucs2Write(joined, w.position);
}

/** False at the first chunk with a character beyond latin1; the position is then anywhere. */
function writeLatin1(w: ByteWriter, values: readonly string[], n: number, total: number): boolean {
  const native = nativeStrings(w.bytes);
  const perChunk = total <= CHUNK ? n : Math.max(1, Math.floor((n * CHUNK) / total));
  for (let from = 0; from < n; from += perChunk) {
    const joined = join(values, from, Math.min(n, from + perChunk));
    if (Buffer.byteLength(joined, 'utf8') !== joined.length && NOT_LATIN1.test(joined)) return false;
    w.position += native.latin1Write(joined, w.position);
  }
  return true;
}

function join(values: readonly string[], from: number, to: number): string {
  return (from === 0 && to === values.length ? values : values.slice(from, to)).join('');
}

/** A string that begins with the second half of a pair would be glued to the string before it. */
function startsInsidePair(values: readonly string[], n: number): boolean {
  for (let i = 0; i < n; i++) {
    const unit = (values[i] as string).charCodeAt(0);
    if (unit >= 0xdc00 && unit <= 0xdfff) return true;
  }
  return false;
}

function isWellFormed(text: string): boolean {
  // In Node 20, but in the library types only from ES2024.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function writeEach(w: ByteWriter, values: readonly string[], n: number, max: number): void {
  w.u8(ENCODING.Each);
  writeLengths(w, values, n, max);
  w.need(n);
  const encodings = w.position;
  w.position += n;
  for (let i = 0; i < n; i++) {
    const text = values[i] as string;
    const bytes = Buffer.byteLength(text, 'utf8');
    let encoding: number = ENCODING.Latin1;
    if (bytes === text.length || !NOT_LATIN1.test(text)) {
      w.need(text.length);
      w.position += nativeStrings(w.bytes).latin1Write(text, w.position);
    } else if (bytes < text.length * MAX_UTF8_RATIO && isWellFormed(text)) {
      encoding = ENCODING.Utf8;
      w.need(bytes + 4);
      w.u32(bytes);
      w.position += nativeStrings(w.bytes).utf8Write(text, w.position);
    } else {
      encoding = ENCODING.Utf16;
      w.need(text.length * 2);
      w.position += nativeStrings(w.bytes).ucs2Write(text, w.position);
    }
    w.bytes[encodings + i] = encoding;
  }
}

/** Reads what writeStrings wrote. */
export function readStrings(r: ByteReader, n: number): string[] {
  const encoding = r.u8();
  const lengths = readLengths(r, n);
  if (encoding === ENCODING.Each) return readEach(r, lengths, n);
  const byteLength = r.u32();
  const from = r.position;
  const bytes = r.raw(byteLength);
  let max = 0;
  for (let i = 0; i < n; i++) if ((lengths[i] as number) > max) max = lengths[i] as number;
  if (max < SLICED_FROM) return cut(sliceOf(encoding, bytes, 0, byteLength), lengths, 0, n, new Array(n));
  r.position = from + byteLength;
  return readWindows(encoding, bytes, lengths, n);
}

function sliceOf(encoding: number, bytes: Buffer, from: number, to: number): string {
  return encoding === ENCODING.Latin1
    ? nativeStrings(bytes).latin1Slice(from, to)
    : encoding === ENCODING.Utf8
      ? nativeStrings(bytes).utf8Slice(from, to)
      : nativeStrings(bytes).ucs2Slice(from, to);
}

function cut(text: string, lengths: Lengths, first: number, end: number, into: string[]): string[] {
  let at = 0;
  for (let i = first; i < end; i++) {
    const length = lengths[i] as number;
    into[i] = text.substring(at, at + length);
    at += length;
  }
  return into;
}

function readWindows(encoding: number, bytes: Buffer, lengths: Lengths, n: number): string[] {
  const out = new Array<string>(n);
  let at = 0;
  for (let first = 0; first < n; ) {
    let units = lengths[first] as number;
    let end = first + 1;
    while (end < n && units + (lengths[end] as number) <= WINDOW) units += lengths[end++] as number;
    const to =
      encoding === ENCODING.Latin1
        ? at + units
        : encoding === ENCODING.Utf16
          ? at + 2 * units
          : utf8End(bytes, at, units);
    const text = sliceOf(encoding, bytes, at, to);
    if (end === first + 1) out[first] = text;
    else cut(text, lengths, first, end, out);
    at = to;
    first = end;
  }
  return out;
}

/** Where `units` UTF-16 units end in UTF-8. */
function utf8End(bytes: Buffer, from: number, units: number): number {
  let p = from;
  let left = units;
  while (left > 0) {
    const byte = bytes[p] as number;
    if (byte < 0x80) p++;
    else if (byte < 0xe0) p += 2;
    else if (byte < 0xf0) p += 3;
    else {
      p += 4;
      left--;
    }
    left--;
  }
  return p;
}

function readEach(r: ByteReader, lengths: Lengths, n: number): string[] {
  const encodings = r.uint8s(n);
  const out = new Array<string>(n);
  for (let i = 0; i < n; i++) {
    const units = lengths[i] as number;
    const encoding = encodings[i] as number;
    const byteLength = encoding === ENCODING.Latin1 ? units : encoding === ENCODING.Utf8 ? r.u32() : units * 2;
    const bytes = r.raw(byteLength);
    out[i] = sliceOf(encoding, bytes, 0, byteLength);
  }
  return out;
}

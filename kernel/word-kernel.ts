// Counts words of text, as WebAssembly. AssemblyScript: TypeScript's syntax with types of a machine, made into
// src/executor/word-kernel-bytes.ts by scripts/build-kernel.mjs.
//
// Its memory, in this order:
//
//   classes   two tables of 16 bytes: together they tell of any byte whether it cuts
//   masks     16 bytes of ones, 16 of zeros: from the byte 16 - n on they leave n bytes of 16
//   ends      where the words of a block end
//   index     [15 bits of the hash, 17 of the number of its entry, from 1] of each word, open addressing, linear; 0 is free
//   entries   [bytes 0-15, length, times, place in `letters`, hash] of each word in order of first arrival: frequent words come
//             early, so that their entries lie close together, and in a cache
//   letters   words of more than 16 bytes
//   text      lines, each with an LF behind it
//
// A word costs no branch that a processor could guess wrong, but for what is rare: ends are found 64 bytes at a time, and words
// of up to 16 bytes are compared at once, whatever their length.

const LF: u8 = 10;
const BLOCK: i32 = 4096;
const MIN_ENTRIES: u32 = 2048;
const TAG: u32 = 0xfffe0000;
const NUMBER: u32 = 0x1ffff;

/** Bytes that a word has in its entry. */
export const SHORT: u32 = 16;
/** Shift: an entry has 32 bytes. */
const ENTRY: usize = 5;
const LENGTH: usize = 16;
const TIMES: usize = 20;
const PLACE: usize = 24;
const HASH: usize = 28;
/** With their index, their longest words and a chunk of text, all that fits into the caches of most machines. */
export const MAX_ENTRIES: u32 = 1 << 16;
export const MAX_LETTERS: u32 = 1 << 21;

export const CLASSES: usize = 1024;
const MASKS: usize = CLASSES + 32;
const ENDS: usize = MASKS + 32;
const INDEX: usize = 1 << 15;
export const ENTRIES: usize = INDEX + ((<usize>MAX_ENTRIES * 2) << 2);
export const LETTERS: usize = ENTRIES + (<usize>MAX_ENTRIES << ENTRY);
export const TEXT: usize = LETTERS + <usize>MAX_LETTERS;
/** So many bytes behind the text are read, and do not matter. */
export const BEHIND: usize = 64;

let merging: bool = false;
let trim: bool = false;
let size: u32 = 0;
let used: u32 = 0;
let empty: u32 = 0;
let wide: bool = false;
let mask: u32 = MIN_ENTRIES * 2 - 1;

/** How many different words there are. */
export function words(): u32 {
  return size;
}

/** How often the empty word came. */
export function empties(): u32 {
  return empty;
}

/** How many bytes of `letters` are taken. */
export function lettersUsed(): u32 {
  return used;
}

/** Whether words have bytes beyond ASCII. */
export function isWide(): bool {
  return wide;
}

/** Forgets all words, and what it did before. The two tables of classes are there already. */
export function begin(isMerging: bool, isTrimming: bool): void {
  merging = isMerging;
  trim = isTrimming;
  memory.fill(MASKS, 0xff, SHORT);
  memory.fill(MASKS + SHORT, 0, SHORT);
  mask = MIN_ENTRIES * 2 - 1;
  clear();
}

/** Forgets all words. */
export function clear(): void {
  memory.fill(INDEX, 0, (<usize>mask + 1) << 2);
  size = 0;
  used = 0;
  empty = 0;
  wide = false;
}

/** Makes room for twice as many words. */
export function grow(): void {
  mask = mask * 2 + 1;
  memory.fill(INDEX, 0, (<usize>mask + 1) << 2);
  for (let number: u32 = 0; number < size; number++) {
    const hash = load<u32>(ENTRIES + (<usize>number << ENTRY), HASH);
    let slot = hash & mask;
    while (load<u32>(INDEX + (<usize>slot << 2)) != 0) slot = (slot + 1) & mask;
    store<u32>(INDEX + (<usize>slot << 2), (hash & TAG) | (number + 1));
  }
}

/** Makes letters of ASCII small ones. */
export function lower(length: i32): void {
  const a = i8x16.splat(0x41);
  const z = i8x16.splat(0x5a);
  const bit = i8x16.splat(0x20);
  for (let at = TEXT; at < TEXT + <usize>length; at += 16) {
    const bytes = v128.load(at);
    const isCapital = v128.and(i8x16.ge_u(bytes, a), i8x16.le_u(bytes, z));
    v128.store(at, v128.or(bytes, v128.and(isCapital, bit)));
  }
}

/** Counts the LFs before `length`. */
export function lines(length: i32): i32 {
  const lf = i8x16.splat(LF);
  let found = 0;
  for (let at = 0; at < length; at += 16) {
    let bits = i8x16.bitmask(i8x16.eq(v128.load(TEXT + <usize>at), lf));
    if (length - at < 16) bits &= (1 << (length - at)) - 1;
    found += popcnt(bits);
  }
  return found;
}

/** Counts words from the start of one to `end`. Returns `end`, or the start of a word for which there is no room. */
export function count(from: i32, end: i32): i32 {
  const room = (mask + 1) >> 1;
  let at = from;
  while (at < end) {
    const ends = findEnds(at, min(at + BLOCK, end), end);
    for (let p = ENDS; p < ends; p += 4) {
      const to = load<i32>(p);
      const length = <u32>(to - at);
      const word = TEXT + <usize>at;
      at = to + 1;
      if (length == 0) {
        if (!merging || isEmptyWord(to)) empty++;
        continue;
      }
      const key = v128.and(v128.load(word), v128.load(MASKS + SHORT - min(length, SHORT)));
      const hash = hashOf(key, word, length);
      let slot = hash & mask;
      for (;;) {
        const cell = INDEX + (<usize>slot << 2);
        const found = load<u32>(cell);
        if (found == 0) {
          if (size == room || (length > SHORT && used + length > MAX_LETTERS)) return to - <i32>length;
          enter(key, word, length, hash);
          store<u32>(cell, (hash & TAG) | size);
          break;
        }
        if (((found ^ hash) & TAG) == 0) {
          const entry = ENTRIES + (<usize>((found & NUMBER) - 1) << ENTRY);
          if (
            load<u32>(entry, LENGTH) == length &&
            !v128.any_true(v128.xor(v128.load(entry), key)) &&
            (length <= SHORT || isSame(LETTERS + load<u32>(entry, PLACE), word, length))
          ) {
            store<u32>(entry, load<u32>(entry, TIMES) + 1, TIMES);
            break;
          }
        }
        slot = (slot + 1) & mask;
      }
    }
  }
  return at;
}

/** Writes where words end that begin in a block: all, or the first if it ends behind. Returns the end of `ends`. */
function findEnds(from: i32, to: i32, end: i32): usize {
  const low = v128.load(CLASSES);
  const high = v128.load(CLASSES + 16);
  let ends = ENDS;
  for (let at = from; at < to; at += 64) {
    const text = TEXT + <usize>at;
    let bits =
      cuts(text, low, high) |
      (cuts(text + 16, low, high) << 16) |
      (cuts(text + 32, low, high) << 32) |
      (cuts(text + 48, low, high) << 48);
    if (to - at < 64) bits &= (<u64>1 << <u64>(to - at)) - 1;
    while (bits != 0) {
      store<i32>(ends, at + <i32>ctz(bits));
      ends += 4;
      bits &= bits - 1;
    }
  }
  if (ends > ENDS) return ends;
  // A word of more than a block. The text ends with an LF.
  for (let at = to; at < end; at += 16) {
    const bits = cuts(TEXT + <usize>at, low, high);
    if (bits == 0) continue;
    store<i32>(ends, at + <i32>ctz(bits));
    return ends + 4;
  }
  return unreachable();
}

/** A bit for each of 16 bytes: whether it cuts. `low` has for its lower half the set of upper halves of those that do. */
function cuts(at: usize, low: v128, high: v128): u64 {
  const bytes = v128.load(at);
  const sets = i8x16.swizzle(low, v128.and(bytes, i8x16.splat(15)));
  const members = i8x16.swizzle(high, i8x16.shr_u(bytes, 4));
  return <u64>i8x16.bitmask(i8x16.ne(v128.and(sets, members), i8x16.splat(0)));
}

function hashOf(key: v128, word: usize, length: u32): u32 {
  let hash =
    (i64x2.extract_lane(key, 0) * 0x9e3779b97f4a7c15) ^ rotl<i64>(i64x2.extract_lane(key, 1) * 0x5851f42d4c957f2d, 29);
  if (length > SHORT) hash ^= (load<i64>(word + length - 8) ^ <i64>length) * 0x14057b7ef767814f;
  hash = (hash ^ (hash >>> 32)) * 0x2545f4914f6cdd1d;
  return <u32>(hash >>> 32);
}

function enter(key: v128, word: usize, length: u32, hash: u32): void {
  const entry = ENTRIES + (<usize>size << ENTRY);
  v128.store(entry, key);
  store<u32>(entry, length, LENGTH);
  store<u32>(entry, 1, TIMES);
  store<u32>(entry, used, PLACE);
  store<u32>(entry, hash, HASH);
  if (i8x16.bitmask(key) != 0) wide = true;
  if (length > SHORT) {
    memory.copy(LETTERS + used, word, length);
    for (let i: u32 = SHORT; i < length; i++) if (load<u8>(word + i) > 0x7f) wide = true;
    used += length;
  }
  size++;
}

/** Words of the same length whose first 16 bytes are the same. */
function isSame(letters: usize, word: usize, length: u32): bool {
  for (let i: u32 = SHORT; i < length; i++) if (load<u8>(letters + i) != load<u8>(word + i)) return false;
  return true;
}

/** Whether there is an empty word before this byte, where cuts merge: at both ends of a line only. */
function isEmptyWord(at: i32): bool {
  const text = TEXT + <usize>at;
  const isEnd = load<u8>(text) == LF;
  if (!trim) return isEnd || isStart(at);
  // A line of blanks is one empty word; others have none.
  if (!isEnd) return false;
  const low = v128.load(CLASSES);
  const high = v128.load(CLASSES + 16);
  let i = at;
  while (!isStart(i) && (cuts(TEXT + <usize>(i - 1), low, high) & 1) != 0) i--;
  return isStart(i);
}

function isStart(at: i32): bool {
  return at == 0 || load<u8>(TEXT + <usize>(at - 1)) == LF;
}

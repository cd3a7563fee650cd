/**
 * Finds the first byte that begins no well-formed UTF-8 sequence, or -1. Only for telling where text is broken; whether it
 * is, `buffer.isUtf8` says much faster.
 */
export function firstMalformedUtf8(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to) {
    const b = bytes[i] as number; // i < to <= length
    if (b < 0x80) {
      i++;
      continue;
    }
    const length = b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : b >= 0xf0 && b < 0xf5 ? 4 : 0;
    if (length === 0 || i + length > to) return i;
    const second = bytes[i + 1] as number;
    // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
    const low = b === 0xe0 ? 0xa0 : b === 0xf0 ? 0x90 : 0x80;
    const high = b === 0xed ? 0x9f : b === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return i;
    for (let k = 2; k < length; k++) if (((bytes[i + k] as number) & 0xc0) !== 0x80) return i;
    i += length;
  }
  return -1;
}

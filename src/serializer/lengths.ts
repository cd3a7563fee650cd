import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

// Lengths of strings, lists, typed arrays: one width (1, 2 or 4 bytes) for the column, as small as the largest allows.

export function writeLengths(
  w: ByteWriter,
  values: readonly { readonly length: number }[],
  n: number,
  max: number,
): void {
  if (max < 256) {
    w.u8(1);
    w.need(n);
    const bytes = w.bytes;
    let p = w.position;
    for (let i = 0; i < n; i++) bytes[p++] = (values[i] as { length: number }).length;
    w.position = p;
    return;
  }
  w.u8(max < 65536 ? 2 : 4);
  const out = max < 65536 ? w.uint16s(n) : w.uint32s(n);
  for (let i = 0; i < n; i++) out[i] = (values[i] as { length: number }).length;
}

export type Lengths = Uint8Array | Uint16Array | Uint32Array;

export function readLengths(r: ByteReader, n: number): Lengths {
  const width = r.u8();
  return width === 1 ? r.uint8s(n) : width === 2 ? r.uint16s(n) : r.uint32s(n);
}

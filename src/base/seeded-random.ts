/** A stream of pseudo-random numbers that depends on its seed alone; not for secrets. */
export interface SeededRandom {
  /** In [0, 1), 32 bits of it. */
  next(): number;
  /** An integer in [0, bound); `bound` up to 2^32. */
  nextInt(bound: number): number;
}

/**
 * The generator for everything random in the engine. Seeds that differ in one bit give unrelated streams, so
 * `seed` and `stream` may be small consecutive numbers (a partition, an attempt).
 *
 * Algorithm: sfc32 (Chris Doty-Humphrey, PractRand), seeded through murmur3's finalizer.
 */
export function seededRandom(seed: number, stream = 0): SeededRandom {
  let a = mix(seed | 0);
  let b = mix((a ^ stream) | 0);
  let c = mix((b + 0x9e3779b9) | 0);
  let counter = 1;
  const step = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) step();
  return {
    next: () => step() / 4294967296,
    nextInt: (bound) => Math.floor((step() / 4294967296) * bound),
  };
}

/** murmur3's 32-bit finalizer: every input bit changes half of the output bits. */
function mix(value: number): number {
  let h = value ^ 0x6a09e667;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

import type { SeededRandom } from './seeded-random.ts';

// Counts by chance. Each draw walks outwards from the most likely count, so it takes about as many steps as the distribution's
// standard deviation, and one logarithm of a factorial or a few.

/** How many events there are of which `mean` are expected. */
export function nextPoisson(random: SeededRandom, mean: number): number {
  if (!(mean > 0)) return 0;
  const mode = Math.floor(mean);
  const atMode = Math.exp(mode * Math.log(mean) - mean - logFactorial(mode));
  return outwards(random, mode, atMode, Number.POSITIVE_INFINITY, (k) => mean / (k + 1));
}

/** How many of `trials` succeed, each with probability `p`. */
export function nextBinomial(random: SeededRandom, trials: number, p: number): number {
  if (trials <= 0 || p <= 0) return 0;
  if (p >= 1) return trials;
  const mode = Math.min(trials, Math.floor((trials + 1) * p));
  const atMode = Math.exp(logChoose(trials, mode) + mode * Math.log(p) + (trials - mode) * Math.log1p(-p));
  const odds = p / (1 - p);
  return outwards(random, mode, atMode, trials, (k) => ((trials - k) / (k + 1)) * odds);
}

/** How many marked ones are among `drawn` of `all`, when `marked` of all are. */
export function nextHypergeometric(random: SeededRandom, all: number, marked: number, drawn: number): number {
  const least = Math.max(0, drawn + marked - all);
  const most = Math.min(drawn, marked);
  if (least >= most) return most;
  const mode = Math.max(least, Math.min(most, Math.floor(((drawn + 1) * (marked + 1)) / (all + 2))));
  const rest = all - marked;
  const atMode = Math.exp(logChoose(marked, mode) + logChoose(rest, drawn - mode) - logChoose(all, drawn));
  const ratio = (k: number): number => ((marked - k) * (drawn - k)) / ((k + 1) * (rest - drawn + k + 1));
  return outwards(random, mode, atMode, most, ratio, least);
}

/** Probabilities below this are never met by 53 bits of chance. */
const NEVER = 2 ** -60;

/** @param ratio probability of k + 1 over that of k. */
function outwards(
  random: SeededRandom,
  mode: number,
  atMode: number,
  most: number,
  ratio: (k: number) => number,
  least = 0,
): number {
  // 32 bits alone would cut off tails that a large sample meets.
  let left = random.next() + random.next() / 4294967296 - atMode;
  let up = mode;
  let down = mode;
  let upwards = atMode;
  let downwards = atMode;
  while (left > 0 && (upwards > NEVER || downwards > NEVER)) {
    if (up < most && upwards > NEVER) {
      upwards *= ratio(up);
      up++;
      left -= upwards;
      if (left <= 0) return up;
    } else upwards = 0;
    if (down > least && downwards > NEVER) {
      down--;
      downwards /= ratio(down);
      left -= downwards;
      if (left <= 0) return down;
    } else downwards = 0;
  }
  return mode;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const small: number[] = [0];
for (let n = 1; n < 128; n++) small.push((small[n - 1] as number) + Math.log(n));

/** Stirling's series: exact to the last bits from 128 on. */
function logFactorial(n: number): number {
  const known = small[n];
  if (known !== undefined) return known;
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + (1 - 1 / (30 * n * n)) / (12 * n);
}

// Quantiles of the three distributions that bounds of partial results need. All are found from the distribution function, so
// that there are no tables of coefficients; each costs microseconds, once a result.

/** Standard normal. `p` in [0, 1]; ±Infinity at its ends. */
export function normalQuantile(p: number): number {
  return symmetricQuantile(p, normalWithin);
}

/** Student's t with a whole number of degrees of freedom, at least 1. */
export function studentTQuantile(p: number, degreesOfFreedom: number): number {
  return symmetricQuantile(p, (t) => studentTWithin(t, degreesOfFreedom));
}

/** Above this mean the normal approximation with its first correction errs by less than one in 10^4 standard deviations. */
const POISSON_EXACT_UP_TO = 1e8;
/** Terms below this share of the largest are nothing in a sum of doubles. */
const NEGLIGIBLE = 1e-20;

/** The smallest k with P(X <= k) >= p; 0 for p = 0, Infinity for p = 1. */
export function poissonQuantile(p: number, mean: number): number {
  if (p <= 0 || mean <= 0) return 0;
  if (p >= 1) return Number.POSITIVE_INFINITY;
  if (mean > POISSON_EXACT_UP_TO) {
    const z = normalQuantile(p);
    return Math.max(0, Math.ceil(mean + Math.sqrt(mean) * z + (z * z - 1) / 6 - 0.5));
  }
  // Probabilities as multiples of the largest: their own sum makes them probabilities, without any logarithm.
  const mode = Math.floor(mean);
  let total = 1;
  let lowest = mode;
  let weight = 1;
  for (let w = 1; lowest > 0; ) {
    w *= lowest / mean;
    if (w < NEGLIGIBLE) break;
    lowest--;
    weight = w;
    total += w;
  }
  for (let k = mode + 1, w = mean / k; w >= NEGLIGIBLE; k++, w *= mean / k) total += w;
  const wanted = p * total;
  let k = lowest;
  for (let below = weight; below < wanted; below += weight) {
    k++;
    weight *= mean / k;
    if (weight < NEGLIGIBLE && k > mode) break;
  }
  return k;
}

/** P(-x < X < x) of the standard normal distribution: the series of the error function, all of whose terms are positive. */
function normalWithin(x: number): number {
  if (x > 12) return 1; // all that doubles can tell
  let term = x;
  let sum = x;
  for (let k = 3; term > sum * 1e-17; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return Math.min(1, sum * Math.exp((-x * x) / 2) * Math.sqrt(2 / Math.PI));
}

/** P(-t < T < t), in closed form for whole degrees of freedom. Abramowitz and Stegun 26.7.3 and 26.7.4. */
function studentTWithin(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cos2 = Math.cos(angle) ** 2;
  const odd = degrees % 2 === 1;
  let term = odd ? Math.cos(angle) : 1;
  let sum = 0;
  for (let k = odd ? 1 : 0; k <= degrees - 2; k += 2) {
    sum += term;
    term *= (cos2 * (k + 1)) / (k + 2);
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}

/** @param within P(-x < X < x) of a distribution that is symmetric about 0. */
function symmetricQuantile(p: number, within: (x: number) => number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -symmetricQuantile(1 - p, within);
  if (!(p < 1)) return p === 1 ? Number.POSITIVE_INFINITY : Number.NaN;
  const wanted = 2 * p - 1;
  let high = 1;
  while (within(high) < wanted && high < 1e300) high *= 2;
  let low = 0;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    if (within(middle) < wanted) low = middle;
    else high = middle;
  }
}

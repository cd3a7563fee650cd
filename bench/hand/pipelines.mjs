// Pipelines of the engine's benchmarks as one writes them by hand.

export function mix(number) {
  let x = number;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** Numbers from 0 to n: plus one, those that three divides, their sum. */
export function rangeMapFilterReduce(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const x = i + 1;
    if (x % 3 === 0) sum += x;
  }
  return sum;
}

/** Numbers from 0 to n made to objects, two thirds of them, each twice, and a sum over all. */
export function objectPipeline(n) {
  let sum = 0;
  for (let id = 0; id < n; id++) {
    const bits = mix(id);
    const reading = { id, value: bits & 1023, weight: (bits >>> 10) & 1023 };
    if (reading.value % 3 === 0) continue;
    for (const each of [reading, { id: reading.id, value: reading.value + 1, weight: reading.weight }])
      sum += each.value * each.weight;
  }
  return sum;
}

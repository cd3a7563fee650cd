// What every job here shares: arguments, the deterministic data, and the JSON lines. `bench/spark/common.scala` is its twin.
import { type RDD, SparkContext } from 'iskra';

/** The arguments, `key=value` each. */
export class Args {
  readonly #values: ReadonlyMap<string, string>;

  constructor(args: readonly string[]) {
    this.#values = new Map(
      args.map((arg) => {
        const at = arg.indexOf('=');
        if (at <= 0) throw new Error(`'${arg}' is no argument; write key=value`);
        return [arg.slice(0, at), arg.slice(at + 1)];
      }),
    );
  }

  int(key: string, otherwise: number): number {
    const text = this.#values.get(key);
    return text === undefined ? otherwise : Number.parseInt(text, 10);
  }

  text(key: string, otherwise?: string): string {
    const text = this.#values.get(key) ?? otherwise;
    if (text === undefined) throw new Error(`the argument ${key}=… is missing`);
    return text;
  }
}

/** Thirty-two well mixed bits of a number (the last step of MurmurHash3), as a signed integer. */
export function mix(number: number): number {
  let x = number;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** A key from 0 to `keys` - 1, spread evenly. */
export function bucket(number: number, keys: number): number {
  return (mix(number) >>> 1) % keys;
}

/** A string of ten small letters: five from each of two hashes of the number. */
export function letters(number: number): string {
  const left = mix(number) >>> 1;
  const right = mix(number ^ 0x5bd1e995) >>> 1;
  return String.fromCharCode(
    97 + (left % 26),
    97 + (((left / 26) | 0) % 26),
    97 + (((left / 676) | 0) % 26),
    97 + (((left / 17576) | 0) % 26),
    97 + (((left / 456976) | 0) % 26),
    97 + (right % 26),
    97 + (((right / 26) | 0) % 26),
    97 + (((right / 676) | 0) % 26),
    97 + (((right / 17576) | 0) % 26),
    97 + (((right / 456976) | 0) % 26),
  );
}

/** Runs the body `rounds` times in this process and prints a line for each. The first is the cold one. */
export async function measure(bench: string, n: number, rounds: number, body: () => Promise<unknown>): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const result = await body();
    const ms = Math.round((performance.now() - start) * 1000) / 1000;
    process.stdout.write(`${JSON.stringify({ bench, n, round, warm: round > 0, ms, result })}\n`);
  }
}

export function context(args: Args): Promise<SparkContext> {
  return SparkContext.create({ master: args.text('master', 'local[2]'), appName: 'bench' });
}

/** Reads the sorted pairs once: are they in order within and across partitions, how many, and a checksum of keys and values. */
export async function checkSorted<K extends number | string>(
  sorted: RDD<[K, number]>,
  hash: (key: K) => number,
): Promise<string> {
  const parts = await sorted
    .mapPartitions((pairs) => {
      let count = 0;
      let sum = 0;
      let ordered = true;
      let first: K | undefined;
      let last: K | undefined;
      for (const [key, value] of pairs) {
        if (last === undefined) first = key;
        else if (last > key) ordered = false;
        last = key;
        count++;
        sum = (sum + mix(hash(key) ^ value)) | 0;
      }
      return [{ count, sum, ordered, first, last }];
    })
    .collect();
  const filled = parts.filter((part) => part.count > 0);
  const inOrder = filled.every((part, i) => {
    const next = filled[i + 1];
    return part.ordered && (next === undefined || (part.last as K) <= (next.first as K));
  });
  const count = parts.reduce((all, part) => all + part.count, 0);
  const sum = parts.reduce((all, part) => (all + part.sum) | 0, 0);
  return `count ${count} sum ${sum} ordered ${inOrder}`;
}

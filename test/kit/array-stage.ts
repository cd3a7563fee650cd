import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordText } from '../../src/base/record-text.ts';
import { createSampler } from '../../src/base/samplers.ts';
import { type Quotas, sampleByQuotas } from '../../src/base/stratified-sampling.ts';
import { valuesEqual } from '../../src/base/value-equality.ts';
import { hashValue } from '../../src/base/value-hash.ts';
import { compareValues } from '../../src/base/value-ordering.ts';
import { checkpointBytes } from '../../src/io/checkpoint-files.ts';
import { openFiles, prepareInput } from '../../src/io/open-files.ts';
import type { FileSplit } from '../../src/protocol/file-formats.ts';
import type {
  AsyncOp,
  CombinePlan,
  NarrowOp,
  NodePlan,
  OrderingPlan,
  PipePlan,
  RangePayload,
  ShuffleReadPlan,
  Split,
} from '../../src/protocol/stage-program.ts';
import { decodeOne, decodeRecords, encodeOne } from '../../src/rdd/record-blocks.ts';

export type Pair = readonly [key: unknown, value: unknown];
export type AnyCall = (...args: unknown[]) => unknown;

/** The narrow part of one stage, over plain arrays. */
export class ArrayStage {
  readonly #nodes: readonly NodePlan[];
  readonly #functions: readonly unknown[];
  readonly #readShuffle: (shuffleId: number, reduce: number) => readonly Pair[];
  readonly #cached: Map<string, readonly unknown[]>;

  constructor(
    nodes: readonly NodePlan[],
    functions: readonly unknown[],
    readShuffle: (shuffleId: number, reduce: number) => readonly Pair[],
    cached: Map<string, readonly unknown[]>,
  ) {
    this.#nodes = nodes;
    this.#functions = functions;
    this.#readShuffle = readShuffle;
    this.#cached = cached;
  }

  async records(index: number, split: Split): Promise<readonly unknown[]> {
    const plan = this.#nodes[index] as NodePlan;
    const compute = (): Promise<readonly unknown[]> => this.#compute(plan, split);
    const checkpointed = split.checkpoint?.rddId === plan.rddId ? readCheckpoint(split) : null;
    if (plan.persist === null) return checkpointed ?? compute();
    const key = `${plan.rddId}_${split.index}`;
    const known = this.#cached.get(key) ?? checkpointed ?? (await compute());
    this.#cached.set(key, known);
    return known;
  }

  async #compute(plan: NodePlan, split: Split): Promise<readonly unknown[]> {
    switch (plan.kind) {
      case 'Records': {
        const out: unknown[] = [];
        if (split.payload !== undefined) decodeRecords(split.payload as Uint8Array, out);
        return out;
      }
      case 'Range': {
        const { start, step, count } = split.payload as RangePayload;
        return Array.from({ length: count }, (_, i) => start + i * step);
      }
      case 'Files': {
        const records: unknown[] = [];
        await prepareInput(plan.format);
        const input = openFiles(plan.format, split.payload as readonly FileSplit[]);
        for (let batch = input.next(); batch !== null; batch = input.next()) records.push(...batch);
        input.close();
        return records;
      }
      case 'ShuffleRead':
        return this.#shuffled(plan.read, split.index);
      case 'CoGroup': {
        const sides: (readonly Pair[])[] = [];
        for (const [i, side] of plan.sides.entries()) {
          if (side.kind === 'shuffle') sides.push(this.#readShuffle(side.shuffleId, split.index));
          else sides.push((await this.records(side.parent, split.parents?.[i] as Split)) as Pair[]);
        }
        return cogroup(sides);
      }
      case 'Union':
        return this.records(plan.parents[split.payload as number] as number, split.parents?.[0] as Split);
      case 'UnionAll': {
        const parts: unknown[] = [];
        for (const [i, parent] of plan.parents.entries())
          parts.push(...(await this.records(parent, split.parents?.[i] as Split)));
        return parts;
      }
      case 'Coalesce': {
        const parts: unknown[] = [];
        for (const parent of split.parents ?? []) parts.push(...(await this.records(plan.parent, parent as Split)));
        return parts;
      }
      case 'Narrow':
        return this.#narrow(plan.op, await this.records(plan.parent, split));
      case 'MapPartitions': {
        const records = (await this.records(plan.parent, split)).values();
        const f = this.#call(plan.f);
        return [...((plan.withIndex ? f(split.index, records) : f(records)) as Iterable<unknown>)];
      }
      case 'CombineInPlace': {
        const pairs = (await this.records(plan.parent, split)) as readonly Pair[];
        return combineAll(pairs, plan.combine, this.#functions, false);
      }
      case 'TakeQuotas': {
        const quotas = decodeOne(split.payload as Uint8Array) as Quotas;
        const pairs = (await this.records(plan.parent, split.parents?.[0] as Split)) as readonly Pair[];
        return [...sampleByQuotas(quotas, plan.withReplacement, plan.seed, split.index, pairs)];
      }
      case 'SortInPlace': {
        const compare = comparatorOf(plan.ordering, this.#functions);
        return ([...(await this.records(plan.parent, split))] as Pair[]).sort((a, b) => compare(a[0], b[0]));
      }
      case 'Checkpoint':
        throw new Error('the split does not say where its checkpoint is');
      case 'Glom':
        return [[...(await this.records(plan.parent, split))]];
      case 'Deal': {
        const records = await this.records(plan.parent, split);
        return records.map((r, i) => [(split.index + i) % plan.numPartitions, r]);
      }
      case 'Sample': {
        const out: unknown[] = [];
        createSampler(plan.sampler, plan.seed, split.index).add(await this.records(plan.parent, split), out);
        return out;
      }
      case 'ZipWithUniqueId': {
        const records = await this.records(plan.parent, split);
        return records.map((r, k) => [r, split.index + k * plan.step]);
      }
      case 'ZipWithIndex': {
        const records = await this.records(plan.parent, split.parents?.[0] as Split);
        return records.map((r, k) => [r, (split.payload as number) + k]);
      }
      case 'KeyByPartition':
        return (await this.records(plan.parent, split)).map((r) => [split.index % plan.modulus, r]);
      case 'Zip': {
        const [left = [], right = []] = await this.#parents(plan.parents, split);
        if (left.length !== right.length)
          throw new Error('Can only zip RDDs with same number of elements in each partition');
        return left.map((l, i) => [l, right[i]]);
      }
      case 'Cartesian': {
        const [left = [], right = []] = await this.#parents(plan.parents, split);
        return left.flatMap((l) => right.map((r) => [l, r]));
      }
      case 'ZipPartitions': {
        const iterators = (await this.#parents(plan.parents, split)).map((records) => records.values());
        return [...(this.#call(plan.f)(...iterators) as Iterable<unknown>)];
      }
      case 'Evaluate':
        return this.#evaluate(plan.factory, split.index, [await this.records(plan.parent, split)]);
      case 'ZipEvaluate':
        return this.#evaluate(plan.factory, split.index, await this.#parents(plan.parents, split));
      case 'FoldPartition': {
        const zero = decodeOne(encodeOne(this.#functions[plan.zero]));
        return [(await this.records(plan.parent, split)).reduce((a, b) => this.#call(plan.op)(a, b), zero)];
      }
      case 'ReducePartition': {
        const records = await this.records(plan.parent, split);
        return records.length === 0 ? [] : [records.reduce((a, b) => this.#call(plan.f)(a, b))];
      }
      case 'Pipe':
        return this.#pipe(plan.pipe, await this.records(plan.parent, split));
      case 'Async':
        return this.#async(plan.op, await this.records(plan.parent, split));
    }
  }

  #parents(parents: readonly number[], split: Split): Promise<(readonly unknown[])[]> {
    return Promise.all(parents.map((parent, i) => this.records(parent, split.parents?.[i] as Split)));
  }

  #evaluate(factory: number, index: number, inputs: readonly (readonly unknown[])[]): readonly unknown[] {
    const evaluator = (this.#functions[factory] as { createEvaluator(): { eval: AnyCall } }).createEvaluator();
    return [...(evaluator.eval(index, ...inputs.map((i) => i.values())) as Iterable<unknown>)];
  }

  #pipe(plan: PipePlan, records: readonly unknown[]): readonly unknown[] {
    const lines: string[] = [];
    const print = (line: string): number => lines.push(line);
    if (plan.printContext !== null) this.#call(plan.printContext)(print);
    for (const r of records)
      if (plan.printElement === null) print(recordText(r));
      else this.#call(plan.printElement)(r, print);
    const [program = '', ...args] = plan.command;
    const dir = plan.separateWorkingDir ? mkdtempSync(join(tmpdir(), 'array-pipe-')) : process.cwd();
    const { error, status, stdout } = spawnSync(program, args, {
      input: Buffer.from(lines.map((line) => `${line}\n`).join(''), plan.encoding),
      env: { ...process.env, ...plan.env },
      cwd: dir,
      stdio: 'pipe',
    });
    if (plan.separateWorkingDir) rmSync(dir, { recursive: true });
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
      throw new Error(`Cannot run program "${program}"`);
    if (status !== 0)
      throw new Error(`Subprocess exited with status ${status}. Command ran: ${plan.command.join(' ')}`);
    const out = stdout.toString(plan.encoding).split(/\r\n|\n|\r/);
    return out.at(-1) === '' ? out.slice(0, -1) : out;
  }

  #shuffled(read: ShuffleReadPlan, reduce: number): readonly Pair[] {
    let pairs = this.#readShuffle(read.shuffleId, reduce);
    if (read.combine !== null) pairs = combineAll(pairs, read.combine, this.#functions, read.mapSideCombine);
    if (read.ordering === null) return pairs;
    const compare = comparatorOf(read.ordering, this.#functions);
    return [...pairs].sort((a, b) => compare(a[0], b[0]));
  }

  #narrow(op: NarrowOp, records: readonly unknown[]): readonly unknown[] {
    const pairs = records as readonly Pair[];
    switch (op.op) {
      case 'map':
        return records.map((r) => this.#call(op.f)(r));
      case 'filter':
        return records.filter((r) => this.#call(op.f)(r));
      case 'flatMap':
        return records.flatMap((r) => [...(this.#call(op.f)(r) as Iterable<unknown>)]);
      case 'mapValues':
        return pairs.map(([k, v]) => [k, this.#call(op.f)(v)]);
      case 'flatMapValues':
        return pairs.flatMap(([k, v]) => [...(this.#call(op.f)(v) as Iterable<unknown>)].map((w) => [k, w]));
      case 'keyBy':
        return records.map((r) => [this.#call(op.f)(r), r]);
      case 'keys':
        return pairs.map(([k]) => k);
      case 'values':
        return pairs.map(([, v]) => v);
      case 'pairWithNull':
        return records.map((r) => [r, null]);
      case 'pairKeyWithOne':
        return pairs.map(([k]) => [k, 1]);
      case 'pairWithOne':
        return records.map((r) => [r, 1]);
      case 'joinPairs':
        return pairs.flatMap(([k, sides]) => {
          const [vs, ws] = sides as [unknown[], unknown[]];
          const left = vs.length === 0 && (op.how === 'right' || op.how === 'full') ? [undefined] : vs;
          const right = ws.length === 0 && (op.how === 'left' || op.how === 'full') ? [undefined] : ws;
          return left.flatMap((v) => right.map((w) => [k, [v, w]]));
        });
      case 'subtractPairs':
        return pairs.flatMap(([k, sides]) => {
          const [vs, ws] = sides as [unknown[], unknown[]];
          return ws.length > 0 ? [] : vs.map((v) => [k, v]);
        });
      case 'keysOfBoth':
        return pairs.filter(([, sides]) => sides === 2).map(([k]) => k);
      case 'lookup':
        return pairs.filter(([k]) => valuesEqual(k, this.#functions[op.key])).map(([, v]) => v);
    }
  }

  async #async(op: AsyncOp, records: readonly unknown[]): Promise<readonly unknown[]> {
    const f = this.#call(op.f);
    if (op.op === 'mapPartitionsAsync') {
      const out: unknown[] = [];
      const call = { signal: new AbortController().signal, permit: async (): Promise<void> => {} };
      for await (const r of (await f(asAsync(records), call)) as AsyncIterable<unknown>) out.push(r);
      return out;
    }
    const results: unknown[] = [];
    for (const r of records) results.push(await this.#attempts(op, r));
    if (op.op === 'mapAsync') return results;
    if (op.op === 'filterAsync') return records.filter((_, i) => results[i]);
    return op.op === 'flatMapAsync' ? results.flatMap((r) => [...(r as Iterable<unknown>)]) : [];
  }

  async #attempts(op: AsyncOp, record: unknown): Promise<unknown> {
    for (let attempt = 0; ; attempt++)
      try {
        return await this.#call(op.f)(record, { signal: new AbortController().signal, attempt });
      } catch (error) {
        const retryIf = op.retry?.retryIf ?? null;
        const again = retryIf === null || this.#call(retryIf)(error, attempt);
        if (attempt >= (op.retry?.times ?? 0) || !again) throw error;
      }
  }

  #call(ref: number): AnyCall {
    return this.#functions[ref] as AnyCall;
  }
}

function readCheckpoint(split: Split): readonly unknown[] | null {
  const path = split.checkpoint?.path ?? null;
  if (path === null) return null;
  const out: unknown[] = [];
  decodeRecords(readFileSync(path).subarray(0, checkpointBytes(path)), out);
  return out;
}

async function* asAsync(records: readonly unknown[]): AsyncGenerator<unknown> {
  yield* records;
}

/** Groups by value equality, in order of first appearance. */
function groups(pairs: readonly Pair[]): [key: unknown, values: unknown[]][] {
  const byHash = new Map<number, [unknown, unknown[]][]>();
  const all: [unknown, unknown[]][] = [];
  for (const [key, value] of pairs) {
    const hash = hashValue(key);
    const same = byHash.get(hash) ?? [];
    byHash.set(hash, same);
    const known = same.find(([k]) => valuesEqual(k, key));
    if (known !== undefined) known[1].push(value);
    else {
      const group: [unknown, unknown[]] = [key, [value]];
      same.push(group);
      all.push(group);
    }
  }
  return all;
}

/** @param combiners values are combiners already. */
export function combineAll(
  pairs: readonly Pair[],
  plan: CombinePlan,
  functions: readonly unknown[],
  combiners: boolean,
): Pair[] {
  return groups(pairs).map(([key, values]) => [key, combineValues(values, plan, functions, combiners)]);
}

function combineValues(
  values: readonly unknown[],
  plan: CombinePlan,
  functions: readonly unknown[],
  combiners: boolean,
): unknown {
  const call = (ref: number): AnyCall => functions[ref] as AnyCall;
  const [head, ...tail] = values;
  switch (plan.kind) {
    case 'reduce':
      return tail.reduce((a, b) => call(plan.f)(a, b), head);
    case 'combine':
      if (combiners) return tail.reduce((a, b) => call(plan.mergeCombiners)(a, b), head);
      return tail.reduce((a, b) => call(plan.mergeValue)(a, b), call(plan.create)(head));
    case 'aggregate':
      if (combiners) return tail.reduce((a, b) => call(plan.combOp)(a, b), head);
      return values.reduce((a, b) => call(plan.seqOp)(a, b), decodeOne(encodeOne(functions[plan.zero])));
    case 'group':
      return values;
    case 'first':
      return head;
    case 'sum':
      return (values as number[]).reduce((a, b) => a + b, 0);
  }
}

function cogroup(sides: readonly (readonly Pair[])[]): readonly unknown[] {
  const tagged = sides.flatMap((side, i) => side.map(([k, v]): Pair => [k, [i, v]]));
  return groups(tagged).map(([key, values]) => [
    key,
    sides.map((_, i) => (values as [number, unknown][]).filter(([side]) => side === i).map(([, v]) => v)),
  ]);
}

export function comparatorOf(plan: OrderingPlan, functions: readonly unknown[]): (a: unknown, b: unknown) => number {
  const order = plan.compare === null ? compareValues : (functions[plan.compare] as (a: unknown, b: unknown) => number);
  return plan.ascending ? order : (a, b) => order(b, a);
}

import { assertNever } from '../base/assert-never.ts';
import type { CombinePlan, NarrowOp, Ref } from '../protocol/stage-program.ts';
import { groupText } from '../shuffle/group-block.ts';

/**
 * Writes the source text of one fused loop: a run of record-wise operators and the sink that takes their records.
 *
 *   (batch, from, to, S) => boolean       one call a batch; false: the sink wants no more
 *   (start, step, count, S) => boolean    the same over a range, without an array
 *   (block, from, to, S) => boolean       the same over keys with their values (GroupBlock), without arrays of them
 *
 * Why text: one function per stage with the operators as straight code stays monomorphic whatever else the thread has
 * run; a shared loop over closures becomes megamorphic after a few stages and costs five to ten times as much a record.
 */

/** What the loop does with a record. `S` is the sink's state object, whose fields the text names. */
export type SinkCode =
  | { readonly kind: 'push' } //                              S.out: array
  | { readonly kind: 'pushUpTo' } //                          S.out, S.limit
  | { readonly kind: 'count' } //                             S.n
  | { readonly kind: 'reduce'; readonly f: Ref } //           S.has, S.acc
  | { readonly kind: 'fold'; readonly f: Ref } //             S.acc
  | { readonly kind: 'sum' } //                               S.acc
  | { readonly kind: 'offer' } //                             S.heap.add(record)
  | { readonly kind: 'foreach'; readonly f: Ref }
  | { readonly kind: 'addPair' } //                           S.writer.addTo(S.partition(key), key, value)
  | { readonly kind: 'addPairByHash'; readonly numPartitions: number } // S.writer; the partition is computed inline
  | { readonly kind: 'combine'; readonly combine: CombinePlan }; // S.table; S.zero() for aggregate

/** A record in the text: one expression, or a pair whose array has not been made (and may never be). */
type Value =
  | { readonly kind: 'one'; readonly e: string }
  | { readonly kind: 'pair'; readonly k: string; readonly v: string };

class SegmentWriter {
  readonly checks: boolean;
  /** In the order of first use: the text says f0, f1, …, so equal code has equal text wherever its functions lie. */
  readonly refs: Ref[];
  #lines: string[] = [];
  #close = '';
  #names = 0;

  constructor(checks: boolean, refs: Ref[]) {
    this.checks = checks;
    this.refs = refs;
  }

  fresh(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** A line of the checked copy only. */
  check(text: string): void {
    if (this.checks) this.#lines.push(text);
  }

  open(text: string): void {
    this.#lines.push(text);
    this.#close += '}';
  }

  f(ref: Ref): string {
    let i = this.refs.indexOf(ref);
    if (i < 0) i = this.refs.push(ref) - 1;
    return `f${i}`;
  }

  one(value: Value): string {
    return value.kind === 'one' ? value.e : `[${value.k}, ${value.v}]`;
  }

  pair(value: Value, op: string): { k: string; v: string } {
    if (value.kind === 'pair') return value;
    const k = this.fresh('k');
    const v = this.fresh('u');
    this.check(`if (!Array.isArray(${value.e})) R.notAPair(${value.e}, '${op}');`);
    this.line(`const ${k} = ${value.e}[0], ${v} = ${value.e}[1];`);
    return { k, v };
  }

  /** A call whose result must not be a promise: a promise is not a record. */
  call(f: Ref, args: string, op: string): string {
    const r = this.fresh('v');
    this.line(`const ${r} = ${this.f(f)}(${args});`);
    this.check(`if (R.isPromise(${r})) R.refusePromise('${op}');`);
    return r;
  }

  body(): string {
    return `${this.#lines.join('\n')}${this.#close}`;
  }
}

function each(w: SegmentWriter, iterable: string, op: string): string {
  // Two loops would double the code behind them; an array is by far the most common answer, so others become one.
  const a = w.fresh('a');
  const j = w.fresh('j');
  const x = w.fresh('x');
  w.line(`const ${a} = Array.isArray(${iterable}) ? ${iterable} : R.toArray(${iterable}, '${op}');`);
  w.open(`for (let ${j} = 0; ${j} < ${a}.length; ${j}++) {`);
  w.line(`const ${x} = ${a}[${j}];`);
  return x;
}

function applyOp(w: SegmentWriter, op: NarrowOp, value: Value): Value {
  switch (op.op) {
    case 'map':
      return { kind: 'one', e: w.call(op.f, w.one(value), 'map') };
    case 'filter': {
      let e = w.one(value);
      if (value.kind === 'pair') {
        const p = w.fresh('p');
        w.line(`const ${p} = ${e};`);
        e = p;
      }
      const r = w.fresh('c');
      w.line(`const ${r} = ${w.f(op.f)}(${e});`);
      w.open(`if (${r} === true || (${r} !== false && R.truthy(${r}))) {`);
      return value.kind === 'pair' ? value : { kind: 'one', e };
    }
    case 'flatMap':
      return { kind: 'one', e: each(w, w.call(op.f, w.one(value), 'flatMap'), 'flatMap') };
    case 'mapValues': {
      const p = w.pair(value, 'mapValues');
      return { kind: 'pair', k: p.k, v: w.call(op.f, p.v, 'mapValues') };
    }
    case 'flatMapValues': {
      const p = w.pair(value, 'flatMapValues');
      return { kind: 'pair', k: p.k, v: each(w, w.call(op.f, p.v, 'flatMapValues'), 'flatMapValues') };
    }
    case 'keyBy': {
      const x = w.fresh('x');
      w.line(`const ${x} = ${w.one(value)};`);
      return { kind: 'pair', k: w.call(op.f, x, 'keyBy'), v: x };
    }
    case 'keys':
      return { kind: 'one', e: w.pair(value, 'keys').k };
    case 'values':
      return { kind: 'one', e: w.pair(value, 'values').v };
    case 'pairWithNull':
      return { kind: 'pair', k: w.one(value), v: 'null' };
    case 'pairWithOne':
      return { kind: 'pair', k: w.one(value), v: '1' };
    case 'pairKeyWithOne':
      return { kind: 'pair', k: w.pair(value, 'countByKey').k, v: '1' };
    case 'joinPairs': {
      const p = w.pair(value, 'join');
      const l = w.fresh('l');
      const r = w.fresh('r');
      const i = w.fresh('i');
      const j = w.fresh('j');
      const left = op.how === 'right' || op.how === 'full' ? `(${p.v}[0].length ? ${p.v}[0] : R.missing)` : `${p.v}[0]`;
      const right = op.how === 'left' || op.how === 'full' ? `(${p.v}[1].length ? ${p.v}[1] : R.missing)` : `${p.v}[1]`;
      w.line(`const ${l} = ${left}, ${r} = ${right};`);
      w.open(`for (let ${i} = 0; ${i} < ${l}.length; ${i}++) {`);
      w.open(`for (let ${j} = 0; ${j} < ${r}.length; ${j}++) {`);
      const v = w.fresh('v');
      w.line(`const ${v} = [${l}[${i}], ${r}[${j}]];`);
      return { kind: 'pair', k: p.k, v };
    }
    case 'subtractPairs': {
      const p = w.pair(value, 'subtractByKey');
      const a = w.fresh('a');
      const j = w.fresh('j');
      w.line(`const ${a} = ${p.v}[1].length ? R.none : ${p.v}[0];`);
      w.open(`for (let ${j} = 0; ${j} < ${a}.length; ${j}++) {`);
      return { kind: 'pair', k: p.k, v: `${a}[${j}]` };
    }
    case 'keysOfBoth': {
      const p = w.pair(value, 'intersection');
      w.open(`if (${p.v} === 2) {`);
      return { kind: 'one', e: p.k };
    }
    case 'lookup': {
      const p = w.pair(value, 'lookup');
      w.open(`if (R.equal(${p.k}, ${w.f(op.key)})) {`);
      return { kind: 'one', e: p.v };
    }
    default:
      return assertNever(op);
  }
}

/** What a loop goes over; for groups the number of their sides. */
export type SegmentInput = 'batch' | 'range' | { readonly sides: number };

/** The first operator over keys with their values. Joins take values where they lie; for others the lists are made. */
function applyToGroups(w: SegmentWriter, op: NarrowOp | undefined, sides: number): Value {
  if (op?.op === 'joinPairs') {
    const left = rows(w, 0, op.how === 'right' || op.how === 'full');
    const right = rows(w, 1, op.how === 'left' || op.how === 'full');
    const v = w.fresh('v');
    w.line(`const ${v} = [${left}, ${right}];`);
    return { kind: 'pair', k: 'k', v };
  }
  if (op?.op === 'subtractPairs') {
    w.open('if (s1[i] === s1[i + 1]) {');
    return { kind: 'pair', k: 'k', v: rows(w, 0, false) };
  }
  w.line(`const g = ${groupText(sides, 'b', 'i')};`);
  const groups: Value = { kind: 'pair', k: 'k', v: 'g' };
  return op === undefined ? groups : applyOp(w, op, groups);
}

/** Opens a loop over the values that the key has on one side, once for none if `orMissing`. */
function rows(w: SegmentWriter, side: number, orMissing: boolean): string {
  const at = w.fresh('p');
  const end = w.fresh('e');
  const x = w.fresh('x');
  w.line(`const ${end} = s${side}[i + 1];`);
  const last = orMissing ? `(s${side}[i] === ${end} ? ${end} + 1 : ${end})` : end;
  w.open(`for (let ${at} = s${side}[i]; ${at} < ${last}; ${at}++) {`);
  w.line(`const ${x} = ${orMissing ? `${at} < ${end} ? g${side}[${at}] : undefined` : `g${side}[${at}]`};`);
  return x;
}

/** Which copy of the loop: `checked` for the first records, `number` while the accumulator is one, `any` otherwise. */
type Copy = 'checked' | 'number' | 'any';

interface SinkText {
  readonly prologue: string;
  readonly epilogue: string;
}

function sinkText(sink: SinkCode, copy: Copy): SinkText {
  // The plus tells V8 that the accumulator is a number from the first record on, so it stays in a register.
  const acc = copy === 'number' ? '+S.acc' : 'S.acc';
  switch (sink.kind) {
    case 'push':
      return { prologue: 'const out = S.out;', epilogue: '' };
    case 'pushUpTo':
      return { prologue: 'const out = S.out, limit = S.limit;', epilogue: '' };
    case 'count':
      return { prologue: 'let n = 0;', epilogue: 'S.n += n;' };
    case 'reduce':
      return copy === 'number'
        ? { prologue: `let acc = ${acc};`, epilogue: 'S.acc = acc;' }
        : { prologue: `let has = S.has, acc = ${acc};`, epilogue: 'S.has = has; S.acc = acc;' };
    case 'fold':
    case 'sum':
      return { prologue: `let acc = ${acc};`, epilogue: 'S.acc = acc;' };
    case 'offer':
      return { prologue: 'const heap = S.heap;', epilogue: '' };
    case 'foreach':
      return { prologue: '', epilogue: '' };
    case 'addPair':
      return { prologue: 'const writer = S.writer, partition = S.partition;', epilogue: '' };
    case 'addPairByHash':
      return { prologue: 'const writer = S.writer;', epilogue: '' };
    case 'combine':
      return { prologue: 'const table = S.table, vals = table.values;', epilogue: '' };
    default:
      return assertNever(sink);
  }
}

function emit(w: SegmentWriter, sink: SinkCode, value: Value, copy: Copy): void {
  switch (sink.kind) {
    case 'push':
      w.line(`out.push(${w.one(value)});`);
      return;
    case 'pushUpTo':
      w.line(`out.push(${w.one(value)}); if (out.length >= limit) return false;`);
      return;
    case 'count':
      w.line('n++;');
      return;
    case 'reduce': {
      const merge = `acc = ${w.f(sink.f)}(acc, ${w.one(value)});`;
      if (copy === 'number') w.line(merge);
      else w.line(`if (has) { ${merge} } else { acc = ${w.one(value)}; has = true; }`);
      w.check(`if (R.isPromise(acc)) R.refusePromise('reduce');`);
      return;
    }
    case 'fold':
      w.line(`acc = ${w.f(sink.f)}(acc, ${w.one(value)});`);
      w.check(`if (R.isPromise(acc)) R.refusePromise('fold or aggregate');`);
      return;
    case 'sum':
      w.line(`acc += ${w.one(value)};`);
      return;
    case 'offer':
      w.line(`heap.add(${w.one(value)});`);
      return;
    case 'foreach': {
      w.call(sink.f, w.one(value), 'foreach');
      return;
    }
    case 'addPair': {
      const p = w.pair(value, 'a shuffle');
      w.line(`writer.addTo(partition(${p.k}), ${p.k}, ${p.v});`);
      return;
    }
    case 'addPairByHash': {
      const p = w.pair(value, 'a shuffle');
      const h = w.fresh('h');
      const key = w.fresh('k');
      w.line(`const ${key} = ${p.k};`);
      // Without | 0 a remainder of -0 makes V8 divide doubles.
      w.line(
        `const ${h} = ${key} === null || ${key} === undefined ? 0 : (R.hash(${key}) % ${sink.numPartitions}) | 0;`,
      );
      w.line(`writer.addTo(${h} < 0 ? ${h} + ${sink.numPartitions} : ${h}, ${key}, ${p.v});`);
      return;
    }
    case 'combine':
      emitCombine(w, sink.combine, w.pair(value, 'a shuffle'));
      return;
    default:
      assertNever(sink);
  }
}

function emitCombine(w: SegmentWriter, c: CombinePlan, p: { k: string; v: string }): void {
  w.line(`const e = table.upsert(${p.k});`);
  const upsert = (created: string, merged: string): void =>
    w.line(`if (e === vals.length) vals.push(${created}); else vals[e] = ${merged};`);
  switch (c.kind) {
    case 'reduce':
      upsert(p.v, `${w.f(c.f)}(vals[e], ${p.v})`);
      w.check(`if (R.isPromise(vals[e])) R.refusePromise('reduceByKey');`);
      return;
    case 'combine':
      upsert(`${w.f(c.create)}(${p.v})`, `${w.f(c.mergeValue)}(vals[e], ${p.v})`);
      w.check(`if (R.isPromise(vals[e])) R.refusePromise('combineByKey');`);
      return;
    case 'aggregate':
      upsert(`${w.f(c.seqOp)}(S.zero(), ${p.v})`, `${w.f(c.seqOp)}(vals[e], ${p.v})`);
      w.check(`if (R.isPromise(vals[e])) R.refusePromise('aggregateByKey');`);
      return;
    case 'group':
      w.line(`if (e === vals.length) vals.push([${p.v}]); else vals[e].push(${p.v});`);
      return;
    case 'first':
      w.line(`if (e === vals.length) vals.push(${p.v});`);
      return;
    case 'sum':
      upsert(p.v, `vals[e] + ${p.v}`);
      return;
    default:
      assertNever(c);
  }
}

/**
 * Records of a short first run of the copy that does the rest. V8 compiles a long loop while it runs; what stands behind the
 * loop must have run before, or the compiled code gives up there at the end of every call. V8 remembers what it saw only
 * after some 900 bytes of bytecode, which the shortest loop has run after 50 records; with 16, a map, filter and reduce
 * over a range took twice the time.
 */
const WARMING_RECORDS = 64;

/** Records at the head of each call that run through the copy with checks: the second is the first a reduce merges. */
const CHECKED_RECORDS = 2;

function groupColumns(sides: number): string {
  const names = Array.from({ length: sides }, (_, s) => `g${s} = b.sides[${s}].values, s${s} = b.sides[${s}].starts`);
  return `const keys = b.keys, ${names.join(', ')};`;
}

/**
 * Function expression text for one segment, and the references it needs in scope as `f0`, `f1`, … beside `R`.
 *
 * The loop is there in up to three copies, of which V8 compiles those that run. Checks of what user functions return
 * (a promise, no pair) are made in a copy of their own, on the first records of a call, so that the others pay nothing.
 */
export function segmentSource(
  ops: readonly NarrowOp[],
  sink: SinkCode,
  source: SegmentInput,
): { readonly text: string; readonly refs: readonly Ref[] } {
  const refs: Ref[] = [];
  const loop = (copy: Copy): string => {
    const w = new SegmentWriter(copy === 'checked', refs);
    let value: Value = typeof source === 'object' ? applyToGroups(w, ops[0], source.sides) : { kind: 'one', e: 'x' };
    for (const op of typeof source === 'object' ? ops.slice(1) : ops) value = applyOp(w, op, value);
    emit(w, sink, value, copy);
    const { prologue, epilogue } = sinkText(sink, copy);
    const head = source === 'range' ? 'function (start, step, from, to, S)' : 'function (b, from, to, S)';
    const each =
      source === 'batch'
        ? 'for (let i = from; i < to; i++) { const x = b[i];'
        : source === 'range'
          ? 'for (let x = start + from * step, end = start + to * step; x !== end; x += step) {'
          : `${groupColumns(source.sides)}\nfor (let i = from; i < to; i++) { const k = keys[i];`;
    return `${head} { ${prologue}\n${each}\n${w.body()}\n}\n${epilogue} return true; }`;
  };
  const numbers = sink.kind === 'reduce' || sink.kind === 'fold' || sink.kind === 'sum';
  const copies = `const checked = ${loop('checked')};
const any = ${loop('any')};
${numbers ? `const number = ${loop('number')};` : ''}`;
  const input = source === 'range' ? 'start, step' : 'b';
  const [parameters, first, last] =
    source === 'range' ? ['start, step, count, S', '0', 'count'] : ['b, from, to, S', 'from', 'to'];
  // Copies are taken from an array, for then V8 keeps each as a function of its own. Where it knows which is called, it puts
  // the loop into the caller once for each call, and the pieces are slow: 5.7 against 2.9 ns for a map and a filter.
  const text = `(() => {
${copies}
const copies = [checked, any${numbers ? ', number' : ''}];
const stretches = [${CHECKED_RECORDS}, ${WARMING_RECORDS}, Infinity];
return function (${parameters}) {
  let at = ${first};
  for (let i = 0; at < ${last}; i++) {
    const copy = copies[i === 0 ? 0 : ${numbers ? "typeof S.acc === 'number' ? 2 : 1" : '1'}];
    const end = Math.min(${last}, at + stretches[i]);
    if (!copy(${input}, at, end, S)) return false;
    at = end;
  }
  return true;
}; })()`;
  return { text, refs };
}

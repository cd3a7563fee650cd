import { isAddition, pureResultOf, splitFormOf } from '../closure/closure.ts';
import type { CombinePlan, NarrowOp, StageProgram, TallyPlan } from '../protocol/stage-program.ts';

type Fn = Parameters<typeof isAddition>[0];

/**
 * Recognises programs that count words of text, whatever their functions are called:
 *
 *   textFile ─► flatMap(line => line.split(…)) ─► filter, map by the word alone ─► map(word => [word, 1]) ─► reduceByKey(a + b)
 *
 * Null: it is something else, or not known for certain.
 *
 * @param values what the program's Refs point to.
 */
export function tallyPlan(
  { nodes, root, sink }: Pick<StageProgram, 'nodes' | 'root' | 'sink'>,
  values: readonly unknown[],
): TallyPlan | null {
  if (sink.kind !== 'shuffleWrite' || sink.combine === null || !mayAdd(sink.combine)) return null;
  const ops: NarrowOp[] = [];
  let files = root;
  for (;;) {
    const node = nodes[files];
    if (node === undefined || node.persist !== null) return null;
    if (node.kind === 'Files') {
      if (node.format.kind !== 'text') return null;
      break;
    }
    if (node.kind !== 'Narrow') return null;
    ops.push(node.op);
    files = node.parent;
  }
  const [cut, ...rest] = ops.reverse();
  if (cut?.op !== 'flatMap' || rest.length === 0) return null;
  // Functions are read last: most programs are known not to be one of ours before.
  const split = splitFormOf(values[cut.f] as Fn);
  if (split === null || !makesNumbers(rest, values)) return null;
  if (sink.combine.kind === 'reduce' && !isAddition(values[sink.combine.f] as Fn)) return null;
  return { files, split };
}

function mayAdd(combine: CombinePlan): boolean {
  return combine.kind === 'reduce' || combine.kind === 'sum';
}

/** Whether operators over strings do nothing but make pairs with numbers of some of them. */
function makesNumbers(ops: readonly NarrowOp[], values: readonly unknown[]): boolean {
  let word: 'string' | 'number' | 'boolean' | 'null' = 'string';
  for (const [i, op] of ops.entries()) {
    const isLast = i === ops.length - 1;
    if (op.op === 'pairWithOne') return isLast;
    if (op.op !== 'map' && op.op !== 'filter') return false;
    const result = pureResultOf(values[op.f] as Fn, word);
    if (result === null) return false;
    if (op.op === 'filter') continue;
    if (typeof result !== 'string') return isLast && result[1] === 'number';
    word = result;
  }
  return false;
}

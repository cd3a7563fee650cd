import type { PairBlock, PairStream } from './pair-stream.ts';
import type { Comparator } from './sorter.ts';
import { specialize } from './specialize.ts';

/** More sources at once lose to cache misses: 64 cost 270 ns a row against 43 for 8. */
export const MAX_FAN_IN = 16;

const BLOCK_ROWS = 2048;

/** The state of a merge, source by source; the generated loop works on it. */
interface MergeState {
  readonly n: number;
  /** tree[1 … n-1]: the source that lost the match at this node. Leaf i hangs below node (i + n) >> 1. */
  readonly tree: Int32Array;
  readonly keys: (readonly unknown[])[];
  readonly values: (readonly unknown[])[];
  /** The row of each source that comes next, and its key. */
  readonly at: Int32Array;
  readonly heads: unknown[];
  readonly alive: Uint8Array;
  winner: number;
  /** Loads the next block of a source. */
  readonly refill: (source: number) => void;
}

type MergeLoop = (state: MergeState, compare: Comparator, keys: unknown[], values: unknown[], rows: number) => void;
type BuildTree = (state: MergeState, compare: Comparator) => void;

// A comparator that contradicts itself may misplace rows, but each round takes one row from one source, so none is lost
// and the loop ends. Of equal rows the one of the earlier source comes first.
const SOURCE = `
const beats = (s, compare, a, b) => {
  if (s.alive[a] === 0) return false;
  if (s.alive[b] === 0) return true;
  const c = compare(s.heads[a], s.heads[b]);
  return c < 0 || (!(c > 0) && a < b);
};
const build = (s, compare) => {
  s.tree.fill(-1);
  for (let i = 0; i < s.n; i++) {
    let w = i;
    let p = (i + s.n) >> 1;
    for (;;) {
      if (p === 0) { s.winner = w; break; }
      const l = s.tree[p];
      if (l === -1) { s.tree[p] = w; break; }
      if (beats(s, compare, l, w)) { s.tree[p] = w; w = l; }
      p >>= 1;
    }
  }
};
const merge = (s, compare, keys, values, rows) => {
  const { n, tree, at, heads } = s;
  while (rows-- > 0) {
    let w = s.winner;
    if (s.alive[w] === 0) return;
    const row = at[w]++;
    keys.push(heads[w]);
    values.push(s.values[w][row]);
    if (row + 1 < s.keys[w].length) heads[w] = s.keys[w][row + 1];
    else s.refill(w);
    for (let p = (w + n) >> 1; p > 0; p >>= 1) {
      const l = tree[p];
      if (beats(s, compare, l, w)) { tree[p] = w; w = l; }
    }
    s.winner = w;
  }
};
return { build, merge };`;

/** Merges sources that are each sorted by key into one, with a tree of losers. */
export class MergeStream implements PairStream {
  readonly #sources: readonly PairStream[];
  readonly #compare: Comparator;
  readonly #loops: { readonly build: BuildTree; readonly merge: MergeLoop };
  #state: MergeState | null = null;

  /** @param sources in the order in which equal keys are to come; at most MAX_FAN_IN are sensible. */
  constructor(tag: string, sources: readonly PairStream[], compare: Comparator) {
    this.#sources = sources;
    this.#compare = compare;
    this.#loops = specialize(tag, SOURCE);
  }

  next(): PairBlock | null {
    this.#state ??= this.#start();
    const keys: unknown[] = [];
    const values: unknown[] = [];
    this.#loops.merge(this.#state, this.#compare, keys, values, BLOCK_ROWS);
    return keys.length === 0 ? null : { keys, values };
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }

  #start(): MergeState {
    const n = this.#sources.length;
    const state: MergeState = {
      n,
      tree: new Int32Array(Math.max(1, n)),
      keys: [],
      values: [],
      at: new Int32Array(n),
      heads: [],
      alive: new Uint8Array(n),
      winner: 0,
      refill: (source) => this.#refill(state, source),
    };
    for (let i = 0; i < n; i++) {
      state.keys.push([]);
      state.values.push([]);
      state.heads.push(undefined);
      this.#refill(state, i);
    }
    this.#loops.build(state, this.#compare);
    return state;
  }

  #refill(state: MergeState, source: number): void {
    const stream = this.#sources[source] as PairStream; // one for each index below n
    let block = stream.next();
    while (block !== null && block.keys.length === 0) block = stream.next();
    state.alive[source] = block === null ? 0 : 1;
    state.keys[source] = block?.keys ?? [];
    state.values[source] = block?.values ?? [];
    state.at[source] = 0;
    state.heads[source] = block?.keys[0];
    if (block === null) stream.close();
  }
}

/**
 * Finds the strongly connected components of a graph (Tarjan), without recursion.
 *
 * @returns the component of each node, or null when the graph has no cycle.
 */
export function stronglyConnected(count: number, edges: (node: number) => readonly number[]): Int32Array | null {
  const index = new Int32Array(count).fill(-1);
  const low = new Int32Array(count);
  const onStack = new Uint8Array(count);
  const component = new Int32Array(count);
  const stack: number[] = [];
  let next = 0;
  let components = 0;
  let cyclic = false;
  const work: { readonly node: number; readonly out: readonly number[]; at: number }[] = [];
  const enter = (node: number): void => {
    index[node] = low[node] = next++;
    stack.push(node);
    onStack[node] = 1;
    work.push({ node, out: edges(node), at: 0 });
  };
  // Reads of the typed arrays below are by node numbers, which are always in range.
  for (let root = 0; root < count; root++) {
    if (index[root] !== -1) continue;
    enter(root);
    for (let frame = work.at(-1); frame !== undefined; frame = work.at(-1)) {
      const { node } = frame;
      if (frame.at < frame.out.length) {
        const target = frame.out[frame.at++] as number;
        if (target === node) cyclic = true;
        if (index[target] === -1) enter(target);
        else if (onStack[target] === 1) low[node] = Math.min(low[node] as number, index[target] as number);
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent !== undefined) low[parent.node] = Math.min(low[parent.node] as number, low[node] as number);
      if (low[node] !== index[node]) continue;
      let size = 0;
      for (let member = -1; member !== node; size++) {
        member = stack.pop() as number; // the stack holds at least `node`
        onStack[member] = 0;
        component[member] = components;
      }
      if (size > 1) cyclic = true;
      components++;
    }
  }
  return cyclic ? component : null;
}

import { describeLevel, StorageLevel, sameLevel } from '../protocol/storage-level.ts';
import type { JobRunner } from './job-runner.ts';
import type { RDDNode } from './rdd-node.ts';

/** `name MapPartitionsRDD[3] at map at app.ts:12`. Spark: RDD.toString */
export function nodeTitle(node: RDDNode): string {
  return `${node.name === null ? '' : `${node.name} `}${node.className}[${node.id}] at ${node.callSite}`;
}

/**
 * The lineage as a tree, in Spark's layout: a shuffle begins a new column, narrow parents stay in theirs.
 *
 *   (2) ShuffledRDD[3] at reduceByKey at app.ts:4 []
 *    +-(2) MapPartitionsRDD[2] at map at app.ts:3 []
 *       |  ParallelCollectionRDD[0] at parallelize at app.ts:2 []
 *
 * Spark: RDD.toDebugString
 */
export function debugString(root: RDDNode, jobs: JobRunner): string {
  const lines: string[] = [];
  const rest: { readonly node: RDDNode; readonly first: string; readonly indent: string; readonly space: string }[] =
    [];
  const parts = `(${root.numPartitions})`;
  rest.push({ node: root, first: `${parts} `, indent: column('', parts), space: ' ' });
  // Depth first with a stack of its own: lineages get thousands deep.
  for (let top = rest.pop(); top !== undefined; top = rest.pop()) {
    const { node, first, indent, space } = top;
    const [title, ...details] = describeNode(node, jobs);
    lines.push(`${first}${title}`);
    for (const detail of details) lines.push(`${indent}${space}${detail}`);

    for (let i = node.dependencies.length - 1; i >= 0; i--) {
      const dependency = node.dependencies[i];
      if (dependency === undefined) continue;
      if (dependency.kind !== 'Shuffle') {
        rest.push({ node: dependency.rdd, first: indent, indent, space: '' });
        continue;
      }
      const own = indent.replace(/\|\s+$/, '');
      const label = `(${dependency.rdd.numPartitions})`;
      const last = i === node.dependencies.length - 1;
      rest.push({
        node: dependency.rdd,
        first: `${own}+-${label} `,
        indent: column(`${own}${last ? '  ' : '| '}`, label),
        space: '',
      });
    }
  }
  return lines.join('\n');
}

/** The bar of what stands below a partition count, in the middle of it. */
function column(before: string, label: string): string {
  const left = Math.floor((label.length - 1) / 2);
  return `${before}${' '.repeat(left)}|${' '.repeat(label.length - left)}`;
}

function describeNode(node: RDDNode, jobs: JobRunner): readonly string[] {
  if (sameLevel(node.storageLevel, StorageLevel.NONE)) return [`${nodeTitle(node)} []`];
  const lines = [`${nodeTitle(node)} [${describeLevel(node.storageLevel)}]`];
  const info = jobs.storageInfo(node.id);
  if (info !== null) {
    const memory = formatBytes(info.memoryBytes);
    const disk = formatBytes(info.diskBytes);
    lines.push(`    CachedPartitions: ${info.numCachedPartitions}; MemorySize: ${memory}; DiskSize: ${disk}`);
  }
  return lines;
}

/** Spark: Utils.bytesToString */
function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let unit = 0;
  // The next unit begins at twice its size, so that one digit more than needed is shown rather than one less.
  while (unit < units.length - 1 && bytes >= 2 * 1024 ** (unit + 1)) unit++;
  return `${(bytes / 1024 ** unit).toFixed(1)} ${units[unit]}`;
}

import { join } from 'node:path';
import { IskraError } from '../base/errors.ts';
import {
  checkpointPart,
  countCheckpointParts,
  makeCheckpointDir,
  removeCheckpoint,
  writePartitionerFile,
} from '../io/checkpoint-files.ts';
import { encodePartitioner } from './checkpoint-partitioner.ts';
import type { JobRunner } from './job-runner.ts';
import { LocalCheckpointRDD, ReliableCheckpointRDD } from './nodes/checkpoint-rdds.ts';
import type { CheckpointMark, RDDNode } from './rdd-node.ts';
import { everyPartition } from './results.ts';
import type { SinkSpec } from './sink-spec.ts';

/** A local property: not only the nearest marked RDD is checkpointed, but those above it as well, before it. */
const ALL_MARKED_ANCESTORS = 'spark.checkpoint.checkpointAllMarkedAncestors';

/** On whose behalf lineages are cut. */
export interface CheckpointRun {
  readonly jobs: JobRunner;
  readonly callSite: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Computes partitions of a node; rejects when the action is cancelled. */
  run(node: RDDNode, sink: SinkSpec, partitions: readonly number[]): Promise<void>;
}

/**
 * After a job on `root`: cuts the lineage of the RDDs that are marked for it, the nearest ones on each way up.
 *
 * @returns null when there is nothing to do, so that an action need not wait. Spark: RDD.doCheckpoint
 */
export function doCheckpoint(root: RDDNode, run: CheckpointRun): Promise<void> | null {
  if (root.sawJob) return null;
  const all = run.properties[ALL_MARKED_ANCESTORS] === 'true';
  const { marked, visited } = findMarked(root, all);
  return marked.length === 0 ? null : checkpointAll(marked, visited, run);
}

interface Found {
  /** Parents first. */
  readonly marked: readonly RDDNode[];
  readonly visited: readonly RDDNode[];
}

/** Marked nodes that no job has seen. What a job has seen before is not looked behind again. */
function findMarked(root: RDDNode, all: boolean): Found {
  const marked: RDDNode[] = [];
  const visited: RDDNode[] = [];
  const stack: { readonly node: RDDNode; next: number }[] = [];
  const enter = (node: RDDNode): void => {
    if (node.sawJob) return;
    node.sawJob = true;
    visited.push(node);
    stack.push({ node, next: node.checkpoint !== null && !all ? node.dependencies.length : 0 });
  };
  enter(root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const dependency = top.node.dependencies[top.next++];
    if (dependency !== undefined) {
      enter(dependency.rdd);
      continue;
    }
    stack.pop();
    if (top.node.checkpoint?.state === 'marked') marked.push(top.node);
  }
  return { marked, visited };
}

async function checkpointAll(
  marked: readonly RDDNode[],
  visited: readonly RDDNode[],
  run: CheckpointRun,
): Promise<void> {
  for (const node of marked) {
    const mark = node.checkpoint;
    if (mark?.state !== 'marked') continue;
    mark.state = 'writing';
    try {
      if (mark.kind === 'local') await checkpointLocally(node, run);
      else await checkpointReliably(node, mark, run);
      mark.state = 'done';
    } catch (error) {
      mark.state = 'marked';
      // The next job tries again.
      for (const seen of visited) seen.sawJob = false;
      throw error;
    }
  }
}

/** A second pass over the RDD, which is why it had better be cached. Spark: ReliableRDDCheckpointData.doCheckpoint */
async function checkpointReliably(node: RDDNode, mark: CheckpointMark, run: CheckpointRun): Promise<void> {
  const { jobs, callSite } = run;
  const { checkpoints } = jobs;
  const root = checkpoints.dir;
  if (root === null) throw noCheckpointDir();
  const dir = join(root, `rdd-${node.id}`);
  makeCheckpointDir(dir);
  const { numPartitions } = node;
  try {
    await run.run(node, { kind: 'checkpoint', dir, compress: checkpoints.compress }, everyPartition(node));
    const written = countCheckpointParts(dir);
    if (written !== numPartitions)
      throw new IskraError(
        'CHECKPOINT_INCOMPLETE',
        `Checkpoint RDD has a different number of partitions from original RDD. Original RDD [ID: ${node.id}, num of partitions: ${numPartitions}]; Checkpoint RDD [directory: ${dir}, num of partitions: ${written}]. Tasks may have written to another machine's disk: use a directory that all of them see.`,
      );
  } catch (error) {
    removeCheckpoint(dir);
    throw error;
  }
  writePartitioner(node, dir, run);
  const files = new ReliableCheckpointRDD(jobs.newRddId(), callSite, dir, numPartitions, node.partitioner);
  node.cutLineage(files, (partition) => checkpointPart(dir, partition));
  mark.dir = dir;
  checkpoints.written(node, dir);
}

function writePartitioner({ partitioner }: RDDNode, dir: string, { jobs }: CheckpointRun): void {
  if (partitioner === null) return;
  try {
    writePartitionerFile(dir, encodePartitioner(partitioner));
  } catch (error) {
    jobs.checkpoints.warn(`Error writing partitioner to ${dir}; the checkpoint has none: ${String(error)}`);
  }
}

/** Actions such as take leave partitions out: those are computed now. Spark: LocalRDDCheckpointData.doCheckpoint */
async function checkpointLocally(node: RDDNode, run: CheckpointRun): Promise<void> {
  const { jobs, callSite } = run;
  const missing = everyPartition(node).filter((p) => !jobs.checkpoints.isStored(node.id, p));
  if (missing.length > 0) await run.run(node, { kind: 'drain' }, missing);
  node.cutLineage(new LocalCheckpointRDD(jobs.newRddId(), callSite, node), () => null);
}

export function noCheckpointDir(): IskraError {
  return new IskraError(
    'NO_CHECKPOINT_DIR',
    'Checkpoint directory has not been set in the SparkContext; call sc.setCheckpointDir() before',
  );
}

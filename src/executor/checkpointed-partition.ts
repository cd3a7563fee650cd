import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import { CHECKPOINT_DAMAGE_ADVICE, checkpointBytes, checkpointLost } from '../io/checkpoint-files.ts';
import type { RddId } from '../protocol/ids.ts';
import type { Split } from '../protocol/stage-program.ts';
import { rddBlockId } from '../storage/block-manager.ts';
import { BlockBatches, FileBlockBatches } from './source-iterators.ts';
import type { TaskEnv } from './task-env.ts';

/**
 * True when the split says where this node's partition is kept. A program may be older than the checkpoint and have the
 * node's lineage still; splits are made when a task is launched, so they decide.
 */
export function isCheckpointed(node: { readonly rddId: RddId }, split: Split): boolean {
  return split.checkpoint !== undefined && split.checkpoint.rddId === node.rddId;
}

/**
 * The records of a checkpointed partition.
 *
 * @throws IskraError CHECKPOINT_LOST, CHECKPOINT_DAMAGED, CHECKPOINT_BLOCK_LOST. Spark: ReliableCheckpointRDD.compute, LocalCheckpointRDD.compute
 */
export function openCheckpointed(env: TaskEnv, split: Split): BatchIterator {
  // isCheckpointed() was asked before.
  const { rddId, path } = split.checkpoint as NonNullable<Split['checkpoint']>;
  if (path !== null) {
    try {
      return new FileBlockBatches(path, checkpointBytes(path), CHECKPOINT_DAMAGE_ADVICE);
    } catch (cause) {
      throw IskraError.is(cause) ? cause : checkpointLost(path, cause);
    }
  }
  const block = env.link.ask('GetRddBlock', { rddId, partition: split.index });
  if (block === null)
    throw new IskraError(
      'CHECKPOINT_BLOCK_LOST',
      `Checkpoint block ${rddBlockId(rddId, split.index)} not found! Either the executor that originally checkpointed this partition is no longer alive, or the original RDD is unpersisted. If this problem persists, you may consider using \`rdd.checkpoint()\` instead, which is slower than local checkpointing but more fault-tolerant.`,
      { details: { rddId, partition: split.index } },
    );
  return block.kind === 'memory' ? new BlockBatches(block.chunks) : new FileBlockBatches(block.path, block.bytes);
}

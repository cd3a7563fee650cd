import type { ExecutorPackage } from '../app-package/executor-package.ts';
import { InvariantError } from '../base/errors.ts';
import type { AnswerExecutor } from '../protocol/driver-executor.ts';
import type { AskExecutor } from '../protocol/executor-slot.ts';
import type { BlockManager } from '../storage/block-manager.ts';
import type { BlockFetcher } from './block-fetcher.ts';
import type { FileFetcher } from './file-fetcher.ts';
import type { OtherExecutors } from './other-executors.ts';

/** Who knows what slots ask. */
export interface SlotAnswers {
  readonly blocks: BlockManager;
  readonly others: OtherExecutors | null;
  readonly files: FileFetcher | undefined;
  readonly package: ExecutorPackage | undefined;
  readonly askDriver: AnswerExecutor;
}

/** The executor's answer to a slot's question, or a promise of it. */
export function answerSlot(answers: SlotAnswers, name: keyof AskExecutor, request: unknown): unknown {
  const { blocks, others } = answers;
  switch (name) {
    case 'GetMapOutputs': {
      const asked = request as AskExecutor['GetMapOutputs'][0];
      return others?.mapOutputs.get(asked.shuffleId, asked.epoch) ?? answers.askDriver(name, asked);
    }
    case 'CanCommit':
    case 'AcquirePermits':
    case 'ReturnPermits':
    case 'BarrierSync':
      return answers.askDriver(name, request as AskExecutor[typeof name][0]);
    case 'GetRddBlock': {
      const { rddId, partition } = request as AskExecutor['GetRddBlock'][0];
      return blocks.getRddBlock(rddId, partition) ?? others?.rddBlock(rddId, partition) ?? null;
    }
    case 'PutRddBlock':
      return putRddBlock(answers, request as AskExecutor['PutRddBlock'][0]);
    case 'ReserveMemory': {
      const { taskId, rddId, bytes } = request as AskExecutor['ReserveMemory'][0];
      return { granted: blocks.reserve(taskId, rddId, bytes) };
    }
    case 'AcquireMemory': {
      const { taskId, bytes } = request as AskExecutor['AcquireMemory'][0];
      return { granted: blocks.acquireForTask(taskId, bytes) };
    }
    case 'ReleaseMemory': {
      const { taskId, bytes } = request as AskExecutor['ReleaseMemory'][0];
      blocks.memory.releaseExecution(taskId, bytes);
      return null;
    }
    case 'GetBroadcast': {
      const { broadcastId } = request as AskExecutor['GetBroadcast'][0];
      return others?.broadcasts.get(broadcastId) ?? blocks.getBroadcast(broadcastId);
    }
    case 'GetHostLocalDirs':
      if (others === null) throw new InvariantError('this executor knows no others');
      return others.hostLocalDirs((request as AskExecutor['GetHostLocalDirs'][0]).executorIds);
    case 'StartFetch':
      return { fetchId: fetcherOf(others).start((request as AskExecutor['StartFetch'][0]).blocks) };
    case 'NextParts':
      return fetcherOf(others).next((request as AskExecutor['NextParts'][0]).fetchId);
    case 'FetchAgain': {
      const { block, offset, length } = request as AskExecutor['FetchAgain'][0];
      return fetcherOf(others).again(block, offset, length);
    }
    case 'StopFetch':
      fetcherOf(others).stop((request as AskExecutor['StopFetch'][0]).fetchId);
      return null;
    case 'EnsureFiles':
      // Without a fetcher this is the driver's own process, and what it added is where slots look.
      return answers.files?.ensure((request as AskExecutor['EnsureFiles'][0]).files).then(() => null) ?? null;
    case 'EnsurePackage':
      if (answers.package === undefined) throw new InvariantError('this executor sees the files of its driver');
      return answers.package.ensure();
  }
}

function putRddBlock({ blocks, others }: SlotAnswers, asked: AskExecutor['PutRddBlock'][0]): unknown {
  const { taskId, rddId, partition, level, data } = asked;
  const answer = { stored: blocks.putRddBlock(rddId, partition, level, data, taskId) };
  if (!answer.stored || level.replication < 2 || others === null) return answer;
  // The task waits, as in Spark: a copy that is promised is there when the task has ended.
  return others.replicate(rddId, partition, level, data).then(() => answer);
}

function fetcherOf(others: OtherExecutors | null): BlockFetcher {
  if (others === null) throw new InvariantError('this executor knows no others');
  return others.fetcher;
}

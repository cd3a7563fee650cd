import { type LoggedObject, numberOf, objectOf, textOf } from './logged-values.ts';

/** How a task's end counts. */
export type EndKind = 'completed' | 'failed' | 'killed';

export function endKind(reason: LoggedObject): EndKind {
  switch (reason['Reason']) {
    case 'Success':
      return 'completed';
    case 'TaskKilled':
    case 'TaskCommitDenied':
      return 'killed';
    default:
      return 'failed';
  }
}

/** The text of a failure; null: it was none. Spark: TaskFailedReason.toErrorString */
export function errorText(reason: LoggedObject): string | null {
  const text = (name: string): string => textOf(reason[name]);
  switch (reason['Reason']) {
    case 'Success':
      return null;
    case 'TaskKilled':
      return textOf(reason['Kill Reason'], 'unknown reason');
    case 'ExceptionFailure':
      return textOf(reason['Full Stack Trace'], `${text('Class Name')}: ${text('Description')}`);
    case 'FetchFailed': {
      const from = objectOf(reason['Block Manager Address']);
      const address =
        from['Host'] === undefined
          ? 'null'
          : `BlockManagerId(${textOf(from['Executor ID'])}, ${textOf(from['Host'])}, ${numberOf(from['Port'])}, None)`;
      const number = (name: string): number => numberOf(reason[name], -1);
      const mapIndex = reason['Map Index'] === undefined ? -2147483648 : number('Map Index');
      return `FetchFailed(${address}, shuffleId=${number('Shuffle ID')}, mapIndex=${mapIndex}, mapId=${number('Map ID')}, reduceId=${number('Reduce ID')}, message=\n${text('Message')}\n)`;
    }
    case 'ExecutorLostFailure': {
      const byApp = reason['Exit Caused By App'] !== false;
      const why = text('Loss Reason');
      return `ExecutorLostFailure (executor ${text('Executor ID')} exited ${byApp ? 'caused by one of the running tasks' : 'unrelated to the running tasks'})${why === '' ? '' : ` Reason: ${why}`}`;
    }
    case 'TaskResultLost':
      return 'TaskResultLost (result lost from block manager)';
    case 'TaskCommitDenied':
      return `TaskCommitDenied (Driver denied task commit) for job: ${numberOf(reason['Job ID'])}, partition: ${numberOf(reason['Partition ID'])}, attemptNumber: ${numberOf(reason['Attempt Number'])}`;
    case 'Resubmitted':
      return 'Resubmitted (resubmitted due to lost executor)';
    default:
      return 'UnknownReason';
  }
}

/** What counts killed tasks together. Spark: AppStatusListener.killedTasksSummary */
export function killedFor(reason: LoggedObject): string {
  return reason['Reason'] === 'TaskKilled'
    ? textOf(reason['Kill Reason'], 'unknown reason')
    : (errorText(reason) ?? '');
}

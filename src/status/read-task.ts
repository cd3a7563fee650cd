// Tasks from the events of a log.
import { accumulableList } from './accumulables.ts';
import { type EndKind, endKind, errorText, killedFor } from './end-reason.ts';
import { type LoggedObject, numberOf, objectOf, textOf } from './logged-values.ts';
import { type Metrics, readMetrics } from './task-metrics.ts';

/** What a task begins with. */
export interface TaskFacts {
  readonly taskId: number;
  readonly index: number;
  readonly attempt: number;
  readonly partition: number;
  readonly launchTime: number;
  readonly executorId: string;
  readonly host: string;
  readonly locality: string;
  readonly isSpeculative: boolean;
}

/** What changes while it runs, and when it ends. */
export interface TaskChange {
  readonly gettingResultTime: number;
  readonly finishTime: number;
  readonly outcome: 'SUCCESS' | 'FAILED' | 'KILLED';
  readonly accumulables: readonly LoggedObject[];
}

/** How it ended. */
export interface TaskEnd {
  readonly kind: EndKind;
  /** Null: it did not fail. */
  readonly error: string | null;
  /** What counts killed tasks together. */
  readonly killedFor: string;
  /** It had ended well, and what it made was lost. */
  readonly isResubmitted: boolean;
  readonly metrics: Metrics;
  readonly peaks: LoggedObject;
}

export function readTaskFacts(info: LoggedObject): TaskFacts {
  return {
    taskId: numberOf(info['Task ID'], -1),
    index: numberOf(info['Index']),
    attempt: numberOf(info['Attempt'], 1),
    partition: numberOf(info['Partition ID'], -1),
    launchTime: numberOf(info['Launch Time']),
    executorId: textOf(info['Executor ID']),
    host: textOf(info['Host']),
    locality: textOf(info['Locality'], 'ANY'),
    isSpeculative: info['Speculative'] === true,
  };
}

export function readTaskChange(info: LoggedObject): TaskChange {
  return {
    gettingResultTime: numberOf(info['Getting Result Time']),
    finishTime: numberOf(info['Finish Time']),
    outcome: info['Failed'] === true ? 'FAILED' : info['Killed'] === true ? 'KILLED' : 'SUCCESS',
    accumulables: accumulableList(info['Accumulables']),
  };
}

export function readTaskEnd(event: LoggedObject): TaskEnd {
  const reason = objectOf(event['Task End Reason']);
  const kind = endKind(reason);
  return {
    kind,
    error: errorText(reason),
    killedFor: kind === 'killed' ? killedFor(reason) : '',
    isResubmitted: reason['Reason'] === 'Resubmitted',
    metrics: readMetrics(objectOf(event['Task Metrics'])),
    peaks: objectOf(event['Task Executor Metrics']),
  };
}

import type { Logger } from '../base/logger.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';

/** Tells the story of an application at INFO: a line for each job and each stage, not for each task. */
export function logEvent(event: SparkListenerEvent, log: Logger): void {
  switch (event.type) {
    case 'SparkListenerJobStart':
      log.named('DAGScheduler').info(`Got job ${event.jobId} with ${event.stages.length} stages`);
      return;
    case 'SparkListenerJobEnd':
      log
        .named('DAGScheduler')
        .info(
          event.error === null ? `Job ${event.jobId} finished` : `Job ${event.jobId} failed: ${firstLine(event.error)}`,
        );
      return;
    case 'SparkListenerStageSubmitted': {
      const { stageId, attemptNumber, kind, name, numTasks } = event.stage;
      log.named('DAGScheduler').info(`Submitting ${kind} ${stageId}.${attemptNumber} (${name}) with ${numTasks} tasks`);
      return;
    }
    case 'SparkListenerStageCompleted': {
      const { stageId, attemptNumber, kind, name } = event.stage;
      const how = event.failureReason === null ? 'finished' : `failed: ${firstLine(event.failureReason)}`;
      log.named('DAGScheduler').info(`${kind} ${stageId}.${attemptNumber} (${name}) ${how}`);
      return;
    }
    case 'SparkListenerApplicationEnd':
      log.named('SparkContext').info('Successfully stopped SparkContext');
      return;
    default: // tasks would fill the log
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

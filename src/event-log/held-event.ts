import type { RddInfo, SparkListenerEvent, StageInfo } from '../protocol/spark-listener-event.ts';

/** The same event, to be kept: with the RDDs of its stages, which may be forgotten when it is its turn. */
export function heldEvent(event: SparkListenerEvent): SparkListenerEvent {
  switch (event.type) {
    case 'SparkListenerJobStart':
      return { ...event, stages: event.stages.map(stageWithRdds) };
    case 'SparkListenerStageSubmitted':
    case 'SparkListenerStageCompleted':
      return { ...event, stage: stageWithRdds(event.stage) };
    default:
      return event;
  }
}

function stageWithRdds(stage: StageInfo): StageInfo {
  let rdds: readonly RddInfo[] = [];
  try {
    rdds = stage.rdds?.() ?? [];
  } catch {
    // Asking may list files, and so fail; the log can do without.
  }
  return { ...stage, rdds: () => rdds };
}

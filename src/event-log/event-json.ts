// Events as an event log has them. Order and names of fields are Spark's, whose history server is to read them.
import { assertNever } from '../base/assert-never.ts';
import { redactPairs } from '../base/redaction.ts';
import { VERSION } from '../base/version.ts';
import type { JobId, StageId, TaskId } from '../protocol/ids.ts';
import type { LoggedEvent } from '../protocol/logged-event.ts';
import type { AccumulableInfo, RddInfo, SparkListenerEvent, StageInfo } from '../protocol/spark-listener-event.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import { accumulableJson, blockManagerJson, endReasonJson, metricsJson, taskInfoJson } from './task-json.ts';

type Json = Record<string, unknown>;
type Texts = Readonly<Record<string, string>>;

/** The first line of every log. Spark: SparkListenerLogStart */
export const LOG_START: LoggedEvent = { Event: 'SparkListenerLogStart', 'Spark Version': VERSION };

/** Events that say nothing that would have to be on disk at once. Spark: EventLoggingListener, flushLogger = false */
const UNHURRIED: ReadonlySet<SparkListenerEvent['type']> = new Set([
  'SparkListenerStageSubmitted',
  'SparkListenerTaskStart',
  'SparkListenerTaskGettingResult',
  'SparkListenerTaskEnd',
  'SparkListenerEnvironmentUpdate',
] as const);

/** Whether the log is to be complete, up to this event, as soon as it happened. */
export function wantsFlush(event: SparkListenerEvent): boolean {
  return !UNHURRIED.has(event.type);
}

export interface EventJsonOptions {
  /** Values of properties whose key or value it matches are hidden. */
  readonly redact: RegExp;
  /** spark.eventLog.logBlockUpdates.enabled */
  readonly blockUpdates: boolean;
  /** What tasks have measured while they run: for pages, logs have none of it. */
  readonly running?: boolean;
}

/**
 * Turns the events of one application into those of its log, one after another: some need what an earlier one said.
 *
 * Spark: EventLoggingListener, JsonProtocol
 */
export class EventJson {
  readonly #options: EventJsonOptions;
  /** Stage attempts that run: when they were submitted. */
  readonly #submitted = new Map<string, number>();
  /** Stages whose tasks write shuffles; the others make results. */
  readonly #mapStages = new Set<StageId>();
  /** Jobs that run, with what stages of theirs were submitted with. */
  readonly #jobs = new Map<JobId, Extract<SparkListenerEvent, { type: 'SparkListenerJobStart' }>>();

  /** Tasks whose results are being fetched: since when. */
  readonly #fetching = new Map<TaskId, number>();

  constructor(options: EventJsonOptions) {
    this.#options = options;
  }

  /** Null for what logs do not have. */
  of(event: SparkListenerEvent): LoggedEvent | null {
    const Event = event.type;
    switch (event.type) {
      case 'SparkListenerApplicationStart':
        return { Event, 'App Name': event.appName, 'App ID': event.appId, Timestamp: event.at, User: event.user };
      case 'SparkListenerApplicationEnd':
        return { Event, Timestamp: event.at, ExitCode: 0 };
      case 'SparkListenerEnvironmentUpdate':
        return {
          Event,
          'JVM Information': event.runtime,
          'Spark Properties': this.#redacted(event.sparkProperties),
          'Hadoop Properties': {},
          'System Properties': this.#redacted(event.systemProperties),
          'Metrics Properties': this.#redacted(event.metricsProperties ?? {}),
          'Classpath Entries': event.classpathEntries,
        };
      case 'SparkListenerResourceProfileAdded':
        return { Event, ...profileJson(event.profile) };
      case 'SparkListenerBlockManagerAdded':
        return {
          Event,
          'Block Manager ID': blockManagerJson(event.blockManager),
          'Maximum Memory': event.maxBytes,
          Timestamp: event.at,
          'Maximum Onheap Memory': event.maxBytes,
          'Maximum Offheap Memory': 0,
        };
      case 'SparkListenerBlockManagerRemoved':
        return { Event, 'Block Manager ID': blockManagerJson(event.blockManager), Timestamp: event.at };
      case 'SparkListenerBlockUpdated':
        if (!this.#options.blockUpdates) return null;
        return {
          Event,
          'Block Updated Info': {
            'Block Manager ID': blockManagerJson(event.blockManager),
            'Block ID': `rdd_${event.rddId}_${event.partition}`,
            'Storage Level': levelJson(event.storageLevel),
            'Memory Size': event.memoryBytes,
            'Disk Size': event.diskBytes,
          },
        };
      case 'SparkListenerExecutorAdded':
        return {
          Event,
          Timestamp: event.at,
          'Executor ID': event.executorId,
          'Executor Info': {
            Host: event.host,
            'Total Cores': event.cores,
            'Log Urls': event.logUrls ?? {},
            Attributes: {},
            Resources: {},
            'Resource Profile Id': event.resourceProfileId,
            'Registration Time': event.at,
          },
        };
      case 'SparkListenerExecutorRemoved':
        return { Event, Timestamp: event.at, 'Executor ID': event.executorId, 'Removed Reason': event.reason };
      case 'SparkListenerJobStart':
        this.#jobs.set(event.jobId, event);
        return {
          Event,
          'Job ID': event.jobId,
          'Submission Time': event.at,
          'Stage Infos': event.stages.map((stage) => stageJson(stage)),
          'Stage IDs': event.stages.map(({ stageId }) => stageId),
          Properties: this.#redacted(event.properties),
        };
      case 'SparkListenerJobEnd':
        this.#jobs.delete(event.jobId);
        return {
          Event,
          'Job ID': event.jobId,
          'Completion Time': event.at,
          'Job Result':
            event.error === null
              ? { Result: 'JobSucceeded' }
              : { Result: 'JobFailed', Exception: { Message: event.error, 'Stack Trace': [] } },
        };
      case 'SparkListenerStageSubmitted': {
        const { stage, at } = event;
        this.#submitted.set(attemptKey(stage), at);
        if (stage.kind === 'ShuffleMapStage') this.#mapStages.add(stage.stageId);
        return {
          Event,
          'Stage Info': stageJson(stage, { 'Submission Time': at }),
          Properties: this.#redacted(this.#propertiesOf(stage.stageId)),
        };
      }
      case 'SparkListenerStageCompleted': {
        const { stage, at, failureReason, accumulables } = event;
        const key = attemptKey(stage);
        const submitted = this.#submitted.get(key);
        this.#submitted.delete(key);
        const times = {
          ...(submitted === undefined ? {} : { 'Submission Time': submitted }),
          'Completion Time': at,
          ...(failureReason === null ? {} : { 'Failure Reason': failureReason }),
        };
        return { Event, 'Stage Info': stageJson(stage, times, accumulables) };
      }
      case 'SparkListenerTaskStart':
        return {
          Event,
          'Stage ID': event.stageId,
          'Stage Attempt ID': event.stageAttemptId,
          'Task Info': taskInfoJson(event.task, null, []),
        };
      case 'SparkListenerTaskGettingResult':
        this.#fetching.set(event.task.taskId, event.at);
        return { Event, 'Task Info': taskInfoJson(event.task, null, [], event.at) };
      case 'SparkListenerTaskEnd': {
        const { at, stageId, stageAttemptId, task, reason, metrics, accumulables } = event;
        const fetchedFrom = this.#fetching.get(task.taskId);
        this.#fetching.delete(task.taskId);
        return {
          Event,
          'Stage ID': stageId,
          'Stage Attempt ID': stageAttemptId,
          'Task Type': this.#mapStages.has(stageId) ? 'ShuffleMapTask' : 'ResultTask',
          'Task End Reason': endReasonJson(reason, task),
          'Task Info': taskInfoJson(task, { at, reason }, accumulables, fetchedFrom),
          ...(metrics === null ? {} : { 'Task Metrics': metricsJson(metrics) }),
        };
      }
      case 'SparkListenerUnpersistRDD':
        return { Event, 'RDD ID': event.rddId };
      case 'SparkListenerExecutorMetricsUpdate': {
        if (this.#options.running !== true) return null;
        const updated = event.tasks.map(({ taskId, metrics }) => ({
          'Task ID': taskId,
          'Task Metrics': metricsJson(metrics),
        }));
        return { Event, 'Executor ID': event.executorId, 'Metrics Updated': updated };
      }
      case 'SparkListenerSpeculativeTaskSubmitted':
        return classEvent(event.type, {
          stageId: event.stageId,
          stageAttemptId: event.stageAttemptId,
          taskIndex: event.index,
          partitionId: event.partition,
        });
      case 'SparkListenerUnschedulableTaskSetAdded':
      case 'SparkListenerUnschedulableTaskSetRemoved':
        return classEvent(event.type, { stageId: event.stageId, stageAttemptId: event.stageAttemptId });
      case 'SparkListenerExecutorBlacklisted':
      case 'SparkListenerExecutorExcluded':
      case 'SparkListenerExecutorUnblacklisted':
      case 'SparkListenerExecutorUnexcluded':
      case 'SparkListenerNodeBlacklisted':
      case 'SparkListenerNodeExcluded':
      case 'SparkListenerNodeUnblacklisted':
      case 'SparkListenerNodeUnexcluded':
      case 'SparkListenerExecutorBlacklistedForStage':
      case 'SparkListenerExecutorExcludedForStage':
      case 'SparkListenerNodeBlacklistedForStage':
      case 'SparkListenerNodeExcludedForStage': {
        const { type, at, ...rest } = event;
        const { host, ...fields } = rest as typeof rest & { readonly host?: string };
        return classEvent(type, { time: at, ...(host === undefined ? {} : { hostId: host }), ...fields });
      }
      default:
        return assertNever(event);
    }
  }

  /** Of the first job that needs the stage: it is submitted on its behalf. */
  #propertiesOf(stageId: StageId): Texts {
    for (const job of this.#jobs.values())
      if (job.stages.some((stage) => stage.stageId === stageId)) return job.properties;
    return {};
  }

  #redacted(properties: Texts): Texts {
    return Object.fromEntries(redactPairs(this.#options.redact, Object.entries(properties)));
  }
}

/** Events that Spark writes by the names of their classes. */
function classEvent(name: string, fields: Json): LoggedEvent {
  return { Event: `org.apache.spark.scheduler.${name}`, ...fields };
}

function attemptKey({ stageId, attemptNumber }: StageInfo): string {
  return `${stageId}.${attemptNumber}`;
}

function profileJson(
  profile: Extract<SparkListenerEvent, { type: 'SparkListenerResourceProfileAdded' }>['profile'],
): Json {
  const executor = Object.entries(profile.executorResources).map(([name, request]) => [
    name,
    {
      'Resource Name': request.resourceName,
      Amount: request.amount,
      'Discovery Script': request.discoveryScript,
      Vendor: request.vendor,
    },
  ]);
  const task = Object.entries(profile.taskResources).map(([name, request]) => [
    name,
    { 'Resource Name': request.resourceName, Amount: request.amount },
  ]);
  return {
    'Resource Profile Id': profile.id,
    'Executor Resource Requests': Object.fromEntries(executor),
    'Task Resource Requests': Object.fromEntries(task),
  };
}

function stageJson(stage: StageInfo, times: Json = {}, accumulables: readonly AccumulableInfo[] = []): Json {
  return {
    'Stage ID': stage.stageId,
    'Stage Attempt ID': stage.attemptNumber,
    'Stage Name': stage.name,
    'Number of Tasks': stage.numTasks,
    'RDD Info': (stage.rdds?.() ?? []).map(rddJson),
    'Parent IDs': stage.parentIds,
    Details: stage.name,
    ...times,
    Accumulables: accumulables.map(accumulableJson),
    'Resource Profile Id': stage.resourceProfileId,
    'Shuffle Push Enabled': false,
    'Shuffle Push Mergers Count': 0,
  };
}

function rddJson(rdd: RddInfo): Json {
  // Each operator is a box of its own in the drawings of Spark's pages.
  const operator = rdd.callSite.split(' at ', 1)[0] ?? rdd.name;
  return {
    'RDD ID': rdd.rddId,
    Name: rdd.name,
    Scope: JSON.stringify({ id: String(rdd.rddId), name: operator }),
    Callsite: rdd.callSite,
    'Parent IDs': rdd.parentIds,
    'Storage Level': levelJson(rdd.storageLevel),
    Barrier: rdd.isBarrier,
    DeterministicLevel: rdd.determinism,
    'Number of Partitions': rdd.numPartitions,
    'Number of Cached Partitions': 0,
    'Memory Size': 0,
    'Disk Size': 0,
  };
}

function levelJson(level: StorageLevel): Json {
  const { useDisk, useMemory, useOffHeap, deserialized, replication } = level;
  return {
    'Use Disk': useDisk,
    'Use Memory': useMemory,
    'Use Off Heap': useOffHeap,
    Deserialized: deserialized,
    Replication: replication,
  };
}

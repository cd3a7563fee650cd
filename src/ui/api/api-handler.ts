// The REST API below `/api/v1`, of one application or of many. Spark: ApiRootResource, OneApplicationResource, StagesResource
import { Readable } from 'node:stream';
import { VERSION } from '../../base/version.ts';
import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { JobStatus } from '../../status/live-job.ts';
import type { LiveStage, StageStatus } from '../../status/live-stage.ts';
import type { LiveTask } from '../../status/live-task.ts';
import type { LoggedObject } from '../../status/logged-values.ts';
import { distributionsJson, metric } from '../../status/task-metrics.ts';
import { type HttpHandler, type HttpRequest, type HttpResponse, jsonAnswer, textAnswer } from '../http-messages.ts';
import { type ApplicationListed, type ApplicationSource, applicationJson } from './application-source.ts';
import { choices, dateParameter, flag, quantilesOf, Refusal, wholeNumber } from './query-values.ts';

const JOB_STATUS: readonly JobStatus[] = ['RUNNING', 'SUCCEEDED', 'FAILED', 'UNKNOWN'];
const STAGE_STATUS: readonly StageStatus[] = ['ACTIVE', 'COMPLETE', 'FAILED', 'PENDING', 'SKIPPED'];
const TASK_STATUS = ['RUNNING', 'KILLED', 'FAILED', 'SUCCESS', 'UNKNOWN'] as const;
const SORTING = ['ID', 'INCREASING_RUNTIME', 'DECREASING_RUNTIME', 'RUNTIME', '-RUNTIME', '+RUNTIME'] as const;
const NO_THREADS = textAnswer(503, 'Thread dumps not available through the history server.');
/** Those of Java are meant. */
const NO_THREADS_LIVE = textAnswer(404, 'No thread dump is available.');
/** What an application has; anything else in its place is an attempt. */
const RESOURCES: ReadonlySet<string> = new Set([
  'jobs',
  'stages',
  'executors',
  'allexecutors',
  'allmiscellaneousprocess',
  'threads',
  'storage',
  'environment',
  'logs',
  'sql',
]);

/** @param request its path is `/api/v1/…`. */
export function apiHandler(source: ApplicationSource): HttpHandler {
  return async (request) => {
    try {
      return await answerApi(source, request);
    } catch (error) {
      if (error instanceof Refusal) return error.response;
      throw error;
    }
  };
}

async function answerApi(source: ApplicationSource, request: HttpRequest): Promise<HttpResponse> {
  const [first, appId, ...rest] = partsOf(request.path);
  if (first === 'version' && appId === undefined) return jsonAnswer({ spark: VERSION });
  if (first !== 'applications') throw notFound(request);
  if (appId === undefined) return jsonAnswer(applications(source.applications(), request.query));
  const listed = source.applications().find(({ id }) => id === appId);
  const [second] = rest;
  if (second === undefined) {
    if (listed === undefined) throw new Refusal(404, `unknown app: ${appId}`);
    return jsonAnswer(applicationJson(listed));
  }
  const attemptId = RESOURCES.has(second) ? null : second;
  const resource = attemptId === null ? rest : rest.slice(1);
  if (resource.length === 0) {
    const attempt = listed?.attempts.find((each) => each.attemptId === attemptId);
    if (listed === undefined || attempt === undefined)
      throw new Refusal(404, `unknown app ${appId}, attempt ${attemptId}`);
    return jsonAnswer(applicationJson({ ...listed, attempts: [attempt] }));
  }
  if (!RESOURCES.has(resource[0] as string)) throw notFound(request);
  const name = attemptId === null ? appId : `${appId}/${attemptId}`;
  if (resource[0] === 'logs' && resource.length === 1) return logs(source, appId, attemptId, name);
  const store = await source.store(appId, attemptId);
  if (store === null) throw new Refusal(404, `no such app: ${name}`);
  return ofApplication(store, resource, request, source.isLive === true ? NO_THREADS_LIVE : NO_THREADS);
}

/** What follows `/api/v1`, decoded; empty parts, as of a slash at the end, do not count. */
function partsOf(path: string): string[] {
  const parts = path.split('/').slice(3);
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
}

function notFound(request: HttpRequest): Refusal {
  return new Refusal(404, request.path);
}

/** Spark: ApplicationListResource */
function applications(all: readonly ApplicationListed[], query: URLSearchParams): object[] {
  const status = choices(query, 'status', ['COMPLETED', 'RUNNING']);
  const none = Number.NEGATIVE_INFINITY;
  const ever = Number.POSITIVE_INFINITY;
  const start = [dateParameter(query, 'minDate', none), dateParameter(query, 'maxDate', ever)] as const;
  const end = [dateParameter(query, 'minEndDate', none), dateParameter(query, 'maxEndDate', ever)] as const;
  const anyEnd = end[0] === none && end[1] === ever;
  const limit = wholeNumber(query, 'limit', Number.MAX_SAFE_INTEGER);
  const wanted = all.filter(({ attempts }) => {
    const [latest] = attempts;
    const running = latest !== undefined && latest.endTime === null;
    if (status.length > 0 && !status.includes(running ? 'RUNNING' : 'COMPLETED')) return false;
    return attempts.some(({ startTime, endTime }) => {
      if (startTime < start[0] || startTime > start[1]) return false;
      // One that runs ends at some time from now on.
      if (endTime === null) return anyEnd || end[1] === ever;
      return endTime >= end[0] && endTime <= end[1];
    });
  });
  return wanted.slice(0, Math.max(0, limit)).map(applicationJson);
}

async function logs(
  source: ApplicationSource,
  appId: string,
  attemptId: string | null,
  name: string,
): Promise<HttpResponse> {
  const zip = await source.logZip(appId, attemptId);
  if (zip === null) throw new Refusal(404, `no such app: ${name}`);
  const file = `eventLogs-${attemptId === null ? appId : `${appId}-${attemptId}`}.zip`.replace(/[^\w.-]/g, '_');
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename=${file}` },
    body: '',
    stream: Readable.from(zip, { objectMode: false }),
  };
}

function ofApplication(
  store: AppStatusStore,
  resource: readonly string[],
  request: HttpRequest,
  noThreads: HttpResponse,
): HttpResponse {
  const { query } = request;
  const [what, id, third] = resource;
  const isOne = id === undefined;
  switch (what) {
    case 'jobs':
      if (isOne) return jsonAnswer(jobs(store, query));
      if (third === undefined && isNumber(id)) {
        const job = store.job(Number(id));
        if (job === undefined) throw new Refusal(404, `unknown job: ${id}`);
        return jsonAnswer(job.toJson());
      }
      break;
    case 'stages':
      if (isOne) return jsonAnswer(stages(store, query));
      if (isNumber(id)) return ofStage(store, Number(id), resource.slice(2), request);
      break;
    case 'executors':
      if (isOne) return jsonAnswer(executorsJson(store, (executor) => executor.isActive).reverse());
      if (third === 'threads' && resource.length === 3) return noThreads;
      break;
    case 'allexecutors':
      if (isOne) return jsonAnswer(executorsJson(store, () => true));
      break;
    case 'allmiscellaneousprocess':
    case 'sql':
      if (isOne) return jsonAnswer([]);
      break;
    case 'threads':
      if (isOne) return noThreads;
      break;
    case 'storage': {
      if (id !== 'rdd') break;
      if (third === undefined) return jsonAnswer(store.rdds.filter((rdd) => rdd.isCached).map((rdd) => rdd.toJson()));
      if (resource.length > 3 || !isNumber(third)) break;
      const rdd = store.rdd(Number(third));
      if (rdd === undefined) throw new Refusal(404, `no rdd found w/ id ${third}`);
      return jsonAnswer(rdd.toJson());
    }
    case 'environment':
      if (isOne) return jsonAnswer(environmentJson(store));
      break;
    default:
  }
  throw notFound(request);
}

function isNumber(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

function jobs(store: AppStatusStore, query: URLSearchParams): object[] {
  const status = choices(query, 'status', JOB_STATUS);
  const wanted = store.jobs.filter((job) => status.length === 0 || status.includes(job.status));
  return wanted.sort((a, b) => b.jobId - a.jobId).map((job) => job.toJson());
}

function executorsJson(
  store: AppStatusStore,
  which: (executor: AppStatusStore['executors'][number]) => boolean,
): LoggedObject[] {
  const wanted = store.executors.filter(which).sort((a, b) => (a.id < b.id ? -1 : 1));
  return wanted.map((executor) => executor.toJson());
}

/** Spark: EnvironmentResource, ApplicationEnvironmentInfo */
function environmentJson(store: AppStatusStore): object {
  const runtime = Object.fromEntries(store.environment('JVM Information'));
  return {
    runtime: {
      javaVersion: runtime['Java Version'],
      javaHome: runtime['Java Home'],
      scalaVersion: runtime['Scala Version'],
    },
    sparkProperties: store.environment('Spark Properties'),
    hadoopProperties: store.environment('Hadoop Properties'),
    systemProperties: store.environment('System Properties'),
    metricsProperties: store.environment('Metrics Properties'),
    classpathEntries: store.environment('Classpath Entries'),
    resourceProfiles: store.profiles,
  };
}

// Stages

function stageJson(store: AppStatusStore, stage: LiveStage, query: URLSearchParams, details: boolean): object {
  const taskStatus = choices(query, 'taskStatus', TASK_STATUS);
  const wanted = [...stage.tasks.values()].filter(
    (task) => taskStatus.length === 0 || taskStatus.includes(task.status as (typeof TASK_STATUS)[number]),
  );
  return stage.toJson({
    tasks: details ? wanted : null,
    executorLogs: (id) => store.executor(id)?.executorLogs ?? {},
    now: store.now,
    quantiles: flag(query, 'withSummaries', false) ? quantilesOf(query, '0.0,0.25,0.5,0.75,1.0') : null,
  });
}

function stages(store: AppStatusStore, query: URLSearchParams): object[] {
  const status = choices(query, 'status', STAGE_STATUS);
  const wanted = store.stages.filter((stage) => status.length === 0 || status.includes(stage.status));
  return wanted.reverse().map((stage) => stageJson(store, stage, query, flag(query, 'details', false)));
}

function ofStage(
  store: AppStatusStore,
  stageId: number,
  [attempt, what, ...more]: readonly string[],
  request: HttpRequest,
): HttpResponse {
  const { query } = request;
  const attempts = store.attemptsOf(stageId);
  const details = flag(query, 'details', true);
  if (attempt === undefined) {
    if (attempts.length === 0) throw new Refusal(404, `unknown stage: ${stageId}`);
    return jsonAnswer(attempts.map((stage) => stageJson(store, stage, query, details)));
  }
  if (!isNumber(attempt) || more.length > 0) throw notFound(request);
  const attemptId = Number(attempt);
  const stage = store.stage(stageId, attemptId);
  if (what === 'taskList') return jsonAnswer(taskList(store, stage, query));
  if (what === 'taskSummary') {
    const quantiles = quantilesOf(query, '0.05,0.25,0.5,0.75,0.95');
    const tasks = stage?.measured(store.now);
    if (tasks === undefined || tasks.measured.length === 0)
      throw new Refusal(404, `No tasks reported metrics for ${stageId} / ${attemptId} yet.`);
    return jsonAnswer(distributionsJson(tasks, quantiles));
  }
  if (what !== undefined) throw notFound(request);
  if (stage !== undefined) return jsonAnswer(stageJson(store, stage, query, details));
  if (attempts.length === 0) throw new Refusal(404, `unknown stage: ${stageId}`);
  const found = attempts.map((each) => each.attemptId).join(',');
  throw new Refusal(404, `unknown attempt for stage ${stageId}.  Found attempts: [${found}]`);
}

function taskList(store: AppStatusStore, stage: LiveStage | undefined, query: URLSearchParams): object[] {
  const offset = Math.max(0, wholeNumber(query, 'offset', 0));
  const length = Math.max(0, wholeNumber(query, 'length', 20));
  const sorting = choices(query, 'sortBy', SORTING)[0] ?? 'ID';
  const status = choices(query, 'status', TASK_STATUS);
  if (stage === undefined) return [];
  const tasks = [...stage.tasks.values()].filter(
    (task) => status.length === 0 || status.includes(task.status as (typeof TASK_STATUS)[number]),
  );
  const sign = sorting === 'DECREASING_RUNTIME' || sorting === '-RUNTIME' ? -1 : 1;
  tasks.sort(
    (a, b) => sign * ((sorting === 'ID' ? 0 : sortableRunTime(a) - sortableRunTime(b)) || a.taskId - b.taskId),
  );
  return tasks
    .slice(offset, offset + length)
    .map((task) => task.toJson(store.now, store.executor(task.executorId)?.executorLogs ?? {}));
}

/** Tasks that failed come before those that did not, the longest first. Spark: TaskDataWrapper, makeNegative */
function sortableRunTime(task: LiveTask): number {
  const runTime = task.metrics === null ? 0 : metric(task.metrics, 'executorRunTime');
  return task.status === 'SUCCESS' ? runTime : -runTime - 1;
}

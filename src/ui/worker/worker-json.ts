import type { WorkerExecutor, WorkerStateResponse } from '../../protocol/worker-process.ts';
import { demandJson, resourcesJson } from '../resource-json.ts';

type Json = Readonly<Record<string, unknown>>;

/** What `/json/` of a worker says: Spark's fields, in Spark's order. Spark: JsonProtocol.writeWorkerState */
export function workerStateJson(state: WorkerStateResponse): Json {
  return {
    id: state.workerId,
    masterurl: state.masterUrl,
    masterwebuiurl: state.masterWebUiUrl,
    cores: state.cores,
    coresused: state.coresUsed,
    memory: state.memory,
    memoryused: state.memoryUsed,
    resources: resourcesJson(state.resources),
    resourcesused: resourcesJson(state.resourcesUsed),
    executors: state.executors.map(executorJson),
    finishedexecutors: state.finishedExecutors.map(executorJson),
  };
}

function executorJson({ appId, execId, app, memory, resources }: WorkerExecutor): Json {
  const { memoryperexecutor, memoryperslave, resourcesperexecutor, resourcesperslave } = demandJson(app);
  return {
    id: execId,
    memory,
    resources: resourcesJson(resources),
    appid: appId,
    appdesc: {
      name: app.name,
      cores: app.maxCores ?? 0,
      memoryperexecutor,
      resourcesperexecutor,
      memoryperslave,
      resourcesperslave,
      user: app.user,
      // Its environment has secrets.
      command: `Command(${app.command.mainClass},List(${app.command.arguments.join(', ')}))`,
    },
  };
}

// What may arrive at a master, by its shape. The machine says whether the values make sense.
import type { AppToMaster, AskMaster } from '../../protocol/master-client.ts';
import type { WorkerToMaster } from '../../protocol/master-worker.ts';
import {
  address,
  applicationDescription,
  checkMessage,
  driverDescription,
  fields,
  listOf,
  name,
  number,
  oneOf,
  orNull,
  recordOf,
  resourceAddresses,
  type ShapeCheck,
  text,
  whole,
} from '../message-shape.ts';

const demand = fields({
  coresPerExecutor: orNull(number),
  memoryPerExecutor: number,
  resourcesPerExecutor: recordOf(number),
});
const totals = listOf(fields({ resourceProfileId: whole(0), total: orNull(number), demand: orNull(demand) }));
const executorState = oneOf('LAUNCHING', 'RUNNING', 'KILLED', 'FAILED', 'LOST', 'EXITED', 'DECOMMISSIONED');
const driverState = oneOf(
  ...['SUBMITTED', 'RUNNING', 'FINISHED', 'RELAUNCHING', 'UNKNOWN', 'KILLED', 'FAILED', 'ERROR'],
);
const workerState = fields({
  workerId: name,
  executors: listOf(
    fields({
      appId: name,
      execId: whole(0),
      resourceProfileId: whole(0),
      cores: whole(1),
      memory: whole(1),
      state: executorState,
      resources: resourceAddresses,
    }),
  ),
  drivers: listOf(fields({ driverId: name, resources: resourceAddresses })),
});

const FROM_WORKER: Readonly<Record<WorkerToMaster['type'], ShapeCheck>> = {
  RegisterWorker: fields({
    worker: fields({
      id: name,
      host: text,
      port: whole(0),
      cores: whole(1),
      memory: whole(1),
      webUiAddress: text,
      resources: resourceAddresses,
    }),
    masterAddress: text,
  }),
  Heartbeat: fields({ workerId: name }),
  WorkerLatestState: workerState,
  WorkerSchedulerStateResponse: workerState,
  ExecutorStateChanged: fields({
    appId: name,
    execId: whole(0),
    state: executorState,
    message: orNull(text),
    exitStatus: orNull(number),
  }),
  DriverStateChanged: fields({ driverId: name, state: driverState, exception: orNull(text) }),
  WorkerDecommissioning: fields({ workerId: name }),
};

const FROM_APP: Readonly<Record<AppToMaster['type'], ShapeCheck>> = {
  RegisterApplication: fields({ app: applicationDescription, driverAddress: address }),
  UnregisterApplication: fields({ appId: name }),
  ReattachApplication: fields({
    appId: name,
    app: applicationDescription,
    driverAddress: address,
    highestExecutorId: orNull(whole(0)),
    totals: orNull(totals),
  }),
  MasterChangeAcknowledged: fields({ appId: name, highestExecutorId: orNull(whole(0)), totals: orNull(totals) }),
};

const nothing = fields({});
const driverId = fields({ request: fields({ driverId: text }) });

const ASKED: Readonly<Record<keyof AskMaster, ShapeCheck>> = {
  RequestSubmitDriver: fields({ request: fields({ driver: driverDescription }) }),
  RequestKillDriver: driverId,
  RequestKillAllDrivers: nothing,
  RequestDriverStatus: driverId,
  RequestClearCompletedDriversAndApps: nothing,
  RequestReadyz: nothing,
  RequestExecutors: fields({ request: fields({ appId: text, totals }) }),
  KillExecutors: fields({ request: fields({ appId: text, executorIds: listOf(text) }) }),
  RequestKillApplication: fields({ request: fields({ appId: text }) }),
  DecommissionWorkersOnHosts: fields({ request: fields({ hosts: listOf(text) }) }),
  RequestMasterState: nothing,
};

/** A one-way message as it came, looked at. */
export type Received =
  | { readonly from: 'worker'; readonly message: WorkerToMaster }
  | { readonly from: 'app'; readonly message: AppToMaster };

export function isMessageType(type: unknown): type is (WorkerToMaster | AppToMaster)['type'] {
  return typeof type === 'string' && (Object.hasOwn(FROM_WORKER, type) || Object.hasOwn(FROM_APP, type));
}

/** Finds out what a one-way message is. @throws IskraError `BAD_MESSAGE` that names what is wrong with it. */
export function receivedMessage(message: unknown): Received {
  checkMessage({ ...FROM_WORKER, ...FROM_APP }, message);
  const from = Object.hasOwn(FROM_WORKER, (message as { readonly type: string }).type) ? 'worker' : 'app';
  return { from, message } as Received; // its shape was looked at
}

/** @throws IskraError `BAD_MESSAGE` that names what is wrong with a question. */
export function checkQuestion(question: unknown): void {
  checkMessage(ASKED, question);
}

import type { MasterToWorker } from '../../protocol/master-worker.ts';
import {
  applicationDescription,
  checkMessage,
  driverDescription,
  fields,
  flag,
  masterUrl,
  resourceAddresses,
  type ShapeCheck,
  text,
  whole,
} from '../message-shape.ts';

const MESSAGES: Readonly<Record<MasterToWorker['type'], ShapeCheck>> = {
  RegisteredWorker: fields({ masterUrl, masterWebUiUrl: text, masterAddress: text, duplicate: flag }),
  RegisterWorkerFailed: fields({ message: text }),
  MasterInStandby: () => {},
  MasterChanged: fields({ masterUrl, masterWebUiUrl: text }),
  ReconnectWorker: fields({ masterUrl }),
  LaunchExecutor: fields({
    masterUrl,
    appId: text,
    execId: whole(0),
    resourceProfileId: whole(0),
    app: applicationDescription,
    cores: whole(1),
    memory: whole(0),
    resources: resourceAddresses,
  }),
  KillExecutor: fields({ masterUrl, appId: text, execId: whole(0) }),
  LaunchDriver: fields({ driverId: text, driver: driverDescription, resources: resourceAddresses }),
  KillDriver: fields({ driverId: text }),
  ApplicationFinished: fields({ appId: text }),
  DecommissionWorker: () => {},
};

/** What a master sent. @throws IskraError `BAD_MESSAGE` naming what is wrong with it. */
export function readMasterMessage(message: unknown): MasterToWorker {
  checkMessage(MESSAGES, message);
  return message as MasterToWorker; // checked just now, field by field
}

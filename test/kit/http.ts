import type { MasterStateResponse } from '../../src/protocol/master-client.ts';
import type { HttpRequest } from '../../src/ui/http-messages.ts';
import { app, COMMAND, driver, worker } from './master-machine.ts';

/** A request as the server would have read it. @param target path with query */
export function request(
  method: string,
  target: string,
  more: { headers?: Record<string, string>; body?: string; from?: string; user?: string } = {},
): HttpRequest {
  const [path = '', query = ''] = target.split('?');
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers: { host: 'master:8080', ...more.headers },
    user: more.user ?? null,
    remoteAddress: more.from ?? '127.0.0.1',
    localAddress: '127.0.0.1',
    body: more.body ?? '',
  };
}

export function form(
  target: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): HttpRequest {
  return request('POST', target, {
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  });
}

/** Two live workers and a dead one, applications and drivers of several states, and names that try to be markup. */
export function masterState(more: Partial<MasterStateResponse> = {}): MasterStateResponse {
  return {
    url: 'spark://m1:7077',
    status: 'ALIVE',
    workers: [
      {
        worker: worker('a', { resources: { gpu: ['0', '1'] } }),
        state: 'ALIVE',
        coresUsed: 3,
        memoryUsed: 1536,
        resourcesUsed: { gpu: ['1'] },
        lastHeartbeat: 1_700_000_000_000,
      },
      {
        worker: worker('b'),
        state: 'ALIVE',
        coresUsed: 0,
        memoryUsed: 0,
        resourcesUsed: {},
        lastHeartbeat: 1_700_000_001_000,
      },
      {
        worker: worker('c'),
        state: 'DEAD',
        coresUsed: 0,
        memoryUsed: 0,
        resourcesUsed: {},
        lastHeartbeat: 1_600_000_000_000,
      },
    ],
    activeApps: [
      {
        id: 'app-1',
        app: app({ name: '<script>alert(1)</script>', gpu: 1, appUiUrl: 'javascript:alert(2)', maxCores: 5 }),
        state: 'RUNNING',
        startedAt: 1_700_000_000_000,
        endedAt: null,
        coresGranted: 2,
        coresLeft: 3,
        executorLimit: null,
        executors: [
          {
            appId: 'app-1',
            execId: 0,
            workerId: 'worker-a',
            resourceProfileId: 0,
            cores: 2,
            memory: 1024,
            resources: { gpu: ['1'] },
            state: 'RUNNING',
          },
        ],
        removedExecutors: [],
      },
    ],
    completedApps: [
      {
        id: 'app-0',
        app: app({ name: 'first' }),
        state: 'FINISHED',
        startedAt: 1_700_000_000_000,
        endedAt: 1_700_000_090_000,
        coresGranted: 0,
        coresLeft: null,
        executorLimit: null,
        executors: [],
        removedExecutors: [],
      },
    ],
    activeDrivers: [
      {
        id: 'driver-1',
        driver: driver({
          command: {
            ...COMMAND,
            mainClass: 'DriverWrapper',
            arguments: ['{{WORKER_URL}}', '{{USER_JAR}}', 'job.ts', 'x'],
          },
          resources: { gpu: 2 },
        }),
        state: 'SUBMITTED',
        submittedAt: 1_700_000_000_000,
        endedAt: null,
        workerId: null,
        workerHostPort: null,
        resources: {},
        exception: null,
      },
    ],
    completedDrivers: [
      {
        id: 'driver-0',
        driver: driver(),
        state: 'ERROR',
        submittedAt: 1_700_000_000_000,
        endedAt: 1_700_000_150_000,
        workerId: 'worker-a',
        workerHostPort: 'host-a:7000',
        resources: {},
        exception: 'no "such" <file>',
      },
    ],
    ...more,
  };
}

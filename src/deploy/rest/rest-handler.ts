// Requests of the REST gateway and their answers, without sockets. Spark: RestSubmissionServer, StandaloneRestServer
import { IllegalArgumentError, IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { VERSION } from '../../base/version.ts';
import {
  REST_PROTOCOL_VERSION,
  type RestResponse,
  SC_UNKNOWN_PROTOCOL_VERSION,
} from '../../protocol/rest-submission.ts';
import { type HttpRequest, type HttpResponse, jsonAnswer } from '../../ui/http-messages.ts';
import type { AskTheMaster } from '../../ui/master/master-web-ui.ts';
import { isCrossSite } from '../../ui/security-headers.ts';
import { describeDriver, sentEnvironment, withPlaceholders } from './driver-description.ts';
import { MalformedRequestError, readSubmission } from './read-submission.ts';

export interface RestMaster {
  readonly ask: AskTheMaster;
  /** `spark://host:port`: what drivers are to connect to. */
  readonly masterUrl: string;
  /** Of this gateway: a client names it as its master's. */
  readonly restPort: number;
  /** Of the master's process: submissions may name variables of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Answer {
  readonly status: number;
  readonly response: RestResponse;
}

interface Action {
  readonly method: 'GET' | 'POST';
  /** @param id what stands behind the action in the path; '' when nothing does. */
  answer(request: HttpRequest, master: RestMaster, id: string): Promise<Answer>;
}

const serverSparkVersion = VERSION;
const ok = (response: RestResponse): Answer => ({ status: 200, response });
const failed = (status: number, message: string): Answer => ({
  status,
  response: { action: 'ErrorResponse', serverSparkVersion, message },
});

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['create', { method: 'POST', answer: (request, master) => create(request.body, master) }],
  [
    'kill',
    {
      method: 'POST',
      async answer(_, { ask }, id) {
        if (id === '') return failed(400, 'Submission ID is missing in kill request.');
        const { success, message } = await ask('RequestKillDriver', { driverId: id });
        return ok({ action: 'KillSubmissionResponse', serverSparkVersion, submissionId: id, success, message });
      },
    },
  ],
  [
    'killall',
    {
      method: 'POST',
      async answer(_, { ask }) {
        const { success, message } = await ask('RequestKillAllDrivers', null);
        return ok({ action: 'KillAllSubmissionResponse', serverSparkVersion, success, message });
      },
    },
  ],
  [
    'status',
    {
      method: 'GET',
      async answer(_, { ask }, id) {
        if (id === '') return failed(400, 'Submission ID is missing in status request.');
        const { found, state, workerId, workerHostPort, exception } = await ask('RequestDriverStatus', {
          driverId: id,
        });
        return ok({
          action: 'SubmissionStatusResponse',
          serverSparkVersion,
          submissionId: id,
          success: found,
          ...(state !== null && { driverState: state }),
          ...(workerId !== null && { workerId }),
          ...(workerHostPort !== null && { workerHostPort }),
          ...(exception !== null && { message: `Exception from the cluster:\n${exception}` }),
        });
      },
    },
  ],
  [
    'clear',
    {
      method: 'POST',
      async answer(_, { ask }) {
        const { success, message } = await ask('RequestClearCompletedDriversAndApps', null);
        return ok({ action: 'ClearResponse', serverSparkVersion, success, message });
      },
    },
  ],
  [
    'readyz',
    {
      method: 'GET',
      async answer(_, { ask }) {
        const { ready } = await ask('RequestReadyz', null);
        if (!ready) return failed(503, 'Master is not ready.');
        return ok({ action: 'ReadyzResponse', serverSparkVersion, success: true, message: '' });
      },
    },
  ],
]);

async function create(body: string, { ask, masterUrl, restPort, env }: RestMaster): Promise<Answer> {
  const { request, unknownFields } = readSubmission(body);
  const { appResource, mainClass, appArgs, environmentVariables } = request;
  const sparkProperties = withPlaceholders(request.sparkProperties, env);
  const [, masterPort] = /:(\d+)$/.exec(masterUrl) ?? [];
  const named = sparkProperties['spark.master'];
  const driver = describeDriver({
    appResource,
    mainClass,
    args: appArgs,
    properties: {
      ...sparkProperties,
      // The client names gateways; a driver connects to the masters themselves.
      'spark.master': named?.replaceAll(new RegExp(`:${restPort}(?=,|$)`, 'g'), `:${masterPort}`) ?? masterUrl,
    },
    environment: withPlaceholders(sentEnvironment(environmentVariables), env),
  });
  const { success, driverId, message } = await ask('RequestSubmitDriver', { driver });
  return ok({
    action: 'CreateSubmissionResponse',
    serverSparkVersion,
    success,
    message,
    ...(driverId !== null && { submissionId: driverId }),
    ...(unknownFields.length > 0 && { unknownFields }),
  });
}

/** Answers a request. What goes wrong on our side is logged; the client is told of its kind alone. */
export async function answerRest(request: HttpRequest, master: RestMaster, log: Logger): Promise<HttpResponse> {
  const { status, response, headers } = await answerOf(request, master, log);
  const answer = restAnswer(status, response);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

async function answerOf(
  request: HttpRequest,
  master: RestMaster,
  log: Logger,
): Promise<Answer & { readonly headers?: Readonly<Record<string, string>> }> {
  const [version, prefix, name = '', id = ''] = request.path.split('/').filter((part) => part !== '');
  const action = version === REST_PROTOCOL_VERSION && prefix === 'submissions' ? ACTIONS.get(name) : undefined;
  if (action === undefined) return wrongPath(version, prefix);
  if (action.method !== request.method) {
    const only = failed(405, `Only ${action.method} is possible here: ${request.path}`);
    return { ...only, headers: { allow: action.method } };
  }
  if (action.method === 'POST' && isCrossSite(request)) {
    return failed(403, 'Refused: a page of another site has sent this.');
  }
  try {
    return await action.answer(request, master, decoded(id));
  } catch (error) {
    if (error instanceof MalformedRequestError || error instanceof IllegalArgumentError) {
      return failed(400, `Malformed request: ${error.message}`);
    }
    // The master looks at what it is asked, and says what is wrong with it.
    if (IskraError.is(error) && error.code === 'BAD_MESSAGE') return failed(400, `Malformed request: ${error.message}`);
    log.error(`${request.method} ${request.path}: ${error instanceof Error ? error.stack : String(error)}`);
    return failed(500, 'Internal server error; the log of the master says more.');
  }
}

/** Ids are not to be told apart by how a client writes them. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** Spark: ErrorServlet */
function wrongPath(version: string | undefined, prefix: string | undefined): Answer {
  const hint = `Please submit requests through http://[host]:[port]/${REST_PROTOCOL_VERSION}/submissions/...`;
  if (version === undefined) return failed(400, `Missing protocol version. ${hint}`);
  if (version !== REST_PROTOCOL_VERSION) {
    const message = `Unknown protocol version '${version.slice(0, 100)}'. ${hint}`;
    return {
      status: SC_UNKNOWN_PROTOCOL_VERSION,
      response: {
        action: 'ErrorResponse',
        serverSparkVersion,
        message,
        highestProtocolVersion: REST_PROTOCOL_VERSION,
      },
    };
  }
  if (prefix !== 'submissions') return failed(400, `Missing the /submissions prefix. ${hint}`);
  return failed(400, `Missing an action: please specify one of /create, /kill, or /status. ${hint}`);
}

/** An error that no handler makes. */
export function restRefusal(status: number, message: string): HttpResponse {
  return restAnswer(status, failed(status, message).response);
}

function restAnswer(status: number, response: RestResponse): HttpResponse {
  // Sorted, as Spark writes it.
  const fields = Object.entries(response).sort(([a], [b]) => (a < b ? -1 : 1));
  return jsonAnswer(Object.fromEntries(fields), status);
}

// A client of REST gateways. Spark: RestSubmissionClient
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { VERSION } from '../../base/version.ts';
import type { DriverState } from '../../protocol/deploy-states.ts';
import { REST_PROTOCOL_VERSION, type RestResponse } from '../../protocol/rest-submission.ts';
import type { SubmissionGateway } from '../submit/submission-gateway.ts';

/** No gateway is there. Spark: SubmitRestConnectionException */
export class RestConnectionError extends IskraError {
  override readonly name = 'RestConnectionError';
  constructor(message: string, cause?: unknown) {
    super('REST_CONNECTION', message, { cause });
  }
}

/** Somebody is there and says what makes no sense, or an error. Spark: SubmitRestProtocolException */
export class RestProtocolError extends IskraError {
  override readonly name = 'RestProtocolError';
  constructor(message: string) {
    super('REST_PROTOCOL', message);
  }
}

/** Spark: RestSubmissionClient.SUBMIT… 10 s */
const ANSWER_TIMEOUT_MS = 10_000;

type ResponseOf<A extends RestResponse['action']> = Extract<RestResponse, { action: A }>;

/**
 * A gateway over HTTP.
 *
 * @param masters `host:port` of each gateway; they are tried in turn until one takes what it is asked.
 */
export function restGateway(masters: readonly string[], log: Logger): SubmissionGateway {
  const urls = masters.map((master) => `http://${master}/${REST_PROTOCOL_VERSION}/submissions`);

  /** @param isTaken when it is not, the next gateway is asked, and the last answer counts. */
  async function ask<A extends RestResponse['action']>(
    wanted: A,
    method: 'GET' | 'POST',
    path: string,
    isTaken: (response: ResponseOf<A>) => boolean,
    body?: unknown,
  ): Promise<ResponseOf<A>> {
    let last: ResponseOf<A> | null = null;
    let failure: RestConnectionError | null = null;
    for (const [i, url] of urls.entries()) {
      try {
        last = await askOne(wanted, method, `${url}/${path}`, body);
        if (isTaken(last)) return last;
      } catch (error) {
        if (!(error instanceof RestConnectionError)) throw error;
        failure = error;
        log.warn(`Unable to connect to server spark://${masters[i]}.`);
      }
    }
    if (last !== null) return last;
    throw failure ?? new RestConnectionError('Unable to connect to server: none was named');
  }

  return {
    async submit({ appResource, mainClass, args, properties, environment }) {
      const { success, submissionId, message, unknownFields } = await ask(
        'CreateSubmissionResponse',
        'POST',
        'create',
        (response) => response.success,
        {
          action: 'CreateSubmissionRequest',
          clientSparkVersion: VERSION,
          appResource,
          mainClass,
          appArgs: args,
          sparkProperties: properties,
          environmentVariables: environment,
        },
      );
      if (unknownFields !== undefined) log.warn(`The server does not know the fields ${unknownFields.join(', ')}`);
      return { success, driverId: submissionId ?? null, message: message ?? '' };
    },
    async kill(driverId) {
      const path = `kill/${encodeURIComponent(driverId)}`;
      const { success, message } = await ask('KillSubmissionResponse', 'POST', path, (response) => response.success);
      return { driverId, success, message: message ?? '' };
    },
    async status(driverId) {
      const path = `status/${encodeURIComponent(driverId)}`;
      const response = await ask('SubmissionStatusResponse', 'GET', path, ({ success }) => success);
      return {
        found: response.success,
        state: (response.driverState as DriverState | undefined) ?? null, // a word for the user
        workerId: response.workerId ?? null,
        workerHostPort: response.workerHostPort ?? null,
        workerWebUiUrl: null, // the protocol has no field for it
        exception: response.message?.replace(/^Exception from the cluster:\n/, '') ?? null,
      };
    },
    close: () => Promise.resolve(),
  };
}

async function askOne<A extends RestResponse['action']>(
  wanted: A,
  method: 'GET' | 'POST',
  url: string,
  body: unknown,
): Promise<ResponseOf<A>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json;charset=utf-8' } }),
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    const { name, cause, message } = error as Error;
    if (name === 'TimeoutError') throw new RestConnectionError(`No response from server ${url} in 10 seconds`, error);
    throw new RestConnectionError(
      `Unable to connect to server ${url}: ${cause instanceof Error ? cause.message : message}`,
      error,
    );
  }
  return readAnswer(wanted, url, response.status, text);
}

/** @throws RestProtocolError when it is not what was asked for. */
function readAnswer<A extends RestResponse['action']>(
  wanted: A,
  url: string,
  status: number,
  text: string,
): ResponseOf<A> {
  if (text.trim() === '') throw new RestProtocolError(`Server returned empty body: ${url}, status ${status}`);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new RestProtocolError(
      `Malformed response received from server: ${url} answered with status ${status} and ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  const { action, message, highestProtocolVersion, success } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (action === 'ErrorResponse') {
    const version =
      typeof highestProtocolVersion === 'string' && highestProtocolVersion !== REST_PROTOCOL_VERSION
        ? ` (it speaks protocol version ${highestProtocolVersion}, this is ${REST_PROTOCOL_VERSION})`
        : '';
    throw new RestProtocolError(`Server responded with error:\n${String(message)}${version}`);
  }
  if (action !== wanted) {
    const shown = typeof action === 'string' ? action : 'none';
    throw new RestProtocolError(`Error: Server responded with message of unexpected type ${shown}.`);
  }
  if (typeof success !== 'boolean') {
    throw new RestProtocolError(`Malformed response received from server: 'success' is missing in message ${wanted}.`);
  }
  return answer as ResponseOf<A>; // its tag says so, and what is read of it is text or absent
}

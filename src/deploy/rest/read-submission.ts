// A submission as it came over HTTP, looked at before anything is done with it.
import { IskraError } from '../../base/errors.ts';
import type { CreateSubmissionRequest } from '../../protocol/rest-submission.ts';

/** The client's fault; answered with 400. Spark: SubmitRestProtocolException */
export class MalformedRequestError extends IskraError {
  override readonly name = 'MalformedRequestError';
  constructor(message: string) {
    super('MALFORMED_REQUEST', message);
  }
}

const KNOWN_FIELDS = [
  'action',
  'appArgs',
  'appResource',
  'clientSparkVersion',
  'environmentVariables',
  'mainClass',
  'message',
  'sparkProperties',
];
/** Other messages of the protocol, which are no submissions. */
const OTHER_ACTIONS = [
  'CreateSubmissionResponse',
  'KillSubmissionRequest',
  'KillSubmissionResponse',
  'KillAllSubmissionResponse',
  'SubmissionStatusRequest',
  'SubmissionStatusResponse',
  'ClearResponse',
  'ReadyzResponse',
  'ErrorResponse',
];

/**
 * Reads the body of `/create`.
 *
 * @returns the request, and which of its fields nobody knows.
 * @throws MalformedRequestError that says what is wrong with it.
 *
 * Spark: SubmitRestProtocolMessage.fromJson, CreateSubmissionRequest.doValidate
 */
export function readSubmission(body: string): {
  readonly request: CreateSubmissionRequest;
  readonly unknownFields: readonly string[];
} {
  const message = parse(body);
  const { action } = message;
  if (action === undefined) throw new MalformedRequestError('Action field not found in JSON');
  if (action !== 'CreateSubmissionRequest') {
    const shown = JSON.stringify(action).slice(0, 100);
    throw new MalformedRequestError(
      OTHER_ACTIONS.includes(String(action))
        ? `Received message of unexpected type ${shown}.`
        : `Unknown action ${shown}: submit with "CreateSubmissionRequest"`,
    );
  }
  const sparkProperties = texts(message, 'sparkProperties', 'No Spark properties set!');
  const request: CreateSubmissionRequest = {
    action,
    clientSparkVersion: text(message, 'clientSparkVersion') ?? '',
    appResource: text(message, 'appResource') ?? missing('Application jar is missing.'),
    mainClass: text(message, 'mainClass') ?? missing('Main class is missing.'),
    appArgs: list(message, 'appArgs'),
    sparkProperties,
    environmentVariables: variables(texts(message, 'environmentVariables')),
  };
  if (!sparkProperties['spark.app.name']) missing(missingField('spark.app.name'));
  checkProperties(sparkProperties);
  return { request, unknownFields: Object.keys(message).filter((field) => !KNOWN_FIELDS.includes(field)) };
}

function parse(body: string): Readonly<Record<string, unknown>> {
  if (body.trim() === '')
    throw new MalformedRequestError('the request has no body: send a CreateSubmissionRequest as JSON');
  let message: unknown;
  try {
    message = JSON.parse(body);
  } catch (error) {
    // Node quotes some of the text, which may have secrets.
    const why = error instanceof Error ? error.message.replace(/,?\s*"[\s\S]*$/, '').slice(0, 100) : '';
    throw new MalformedRequestError(`the body is not JSON${why === '' ? '' : `: ${why}`}`);
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new MalformedRequestError('the body is not an object: send a CreateSubmissionRequest as JSON');
  }
  return message as Readonly<Record<string, unknown>>;
}

function missing(message: string): never {
  throw new MalformedRequestError(message);
}

function missingField(name: string): string {
  return `'${name}' is missing in message CreateSubmissionRequest.`;
}

/** Jackson takes numbers and booleans where texts are meant, and so do we. */
function scalar(value: unknown, name: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new MalformedRequestError(`'${name}' must be text in message CreateSubmissionRequest.`);
}

function text(message: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = message[name];
  return value === undefined || value === null || value === '' ? undefined : scalar(value, name);
}

function list(message: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  const value = message[name] ?? missing(missingField(name));
  if (!Array.isArray(value)) throw new MalformedRequestError(`'${name}' must be a list of texts.`);
  return value.map((item) => scalar(item, name));
}

function texts(
  message: Readonly<Record<string, unknown>>,
  name: string,
  whenMissing: string = missingField(name),
): Readonly<Record<string, string>> {
  const value = message[name] ?? missing(whenMissing);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedRequestError(`'${name}' must be an object of texts.`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, scalar(item, `${name}.${key}`)]));
}

/** No process can be started with others. */
function variables(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(values))
    if (!/^[^=\0]+$/.test(name) || value.includes('\0'))
      throw new MalformedRequestError(
        `'environmentVariables' has ${JSON.stringify(name.slice(0, 100))}, which no process can have.`,
      );
  return values;
}

/** Spark's own checks, with its words; the rest is for the settings themselves to say. */
function checkProperties(properties: Readonly<Record<string, string>>): void {
  const check = (key: string, what: string, form: RegExp): void => {
    const value = properties[key];
    if (value === undefined || form.test(value)) return;
    throw new MalformedRequestError(`Property '${key}' expected ${what} value: actual was '${value.slice(0, 100)}'.`);
  };
  check('spark.driver.supervise', 'boolean', /^(true|false)$/i);
  check('spark.driver.cores', 'numeric', /^\d+$/);
  check('spark.cores.max', 'numeric', /^\d+$/);
  check('spark.driver.memory', 'memory', /^\d+\s*([kmgtp]?b?)?$/i);
  check('spark.executor.memory', 'memory', /^\d+\s*([kmgtp]?b?)?$/i);
}

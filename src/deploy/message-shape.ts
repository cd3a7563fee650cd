// Looks at what other processes sent, before anything is done with it.
import { IskraError } from '../base/errors.ts';
import { parseAddress } from '../rpc/rpc-address.ts';

/** Says what is wrong with a value by throwing. @param at what to call it, such as `LaunchExecutor.cores` */
export type ShapeCheck = (value: unknown, at: string) => void;

function bad(at: string, wanted: string, value: unknown): never {
  const shown = typeof value === 'string' ? JSON.stringify(value) : typeof value;
  const was = value === null || typeof value === 'number' ? String(value) : shown;
  throw new IskraError('BAD_MESSAGE', `${at} must be ${wanted}, was ${was.slice(0, 100)}`, { details: { at } });
}

export const text: ShapeCheck = (value, at) => {
  if (typeof value !== 'string') bad(at, 'text', value);
};

/** What something is called by. */
export const name: ShapeCheck = (value, at) => {
  if (typeof value !== 'string' || value === '' || value.length > 200) bad(at, 'text of 1 to 200 characters', value);
};

/** Any number, NaN too: whether it makes sense is for the reader to say. */
export const number: ShapeCheck = (value, at) => {
  if (typeof value !== 'number') bad(at, 'a number', value);
};

export const flag: ShapeCheck = (value, at) => {
  if (typeof value !== 'boolean') bad(at, 'true or false', value);
};

/** A whole number of `least` or more. */
export function whole(least: number): ShapeCheck {
  return (value, at) => {
    if (!Number.isSafeInteger(value) || (value as number) < least) bad(at, `a whole number of ${least} or more`, value);
  };
}

export function oneOf(...values: readonly string[]): ShapeCheck {
  return (value, at) => {
    if (!values.includes(value as string)) bad(at, `one of ${values.join(', ')}`, value);
  };
}

/** Text of a form. @param wanted the form in words */
export function matching(form: RegExp, wanted: string): ShapeCheck {
  return (value, at) => {
    if (typeof value !== 'string' || !form.test(value)) bad(at, wanted, value);
  };
}

export function orNull(check: ShapeCheck): ShapeCheck {
  return (value, at) => {
    if (value !== null) check(value, at);
  };
}

/** A field that need not be there. */
function absentOr(check: ShapeCheck): ShapeCheck {
  return (value, at) => {
    if (value !== undefined) check(value, at);
  };
}

export function listOf(check: ShapeCheck): ShapeCheck {
  return (value, at) => {
    if (!Array.isArray(value)) bad(at, 'a list', value);
    value.forEach((each, index) => {
      check(each, `${at}[${index}]`);
    });
  };
}

/** An object whose values are all alike. */
export function recordOf(check: ShapeCheck): ShapeCheck {
  return (value, at) => {
    for (const [key, each] of Object.entries(plainObject(value, at))) check(each, `${at}.${key.slice(0, 100)}`);
  };
}

/** An object that has at least these fields. */
export function fields(checks: Readonly<Record<string, ShapeCheck>>): ShapeCheck {
  return (value, at) => {
    const object = plainObject(value, at);
    for (const [key, check] of Object.entries(checks)) check(object[key], `${at}.${key}`);
  };
}

function plainObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad(at, 'an object', value);
  return value as Readonly<Record<string, unknown>>;
}

/**
 * Checks a message of a union tagged by `type`.
 *
 * @throws IskraError `BAD_MESSAGE` naming the field, what it has to be and what it was.
 */
export function checkMessage(checks: Readonly<Record<string, ShapeCheck>>, message: unknown): void {
  const { type } = plainObject(message, 'a message');
  if (typeof type !== 'string' || !Object.hasOwn(checks, type))
    bad('the type of a message', `one of ${Object.keys(checks).join(', ')}`, type);
  checks[type]?.(message, type);
}

/** `host:port` */
export const address: ShapeCheck = (value, at) => {
  const wanted = 'an address as host:port';
  if (typeof value !== 'string') bad(at, wanted, value);
  try {
    parseAddress(value);
  } catch {
    bad(at, wanted, value);
  }
};

const host = '(?:\\[[0-9a-fA-F:.]+\\]|[^\\s:/@[\\]]+)';
/** `spark://host:port` */
export const masterUrl: ShapeCheck = matching(
  new RegExp(`^spark://${host}:\\d{1,5}$`),
  'of the form spark://host:port',
);

export const resourceAddresses: ShapeCheck = recordOf(listOf(text));
const resourceAmounts: ShapeCheck = recordOf(whole(0));

export const command: ShapeCheck = fields({
  mainClass: text,
  arguments: listOf(text),
  environment: recordOf(text),
  nodeOptions: listOf(text),
});

export const applicationDescription: ShapeCheck = fields({
  name: text,
  maxCores: orNull(whole(0)),
  command,
  secretSalt: absentOr(matching(/^[0-9a-f]{64}$/, '64 hex digits')),
  appUiUrl: text,
  user: text,
  demand: fields({
    coresPerExecutor: orNull(whole(1)),
    memoryPerExecutor: whole(0),
    resourcesPerExecutor: resourceAmounts,
  }),
  initialExecutorLimit: orNull(whole(0)),
  eventLogDir: orNull(text),
  eventLogCodec: orNull(text),
});

export const driverDescription: ShapeCheck = fields({
  appResource: text,
  memory: whole(0),
  cores: whole(0),
  supervise: flag,
  command,
  resources: resourceAmounts,
});

// Records as text, the same for every engine.
import { createHash } from 'node:crypto';
import { IskraError } from '../../base/errors.ts';
import { RECOVERY_VERSION, type RecoveryRecord } from '../../protocol/recovery.ts';

const KINDS: readonly RecoveryRecord['kind'][] = ['app', 'driver', 'worker'];
/** What each kind has besides its id; only that it is there is looked at, the text is our own. */
const FIELDS: Readonly<Record<RecoveryRecord['kind'], readonly string[]>> = {
  app: ['startedAt', 'app', 'driverAddress'],
  driver: ['submittedAt', 'driver'],
  worker: ['worker'],
};

/** Names of files and nodes that may hold a record. */
export const RECORD_NAME: RegExp = /^(app|driver|worker)_/;

/** Names of files have at most 255 bytes, and may get an ending. */
const LONGEST_NAME = 220;

/**
 * The name of a record's file or node. Ids come from the network: what is not plain is written as %XX, so that none leaves its place,
 * and what would be too long for a name is cut, with its digest behind it.
 */
export function recordName(kind: RecoveryRecord['kind'], id: string): string {
  const wellFormed = Buffer.from(id, 'utf8').toString('utf8'); // no half of a pair, which would throw below
  const name = `${kind}_${encodeURIComponent(wellFormed)}`;
  if (name.length <= LONGEST_NAME && wellFormed === id) return name;
  return `${name.slice(0, LONGEST_NAME - 65)}-${digest(JSON.stringify(id))}`;
}

/** A record as one line of JSON with a checksum, since a file may be cut short or damaged. */
export function encodeRecord(record: RecoveryRecord): string {
  const text = JSON.stringify(record);
  return `${JSON.stringify({ version: RECOVERY_VERSION, sha256: digest(text), record: text })}\n`;
}

/** @throws IskraError that says what is wrong with the text. */
export function decodeRecord(text: string): RecoveryRecord {
  const outer = parse(text, 'it is not JSON, or cut short');
  const { version, sha256, record } = outer;
  if (typeof version !== 'number') throw broken('it has no version');
  if (version > RECOVERY_VERSION) throw broken(`its version ${version} is newer than ${RECOVERY_VERSION}`);
  if (typeof record !== 'string' || sha256 !== digest(record)) throw broken('its checksum is wrong');
  const inner = parse(record, 'its record is not JSON');
  const kind = KINDS.find((each) => each === inner['kind']);
  if (kind === undefined) throw broken(`it is of an unknown kind ${String(inner['kind'])}`);
  for (const field of ['id', ...FIELDS[kind]]) if (!(field in inner)) throw broken(`it has no ${field}`);
  return inner as unknown as RecoveryRecord; // the checksum says that it is as we wrote it, of a version we know
}

function parse(text: string, fault: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw broken(fault);
  }
  if (typeof value !== 'object' || value === null) throw broken(fault);
  return value as Readonly<Record<string, unknown>>;
}

function broken(why: string): IskraError {
  return new IskraError('RECOVERY_RECORD', why);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

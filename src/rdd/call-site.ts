import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Everything below this folder is Iskra's own. */
const OWN = dirname(dirname(fileURLToPath(import.meta.url)));
const OWN_URL = dirname(dirname(import.meta.url));

/** Frames between the user and this function: an operator, its delegate, and some room. */
const DEPTH = 8;

/** Long recursive helpers of the user are above the first user frame, so few frames are enough. */
const FRAME = /^\s*at (?:.*? \()?(.*?)\)?$/;
const POSITION = /^(.*?):(\d+):\d+$/;

/**
 * Where the user called `operator`: `map at app.ts:12`. The first frame outside Iskra's own files counts.
 *
 * Spark: Utils.getCallSite
 */
export function callSite(operator: string): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, callSite);
  Error.stackTraceLimit = limit;
  const stack = typeof holder.stack === 'string' ? holder.stack : '';
  for (const line of stack.split('\n').slice(1)) {
    const place = FRAME.exec(line)?.[1];
    if (place === undefined || isOwn(place)) continue;
    const position = POSITION.exec(place);
    if (position === null) continue;
    return `${operator} at ${baseName(position[1] as string)}:${position[2]}`; // both groups always match
  }
  return `${operator} at <unknown>`;
}

function isOwn(place: string): boolean {
  return place.startsWith(OWN) || place.startsWith(OWN_URL) || place.startsWith('node:') || place === '<anonymous>';
}

function baseName(path: string): string {
  const clean = path.replace(/[?#].*$/, '');
  return clean.slice(Math.max(clean.lastIndexOf('/'), clean.lastIndexOf('\\')) + 1);
}

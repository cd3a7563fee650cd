// `/logPage/` and `/log/` of a daemon: the logs of what it started, and its own. Spark: LogPage
import { html } from './html.ts';
import { answer, type HttpRequest, type HttpResponse, htmlAnswer, textAnswer } from './http-messages.ts';
import {
  DEFAULT_LOG_BYTES,
  type LogPart,
  type LogRange,
  type NoLog,
  type PackedLengths,
  readFiles,
  readLog,
} from './log-files.ts';
import { page } from './page-layout.ts';
import type { Route } from './router.ts';

/** Where a daemon's logs are. */
export interface LogPlaces {
  /** Whose sub-directories have logs of executors and drivers; null: this daemon starts none. */
  readonly workDir: string | null;
  /** The daemon's own log; null when it goes to standard error. */
  readonly logFile: string | null;
  readonly lengths: PackedLengths;
}

const LOG_TYPES = ['stderr', 'stdout', 'out'];

/** A log that was asked for. */
interface WantedLog {
  /** What the page calls it: `app-1/0`. */
  readonly of: string;
  readonly logType: string;
  /** How it is shown: `/work/app-1/0/stdout`. */
  readonly path: string;
  /** The request's parameters that name it. */
  readonly query: URLSearchParams;
  readonly part: LogPart;
}

export function logRoutes(places: LogPlaces): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/logPage',
      handle: async (request) => {
        const found = await findLog(request, places);
        if ('error' in found) return htmlAnswer(errorPage(found.error), found.status);
        return htmlAnswer(logPage(found));
      },
    },
    { method: 'GET', path: '/log', handle: (request) => rawLog(request, places) },
  ];
}

async function rawLog(request: HttpRequest, places: LogPlaces): Promise<HttpResponse> {
  const found = await findLog(request, places);
  if ('error' in found) return textAnswer(found.status, found.error);
  const { start, end, total, text } = found.part;
  return answer(200, 'text/plain', `==== Bytes ${start}-${end} of ${total} of ${found.path} ====\n${text}`);
}

async function findLog({ query }: HttpRequest, places: LogPlaces): Promise<WantedLog | NoLog> {
  const [appId, executorId, driverId] = ['appId', 'executorId', 'driverId'].map((name) => query.get(name));
  const logType = query.get('logType') ?? (query.has('self') ? 'out' : '');
  if (!LOG_TYPES.includes(logType)) {
    return { status: 400, error: `Error: Log type must be one of ${LOG_TYPES.join(', ')}` };
  }
  const range = rangeOf(query);
  if ('error' in range) return range;
  const naming = new URLSearchParams([...query].filter(([name]) => name !== 'offset'));
  const { workDir, logFile, lengths } = places;
  if (query.has('self')) {
    if (logFile === null) {
      return {
        status: 404,
        error: 'Error: this daemon has no log file: it runs in the foreground, with its log on stderr',
      };
    }
    const part = await readFiles([logFile], range, lengths);
    return 'error' in part ? part : { of: 'this daemon', logType, path: logFile, query: naming, part };
  }
  const names =
    typeof appId === 'string' && typeof executorId === 'string'
      ? [appId, executorId]
      : typeof driverId === 'string'
        ? [driverId]
        : null;
  if (names === null || workDir === null) {
    return {
      status: 400,
      error:
        'Error: Request must specify either application or driver identifiers: ?appId=…&executorId=…, ?driverId=… or ?self',
    };
  }
  const part = await readLog(workDir, names, logType, range, lengths);
  if ('error' in part) return part;
  return { of: names.join('/'), logType, path: [workDir, ...names, logType].join('/'), query: naming, part };
}

function rangeOf(query: URLSearchParams): LogRange | NoLog {
  const read = (name: string): number | null | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return null;
    return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const offset = read('offset');
  const byteLength = read('byteLength');
  if (offset === undefined || byteLength === undefined) {
    return { status: 400, error: 'Error: offset and byteLength must be whole numbers of bytes' };
  }
  return { offset, byteLength: byteLength ?? DEFAULT_LOG_BYTES };
}

function logPage({ of, logType, path, query, part }: WantedLog): string {
  const { start, end, total, text } = part;
  const length = Math.max(Number(query.get('byteLength') || DEFAULT_LOG_BYTES), 1);
  const at = (offset: number | null): string => {
    const target = new URLSearchParams(query);
    if (offset !== null) target.set('offset', String(offset));
    return `?${target}`;
  };
  const content = html`<nav><a href="../">Back</a><a href="../log/${at(start)}">Raw</a></nav>
<p>Showing ${end - start} Bytes: ${start} - ${end} of ${total}, ${path}</p>
<nav>
${start > 0 ? html`<a href="${at(0)}">Top of Log</a><a href="${at(Math.max(start - length, 0))}">Load More</a>` : null}
${end < total ? html`<a href="${at(end)}">Next</a>` : null}
<a href="${at(null)}">Load New</a>
</nav>
<pre>${text}</pre>`;
  return page(`${logType} log page for ${of}`, '../', content);
}

function errorPage(error: string): string {
  return page('Log', '../', html`<nav><a href="../">Back</a></nav><p>${error}</p>`);
}

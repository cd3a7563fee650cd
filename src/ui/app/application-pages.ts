// The pages of one application, below `/history/ID/` or `/history/ID/ATTEMPT/`. Spark: SparkUI
import { IskraError } from '../../base/errors.ts';
import type { AppStatusStore } from '../../status/app-status-store.ts';
import type { ApplicationSource } from '../api/application-source.ts';
import { html } from '../html.ts';
import { type HttpHandler, type HttpRequest, type HttpResponse, htmlAnswer, redirectAnswer } from '../http-messages.ts';
import { page } from '../page-layout.ts';
import { appPage, type PagePlace } from './app-page.ts';
import { environmentPage } from './environment-page.ts';
import { executorsPage } from './executors-page.ts';
import { jobPage, jobsPage } from './jobs-pages.ts';
import { stagePage } from './stage-page.ts';
import { stagesPage } from './stages-page.ts';
import { rddPage, storagePage } from './storage-pages.ts';

/** A page; null: what it is about is not there. */
type Show = (store: AppStatusStore, place: PagePlace, query: URLSearchParams) => string | null;

const PAGES: Readonly<Record<string, Show>> = {
  jobs: jobsPage,
  'jobs/job': jobPage,
  stages: stagesPage,
  'stages/stage': stagePage,
  storage: storagePage,
  'storage/rdd': rddPage,
  executors: executorsPage,
  environment: environmentPage,
};
const SECTIONS: ReadonlySet<string> = new Set(Object.keys(PAGES).filter((path) => !path.includes('/')));

export function applicationPages(source: ApplicationSource): HttpHandler {
  return async (request) => {
    // Links are relative: a page's address ends with a slash.
    if (!request.path.endsWith('/')) return redirectAnswer(`${lastPart(request.path)}/${queryOf(request)}`);
    const encoded = request.path.split('/').slice(1, -1);
    const parts = encoded.map(decoded);
    const [, appId = '', second] = parts;
    const root = '../'.repeat(encoded.length);
    if (appId === '') return missing(root, 'Which application? The first page lists them.');
    const attemptId = second === undefined || SECTIONS.has(second) ? null : second;
    const rest = parts.slice(attemptId === null ? 2 : 3);
    if (rest.length === 0 && attemptId === null && isMultiAttempt(source, appId)) return toLatest(source, appId);
    if (rest.length === 0) return redirectAnswer('jobs/');
    const show = PAGES[rest.join('/')];
    let store: AppStatusStore | null;
    try {
      store = await source.store(appId, attemptId);
    } catch (error) {
      if (!IskraError.is(error)) throw error;
      return missing(root, error.message, 500);
    }
    if (store === null)
      return missing(root, `Application ${attemptId === null ? appId : `${appId}/${attemptId}`} not found.`);
    if (show === undefined) return missing(root, 'There is no such page.');
    const place = { root, base: '../'.repeat(rest.length), section: rest[0] ?? '' };
    const text = show(store, place, request.query);
    if (text !== null) return htmlAnswer(text);
    const what = rest[1] ?? 'page';
    const id = request.query.get('id');
    const content = html`<p>${id === null ? `Missing id parameter: which ${what}?` : `No information to display for ${what} ${id}`}</p>`;
    return htmlAnswer(appPage(store, place, `No such ${what}`, content), 404);
  };
}

function isMultiAttempt(source: ApplicationSource, appId: string): boolean {
  const app = source.applications().find(({ id }) => id === appId);
  return app?.attempts.every(({ attemptId }) => attemptId !== null) === true;
}

function toLatest(source: ApplicationSource, appId: string): HttpResponse {
  const [latest] = source.applications().find(({ id }) => id === appId)?.attempts ?? [];
  return redirectAnswer(`${encodeURIComponent(latest?.attemptId ?? '')}/jobs/`);
}

function missing(root: string, message: string, status = 404): HttpResponse {
  const content = html`<p>${message}</p><nav><a href="${root}">History Server</a></nav>`;
  return htmlAnswer(page(status === 404 ? 'Not Found' : 'The application cannot be shown', root, content), status);
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function queryOf({ query }: HttpRequest): string {
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

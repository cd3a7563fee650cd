// The pages of one application, below `/history/ID/` or `/history/ID/ATTEMPT/`, and what they have in common with those that a
// driver serves. Spark: SparkUI
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

/** @param parts of the path, below that of the application: `jobs`, `job`. @returns null: there is no such page. */
export function showPage(
  store: AppStatusStore,
  parts: readonly string[],
  query: URLSearchParams,
  place: Omit<PagePlace, 'base' | 'section'>,
): HttpResponse | null {
  const show = PAGES[parts.join('/')];
  if (show === undefined) return null;
  const here = { ...place, base: '../'.repeat(parts.length), section: parts[0] ?? '' };
  const text = show(store, here, query);
  if (text !== null) return htmlAnswer(text);
  const what = parts[1] ?? 'page';
  const id = query.get('id');
  const content = html`<p>${id === null ? `Missing id parameter: which ${what}?` : `No information to display for ${what} ${id}`}</p>`;
  return htmlAnswer(appPage(store, here, `No such ${what}`, content), 404);
}

/** Links are relative, so a page's address ends with a slash: leads there. @returns null: it does. */
export function toSlash({ path, query }: HttpRequest): HttpResponse | null {
  if (path.endsWith('/')) return null;
  const text = query.toString();
  return redirectAnswer(`${path.slice(path.lastIndexOf('/') + 1)}/${text === '' ? '' : `?${text}`}`);
}

/** The parts of a path that ends with a slash, decoded. */
export function partsOf(path: string): string[] {
  return path.split('/').slice(1, -1).map(decoded);
}

export function applicationPages(source: ApplicationSource): HttpHandler {
  return async (request) => {
    const elsewhere = toSlash(request);
    if (elsewhere !== null) return elsewhere;
    const parts = partsOf(request.path);
    const [, appId = '', second] = parts;
    const root = '../'.repeat(parts.length);
    if (appId === '') return missing(root, 'Which application? The first page lists them.');
    const attemptId = second === undefined || SECTIONS.has(second) ? null : second;
    const rest = parts.slice(attemptId === null ? 2 : 3);
    if (rest.length === 0 && attemptId === null && isMultiAttempt(source, appId)) return toLatest(source, appId);
    if (rest.length === 0) return redirectAnswer('jobs/');
    let store: AppStatusStore | null;
    try {
      store = await source.store(appId, attemptId);
    } catch (error) {
      if (!IskraError.is(error)) throw error;
      return missing(root, error.message, 500);
    }
    if (store === null)
      return missing(root, `Application ${attemptId === null ? appId : `${appId}/${attemptId}`} not found.`);
    const place = { root, live: null };
    return showPage(store, rest, request.query, place) ?? missing(root, 'There is no such page.');
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

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

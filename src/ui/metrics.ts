import { answer, textAnswer } from './http-messages.ts';
import type { Route } from './router.ts';

/** A page with what a daemon measures. */
export interface MetricsPage {
  /** `/metrics/json` */
  readonly path: string;
  readonly contentType: string;
  /** Null: the daemon has not started yet. */
  body(): Promise<string | null>;
}

export function metricsRoutes(pages: readonly MetricsPage[]): readonly Route[] {
  return pages.map(({ path, contentType, body }) => ({
    method: 'GET',
    path,
    handle: async () => {
      const text = await body();
      return text === null ? textAnswer(503, 'It has not started yet.') : answer(200, contentType, text);
    },
  }));
}

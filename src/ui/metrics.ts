// `/metrics/…` of a daemon: what it counts, as a Dropwizard registry in JSON and as Prometheus reads it. Spark: MetricsServlet,
// PrometheusServlet
import { answer, jsonAnswer, textAnswer } from './http-messages.ts';
import type { Route } from './router.ts';

/** What is measured now, by name: `worker.coresUsed`. A text is shown as JSON only. */
export type Gauges = Readonly<Record<string, number | string>>;

/** Of Dropwizard's JSON. */
const VERSION = '4.0.0';

/** Gauges in the order of their names, and nothing else: a daemon has no counters, histograms, meters, timers. */
export function metricsJson(gauges: Gauges): Readonly<Record<string, unknown>> {
  return {
    version: VERSION,
    gauges: Object.fromEntries(sorted(gauges).map(([name, value]) => [name, { value }])),
    counters: {},
    histograms: {},
    meters: {},
    timers: {},
  };
}

/** Numbers, each under two names. Spark: PrometheusServlet.getMetricsSnapshot */
export function prometheusText(gauges: Gauges): string {
  return sorted(gauges)
    .flatMap(([name, value]) => {
      if (typeof value !== 'number') return [];
      const key = `metrics_${name.replace(/[^a-zA-Z0-9]/g, '_')}`;
      return [`${key}_Number{type="gauges"} ${value}\n`, `${key}_Value{type="gauges"} ${value}\n`];
    })
    .join('');
}

/** @param path `/metrics`, below which are `json` and `prometheus`. @param gauges null: the daemon has not started yet. */
export function metricsRoutes(path: string, gauges: () => Promise<Gauges | null> | Gauges | null): readonly Route[] {
  const showing = (name: string, show: (gauges: Gauges) => ReturnType<typeof answer>): Route => ({
    method: 'GET',
    path: `${path}/${name}`,
    handle: async () => {
      const current = await gauges();
      return current === null ? textAnswer(503, 'It has not started yet.') : show(current);
    },
  });
  return [
    showing('json', (current) => jsonAnswer(metricsJson(current))),
    showing('prometheus', (current) => answer(200, 'text/plain; version=0.0.4', prometheusText(current))),
  ];
}

function sorted(gauges: Gauges): [name: string, value: number | string][] {
  return Object.entries(gauges).sort(([a], [b]) => (a < b ? -1 : 1));
}

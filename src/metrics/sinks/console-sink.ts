import { outlive } from '../../base/standard-streams.ts';
import type { HistogramValues, MeterValues, MetricsSnapshot } from '../metrics-snapshot.ts';
import type { MetricsSink } from '../sink.ts';
import { shortNumber } from './fields.ts';

const WIDTH = 80;

/** All metrics as a page of text. Dropwizard: ConsoleReporter */
export function consoleText(snapshot: MetricsSnapshot): string {
  const { gauges, counters, histograms, meters, timers } = snapshot;
  const lines = [banner(timeText(new Date(snapshot.at)), '='), ''];
  const section = <T>(title: string, metrics: Readonly<Record<string, T>>, show: (value: T) => Shown[]): void => {
    const all = Object.entries(metrics);
    if (all.length === 0) return;
    lines.push(banner(`-- ${title}`, '-'));
    for (const [name, value] of all) {
      lines.push(name);
      for (const [label, sign, text] of show(value)) lines.push(`${label.padStart(19 - sign.length)} ${sign} ${text}`);
    }
    lines.push('');
  };
  section('Gauges', gauges, (value) => [['value', '=', typeof value === 'number' ? shortNumber(value) : value]]);
  section('Counters', counters, (count) => [['count', '=', shortNumber(count)]]);
  section('Histograms', histograms, (values) => [count(values), ...distribution(values, shortNumber, '')]);
  section('Meters', meters, (values) => [count(values), ...rates(values, 'events/second')]);
  section('Timers', timers, (values) => [
    count(values),
    ...rates(values, 'calls/second'),
    ...distribution(values, (value) => value.toFixed(2), ' milliseconds'),
  ]);
  return `${lines.join('\n')}\n`;
}

type Shown = readonly [label: string, sign: '=' | '<=', text: string];

function count(values: { readonly count: number }): Shown {
  return ['count', '=', shortNumber(values.count)];
}

function distribution(values: HistogramValues, whole: (value: number) => string, unit: string): Shown[] {
  const fixed = (value: number): string => `${value.toFixed(2)}${unit}`;
  return [
    ['min', '=', `${whole(values.min)}${unit}`],
    ['max', '=', `${whole(values.max)}${unit}`],
    ['mean', '=', fixed(values.mean)],
    ['stddev', '=', fixed(values.stddev)],
    ['median', '=', fixed(values.p50)],
    ['75%', '<=', fixed(values.p75)],
    ['95%', '<=', fixed(values.p95)],
    ['98%', '<=', fixed(values.p98)],
    ['99%', '<=', fixed(values.p99)],
    ['99.9%', '<=', fixed(values.p999)],
  ];
}

function rates(values: MeterValues, unit: string): Shown[] {
  const rate = (value: number): string => `${value.toFixed(2)} ${unit}`;
  return [
    ['mean rate', '=', rate(values.mean_rate)],
    ['1-minute rate', '=', rate(values.m1_rate)],
    ['5-minute rate', '=', rate(values.m5_rate)],
    ['15-minute rate', '=', rate(values.m15_rate)],
  ];
}

function banner(title: string, character: string): string {
  return `${title} ${character.repeat(Math.max(0, WIDTH - title.length - 1))}`;
}

/** `11/21/26, 7:00:00 AM`, in local time. */
function timeText(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = at.getHours();
  const date = `${at.getMonth() + 1}/${at.getDate()}/${two(at.getFullYear() % 100)}`;
  const time = `${hours % 12 || 12}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${date}, ${time} ${hours < 12 ? 'AM' : 'PM'}`;
}

/** Standard output. Spark: ConsoleSink */
export class ConsoleSink implements MetricsSink {
  report(snapshot: MetricsSnapshot): Promise<void> {
    outlive('stdout'); // an error comes to the callback, too
    return new Promise((resolve, reject) =>
      process.stdout.write(consoleText(snapshot), (error) => (error ? reject(error) : resolve())),
    );
  }
}

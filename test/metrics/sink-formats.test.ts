import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Logger } from '../../src/base/logger.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { consoleText } from '../../src/metrics/sinks/console-sink.ts';
import { csvRows } from '../../src/metrics/sinks/csv-sink.ts';
import { graphiteLines } from '../../src/metrics/sinks/graphite-sink.ts';
import { metricsJson, prometheusText } from '../../src/metrics/sinks/servlet-text.ts';
import { logLines, Slf4jSink } from '../../src/metrics/sinks/slf4j-sink.ts';
import { statsdLines } from '../../src/metrics/sinks/statsd-sink.ts';
import { EVERY_METRIC } from '../kit/metrics-snapshot.ts';

const all = (): boolean => true;
const EMPTY = { at: 0, gauges: {}, counters: {}, histograms: {}, meters: {}, timers: {} };

describe('the console', () => {
  test('shows a section for each kind, with a banner of 80 characters', () => {
    const [banner, , ...rest] = consoleText(EVERY_METRIC).split('\n');
    assert.match(banner ?? '', /^\d+\/\d+\/23, \d+:13:20 [AP]M =+$/);
    assert.equal(banner?.length, 80);
    assert.deepEqual(rest, [
      `-- Gauges ${'-'.repeat(70)}`,
      'a.mode',
      '             value = ALIVE, "well"',
      'a.ratio',
      '             value = 0.12',
      'a.workers',
      '             value = 3',
      '',
      `-- Counters ${'-'.repeat(68)}`,
      'b.seen',
      '             count = 12345678901',
      '',
      `-- Histograms ${'-'.repeat(66)}`,
      'c.size',
      '             count = 4',
      '               min = 1',
      '               max = 40',
      '              mean = 20.50',
      '            stddev = 14.25',
      '            median = 20.00',
      '              75% <= 30.00',
      '              95% <= 40.00',
      '              98% <= 40.00',
      '              99% <= 40.00',
      '            99.9% <= 40.00',
      '',
      `-- Meters ${'-'.repeat(70)}`,
      'd.rate',
      '             count = 7',
      '         mean rate = 1.75 events/second',
      '     1-minute rate = 0.50 events/second',
      '     5-minute rate = 0.25 events/second',
      '    15-minute rate = 0.13 events/second',
      '',
      `-- Timers ${'-'.repeat(70)}`,
      'e.time',
      '             count = 7',
      '         mean rate = 1.75 calls/second',
      '     1-minute rate = 0.50 calls/second',
      '     5-minute rate = 0.25 calls/second',
      '    15-minute rate = 0.13 calls/second',
      '               min = 1.00 milliseconds',
      '               max = 40.50 milliseconds',
      '              mean = 20.50 milliseconds',
      '            stddev = 14.25 milliseconds',
      '            median = 20.00 milliseconds',
      '              75% <= 30.00 milliseconds',
      '              95% <= 40.00 milliseconds',
      '              98% <= 40.00 milliseconds',
      '              99% <= 40.00 milliseconds',
      '            99.9% <= 40.00 milliseconds',
      '',
      '',
    ]);
  });

  test('shows nothing but the banner where there is nothing', () => {
    assert.equal(consoleText(EMPTY).split('\n').length, 3);
  });
});

describe('CSV', () => {
  test('has a file a metric, whose columns are those of its kind', () => {
    const distribution = '40.000000,40.000000,40.000000,40.000000';
    assert.deepEqual(csvRows(EVERY_METRIC), [
      { file: 'a.mode.csv', header: 't,value', row: '1700000000,"ALIVE, ""well"""' },
      { file: 'a.ratio.csv', header: 't,value', row: '1700000000,0.123456' },
      { file: 'a.workers.csv', header: 't,value', row: '1700000000,3' },
      { file: 'b.seen.csv', header: 't,count', row: '1700000000,12345678901' },
      {
        file: 'c.size.csv',
        header: 't,count,max,mean,min,stddev,p50,p75,p95,p98,p99,p999',
        row: `1700000000,4,40,20.500000,1,14.250000,20.000000,30.000000,${distribution}`,
      },
      {
        file: 'd.rate.csv',
        header: 't,count,mean_rate,m1_rate,m5_rate,m15_rate,rate_unit',
        row: '1700000000,7,1.750000,0.500000,0.250000,0.125000,events/second',
      },
      {
        file: 'e.time.csv',
        header:
          't,count,max,mean,min,stddev,p50,p75,p95,p98,p99,p999,mean_rate,m1_rate,m5_rate,m15_rate,rate_unit,duration_unit',
        row: `1700000000,7,40.500000,20.500000,1.000000,14.250000,20.000000,30.000000,${distribution},1.750000,0.500000,0.250000,0.125000,calls/second,milliseconds`,
      },
    ]);
  });

  test('has no file outside of its directory, whatever an application is called', () => {
    const name = 'application.../../etc/x\\y.1.cores';
    const [row] = csvRows({ ...EMPTY, gauges: { [name]: 1 } });
    assert.equal(row?.file, 'application..._.._etc_x_y.1.cores.csv');
    const [long] = csvRows({ ...EMPTY, gauges: { ['x'.repeat(500)]: 1 } });
    assert.equal(long?.file, `${'x'.repeat(200)}.csv`);
  });
});

describe('Graphite', () => {
  test('gets a line a value, with the time in seconds, and no texts', () => {
    const fields = ['max', 'mean', 'min', 'stddev', 'p50', 'p75', 'p95', 'p98', 'p99', 'p999'];
    const values = ['20.50', '14.25', '20.00', '30.00', '40.00', '40.00', '40.00', '40.00'];
    const [mean, stddev, ...quantiles] = values;
    const distribution = (max: string, min: string) => [max, mean, min, stddev, ...quantiles];
    const rates = ['m1_rate 0.50', 'm5_rate 0.25', 'm15_rate 0.13', 'mean_rate 1.75'];
    assert.deepEqual(graphiteLines(EVERY_METRIC, '', all), [
      'a.ratio 0.12 1700000000\n',
      'a.workers 3 1700000000\n',
      'b.seen.count 12345678901 1700000000\n',
      'c.size.count 4 1700000000\n',
      ...fields.map((field, i) => `c.size.${field} ${distribution('40', '1')[i]} 1700000000\n`),
      'd.rate.count 7 1700000000\n',
      ...rates.map((rate) => `d.rate.${rate} 1700000000\n`),
      ...fields.map((field, i) => `e.time.${field} ${distribution('40.50', '1.00')[i]} 1700000000\n`),
      'e.time.count 7 1700000000\n',
      ...rates.map((rate) => `e.time.${rate} 1700000000\n`),
    ]);
  });

  test('gets a prefix before names, and no blanks in them', () => {
    const gauges = { 'application.word  count\n2.1.cores': 2, 'other.cores': 3 };
    const wanted = (name: string): boolean => name.startsWith('application');
    assert.deepEqual(graphiteLines({ ...EMPTY, gauges }, 'site a', wanted), [
      'site-a.application.word-count-2.1.cores 2 0\n',
    ]);
  });
});

describe('StatsD', () => {
  test('gets gauges, counters and times', () => {
    const lines = statsdLines(EVERY_METRIC, 'p', all, new Map());
    assert.deepEqual(lines.slice(0, 6), [
      'p.a.ratio:0.12|g',
      'p.a.workers:3|g',
      'p.b.seen:12345678901|c',
      'p.c.size.count:4|g',
      'p.c.size.max:40|ms',
      'p.c.size.mean:20.50|ms',
    ]);
    assert.ok(lines.includes('p.d.rate.m1_rate:0.50|ms'));
    assert.ok(lines.includes('p.e.time.p999:40.00|ms'));
    assert.equal(lines.length, 3 + 11 + 5 + 15);
  });

  test('gets what counters have grown by, since it adds them up', () => {
    const told = new Map<string, number>();
    const counters = (count: number) => statsdLines({ ...EMPTY, counters: { x: count } }, '', all, told);
    assert.deepEqual([counters(5), counters(5), counters(8)], [['x:5|c'], ['x:0|c'], ['x:3|c']]);
  });

  test('gets names without the characters that would end them', () => {
    assert.deepEqual(statsdLines({ ...EMPTY, gauges: { 'a:b|c@d e': 1 } }, '', all, new Map()), ['a_b_c_d-e:1|g']);
  });
});

describe('the log', () => {
  test('gets a line a metric', () => {
    const distribution = 'min=1, max=40, mean=20.5, stddev=14.25, p50=20, p75=30, p95=40, p98=40, p99=40, p999=40';
    const rates = 'm1_rate=0.5, m5_rate=0.25, m15_rate=0.125, mean_rate=1.75';
    assert.deepEqual(logLines(EVERY_METRIC), [
      'type=GAUGE, name=a.mode, value=ALIVE, "well"',
      'type=GAUGE, name=a.ratio, value=0.123456',
      'type=GAUGE, name=a.workers, value=3',
      'type=COUNTER, name=b.seen, count=12345678901',
      `type=HISTOGRAM, name=c.size, count=4, ${distribution}`,
      `type=METER, name=d.rate, count=7, ${rates}, rate_unit=events/second`,
      `type=TIMER, name=e.time, count=7, ${distribution.replace('max=40', 'max=40.5')}, ${rates}, rate_unit=calls/second, duration_unit=milliseconds`,
    ]);
  });

  test('gets them at INFO from metrics, and a warning when that is not shown', () => {
    const seen: string[] = [];
    const logger = (component: string, shown: boolean): Logger => ({
      ...silentLogger,
      info: (message) => seen.push(`INFO ${component}: ${message}`),
      warn: (message) => seen.push(`WARN ${component}: ${message}`),
      enabled: () => shown,
      named: (name) => logger(name, shown),
    });
    new Slf4jSink({ options: {}, line: 'driver.sink.log', log: logger('X', true) }).report({
      ...EMPTY,
      counters: { n: 1 },
    });
    assert.deepEqual(seen, ['INFO metrics: type=COUNTER, name=n, count=1']);
    new Slf4jSink({ options: {}, line: 'driver.sink.log', log: logger('X', false) });
    assert.match(seen[1] ?? '', /^WARN X: driver\.sink\.log writes to the log at INFO, which is not shown/);
  });
});

describe('pages', () => {
  test("have Dropwizard's JSON", () => {
    const distribution = { mean: 20.5, min: 1, p50: 20, p75: 30, p95: 40, p98: 40, p99: 40, p999: 40, stddev: 14.25 };
    const rates = { m15_rate: 0.125, m1_rate: 0.5, m5_rate: 0.25, mean_rate: 1.75 };
    assert.deepEqual(metricsJson(EVERY_METRIC, false), {
      version: '4.0.0',
      gauges: { 'a.mode': { value: 'ALIVE, "well"' }, 'a.ratio': { value: 0.123456 }, 'a.workers': { value: 3 } },
      counters: { 'b.seen': { count: 12_345_678_901 } },
      histograms: { 'c.size': { count: 4, max: 40, ...distribution } },
      meters: { 'd.rate': { count: 7, ...rates, units: 'events/second' } },
      timers: {
        'e.time': {
          ...{ count: 7, max: 40.5, ...distribution, ...rates },
          ...{ duration_units: 'milliseconds', rate_units: 'calls/second' },
        },
      },
    });
    const { histograms } = metricsJson(EVERY_METRIC, true) as { histograms: Record<string, { values?: number[] }> };
    assert.deepEqual(histograms['c.size']?.values, [1, 20, 30, 40]);
  });

  test('have what Prometheus reads, durations in nanoseconds', () => {
    const lines = prometheusText(EVERY_METRIC).trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 5), [
      'metrics_a_ratio_Number{type="gauges"} 0.123456',
      'metrics_a_ratio_Value{type="gauges"} 0.123456',
      'metrics_a_workers_Number{type="gauges"} 3',
      'metrics_a_workers_Value{type="gauges"} 3',
      'metrics_b_seen_Count{type="counters"} 12345678901',
    ]);
    const fields = [
      ...['Count', 'Max', 'Mean', 'Min', '50thPercentile', '75thPercentile', '95thPercentile', '98thPercentile'],
      ...['99thPercentile', '999thPercentile', 'StdDev'],
    ];
    const names = lines.slice(5).map((line) => line.split(' ')[0]);
    assert.deepEqual(names, [
      ...fields.map((field) => `metrics_c_size_${field}{type="histograms"}`),
      ...['Count', 'MeanRate', 'OneMinuteRate', 'FiveMinuteRate', 'FifteenMinuteRate'].map(
        (field) => `metrics_d_rate_${field}{type="counters"}`,
      ),
      ...[...fields, 'FifteenMinuteRate', 'FiveMinuteRate', 'OneMinuteRate', 'MeanRate'].map(
        (field) => `metrics_e_time_${field}{type="timers"}`,
      ),
    ]);
    assert.ok(lines.includes('metrics_e_time_Max{type="timers"} 40500000'));
    assert.ok(lines.includes('metrics_e_time_OneMinuteRate{type="timers"} 0.5'));
  });
});

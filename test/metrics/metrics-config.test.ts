import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { partsOf, periodOf } from '../../src/metrics/metrics-config.ts';
import { metricsLayers } from '../../src/metrics/metrics-file.ts';

const GRAPHITE = 'org.apache.spark.metrics.sink.GraphiteSink';

function sinkOf(instance: 'driver' | 'executor' | 'master', name: string, ...layers: Record<string, string>[]) {
  return partsOf(instance, layers).sinks.find((sink) => sink.name === name);
}

describe('lines about metrics', () => {
  test('give each instance its two pages when nothing is said', () => {
    const paths = (instance: 'driver' | 'master' | 'applications' | 'worker') =>
      partsOf(instance, []).sinks.map(({ className, options }) => [className.replace(/.*\./, ''), options['path']]);
    assert.deepEqual(paths('driver'), [
      ['MetricsServlet', '/metrics/json'],
      ['PrometheusServlet', '/metrics/prometheus'],
    ]);
    assert.deepEqual(paths('worker'), paths('driver'));
    assert.deepEqual(paths('master'), [
      ['MetricsServlet', '/metrics/master/json'],
      ['PrometheusServlet', '/metrics/master/prometheus'],
    ]);
    assert.deepEqual(paths('applications'), [
      ['MetricsServlet', '/metrics/applications/json'],
      ['PrometheusServlet', '/metrics/applications/prometheus'],
    ]);
  });

  test('of an instance win over those of all, option by option', () => {
    const lines = {
      '*.sink.g.class': GRAPHITE,
      '*.sink.g.host': 'all',
      '*.sink.g.port': '1',
      'driver.sink.g.host': 'own',
      'driver.sink.g.prefix': 'd',
    };
    assert.deepEqual(sinkOf('driver', 'g', lines), {
      name: 'g',
      className: GRAPHITE,
      options: { host: 'own', port: '1', prefix: 'd' },
    });
    assert.deepEqual(sinkOf('executor', 'g', lines)?.options, { host: 'all', port: '1' });
  });

  test('that are keys win over those of the file, but not one of all over one of an instance', () => {
    const file = { '*.sink.g.class': GRAPHITE, '*.sink.g.host': 'file', 'driver.sink.g.port': '1' };
    const keys = { '*.sink.g.host': 'key', '*.sink.g.port': '2' };
    assert.deepEqual(sinkOf('driver', 'g', file, keys)?.options, { host: 'key', port: '1' });
    assert.deepEqual(sinkOf('executor', 'g', file, keys)?.options, { host: 'key', port: '2' });
  });

  test('may name a sink with dots in its name', () => {
    const sink = sinkOf('driver', 'a.b', { 'driver.sink.a.b.class': 'ConsoleSink', 'driver.sink.a.b.period': '5' });
    assert.deepEqual(sink, { name: 'a.b', className: 'ConsoleSink', options: { period: '5' } });
  });

  test('name sources, too', () => {
    const className = 'org.apache.spark.metrics.source.JvmSource';
    const { sources } = partsOf('worker', [{ '*.source.jvm.class': className, 'driver.source.own.class': './x.js' }]);
    assert.deepEqual(sources, [{ name: 'jvm', className, options: {} }]);
  });

  test('that say nothing are named in warnings', () => {
    const { warnings } = partsOf('driver', [
      {
        'drivers.sink.g.host': 'x',
        'driver.snik.g.host': 'x',
        'driver.sink.h.host': 'x',
        'applicationMaster.sink.g.host': 'x',
        nothing: 'x',
      },
    ]);
    assert.equal(warnings.length, 4);
    assert.match(
      warnings[0] ?? '',
      /^metrics line drivers\.sink\.g\.host is passed over: lines begin with \*, master, /,
    );
    assert.match(warnings[1] ?? '', /^metrics line nothing is passed over/);
    assert.match(warnings[2] ?? '', /^metrics line driver\.snik\.g\.host is passed over: lines are \[instance\]/);
    assert.equal(warnings[3], 'metrics sink driver.h has options but no class: give driver.sink.h.class');
  });
});

describe('the period of a sink', () => {
  const of = (options: Record<string, string>) => periodOf('driver.sink.g', options);

  test('is 10 seconds, or what is said, in any unit and any case', () => {
    assert.equal(of({}), 10_000);
    assert.equal(of({ period: '3' }), 3000);
    assert.equal(of({ unit: 'minutes' }), 600_000);
    assert.equal(of({ period: '1500', unit: 'Milliseconds' }), 1500);
    assert.equal(of({ period: '1000', unit: 'days' }), 0x7fff_ffff);
  });

  test('is one second at least', () => {
    assert.throws(() => of({ period: '999', unit: 'milliseconds' }), {
      message:
        'Polling period 999 MILLISECONDS below than minimal polling period of driver.sink.g: give 1 second or more',
    });
    assert.throws(() => of({ period: '0' }), /Polling period 0 SECONDS below than minimal polling period/);
  });

  test('is a whole number of a unit', () => {
    for (const period of ['x', '1.5', '-1', ''])
      assert.throws(() => of({ period }), /^.*driver\.sink\.g\.period is .*, but must be a whole number, such as 10$/);
    assert.throws(() => of({ unit: 'fortnights' }), /driver\.sink\.g\.unit is fortnights, but must be a unit of time/);
    assert.throws(() => of({ unit: 'constructor' }), /must be a unit of time/);
  });
});

describe('the file of metrics', () => {
  test('is a properties file, over which keys of the settings are laid', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'iskra-metrics-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'metrics.properties');
    writeFileSync(
      path,
      '# sinks\n*.sink.csv.class = org.apache.spark.metrics.sink.CsvSink\n*.sink.csv.directory: /var/\\\n  metrics\n',
    );
    const conf = new SparkConf({ 'spark.metrics.conf': path, 'spark.metrics.conf.*.sink.csv.period': '5' });
    assert.deepEqual(await metricsLayers(conf), [
      { '*.sink.csv.class': 'org.apache.spark.metrics.sink.CsvSink', '*.sink.csv.directory': '/var/metrics' },
      { '*.sink.csv.period': '5' },
    ]);
    assert.deepEqual(conf.unknownKeys(), []);
  });

  test('that is not there is an error that names it', async () => {
    const conf = new SparkConf({ 'spark.metrics.conf': '/nowhere/m.properties' });
    await assert.rejects(metricsLayers(conf), {
      code: 'METRICS_FILE',
      message: /^Error loading configuration file \/nowhere\/m\.properties, which spark\.metrics\.conf names: ENOENT/,
    });
  });
});

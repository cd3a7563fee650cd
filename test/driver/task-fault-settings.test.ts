import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { schedulerSettings } from '../../src/driver/scheduler-settings.ts';
import { exclusionSettings, speculationSettings } from '../../src/driver/task-fault-settings.ts';
import { DEFAULT_EXCLUSION, DEFAULT_SPECULATION } from '../../src/scheduler/settings.ts';

const conf = (values: Record<string, string>): SparkConf => new SparkConf({ master: 'spark://h:7077', ...values });

test('speculation is off unless asked for, and never on in local masters', () => {
  assert.equal(speculationSettings(conf({})), null);
  assert.equal(speculationSettings(conf({ master: 'local[4]', 'spark.speculation': 'true' })), null);
  assert.deepEqual(speculationSettings(conf({ 'spark.speculation': 'true' })), DEFAULT_SPECULATION);
  const cores = { 'spark.speculation': 'true', 'spark.executor.cores': '8', 'spark.task.cpus': '3' };
  assert.equal(speculationSettings(conf(cores))?.slotsPerExecutor, 2);
  const interval = { 'spark.speculation': 'true', 'spark.executor.decommission.killInterval': '120' };
  assert.equal(speculationSettings(conf(interval))?.decommissionKillIntervalMs, 120_000);
});

test('exclusion is off unless asked for; each scope may be switched by itself', () => {
  const scopes = (values: Record<string, string>): string => {
    const settings = exclusionSettings(conf(values), silentLogger);
    return settings === null ? 'off' : `${settings.application} ${settings.taskAndStage}`;
  };
  const all = 'spark.excludeOnFailure.enabled';
  const app = 'spark.excludeOnFailure.application.enabled';
  const stage = 'spark.excludeOnFailure.taskAndStage.enabled';
  assert.equal(scopes({}), 'off');
  assert.equal(scopes({ [all]: 'true' }), 'true true');
  assert.equal(scopes({ [all]: 'true', [app]: 'false' }), 'false true');
  assert.equal(scopes({ [stage]: 'true' }), 'false true');
  assert.equal(scopes({ [app]: 'true' }), 'true false');
  assert.equal(scopes({ [all]: 'false', [app]: 'true' }), 'true false');
  assert.equal(scopes({ 'spark.blacklist.enabled': 'true' }), 'true true');
  assert.equal(scopes({ 'spark.scheduler.executorTaskBlacklistTime': '5s' }), 'true true');
  assert.equal(scopes({ 'spark.scheduler.executorTaskBlacklistTime': '0' }), 'off');
  assert.deepEqual(exclusionSettings(conf({ [all]: 'true' }), silentLogger), DEFAULT_EXCLUSION);
  const timeout = { [all]: 'true', 'spark.blacklist.timeout': '2min' };
  assert.equal(exclusionSettings(conf(timeout), silentLogger)?.timeoutMs, 120_000);
});

test('a setting with which one bad node could end a job is refused', () => {
  const values = { 'spark.excludeOnFailure.enabled': 'true', 'spark.task.maxFailures': '2' };
  assert.throws(
    () => exclusionSettings(conf(values), silentLogger),
    /^IllegalArgumentError: spark\.excludeOnFailure\.task\.maxTaskAttemptsPerNode \( = 2\) was >= spark\.task\.maxFailures \( = 2 \)\. Though/,
  );
});

test('custom resources that no executor can have are refused', () => {
  const values = (more: Record<string, string>): SparkConf => conf({ 'spark.task.resource.gpu.amount': '1', ...more });
  assert.throws(
    () => schedulerSettings(values({}), 4, silentLogger, false),
    /^IllegalArgumentError: The executor resource config for resource: gpu needs to be specified since a task requirement config: spark\.task\.resource\.gpu\.amount was specified\.$/,
  );
  assert.throws(
    () => schedulerSettings(values({ 'spark.executor.resource.gpu.amount': '1' }), 4, silentLogger, true),
    /executors of this master have none; remove the setting$/,
  );
  const executors = { 'spark.executor.resource.gpu.amount': '1' };
  assert.deepEqual(schedulerSettings(values(executors), 4, silentLogger, false).taskResources, { gpu: 1 });
  assert.throws(
    () => schedulerSettings(values({ ...executors, 'spark.task.resource.gpu.amount': '2' }), 4, silentLogger, false),
    /^IllegalArgumentError: The executor resource: gpu, amount: 1 needs to be >= the task resource request amount of 2$/,
  );
  assert.throws(
    () => schedulerSettings(values({ 'spark.task.resource.gpu.amount': '1.5' }), 4, silentLogger, false),
    /^IllegalArgumentError: The gpu resource amount 1\.5 in spark\.task\.resource\.gpu\.amount must be either <= 1\.0, or a whole number$/,
  );
});

test('one machine has no place for second copies of tasks', () => {
  const wanted = conf({ 'spark.speculation': 'true' });
  assert.equal(schedulerSettings(wanted, 1, silentLogger, true).speculation, null);
  assert.notEqual(schedulerSettings(wanted, 1, silentLogger, false).speculation, null);
});

// `iskra submit` for drivers in a cluster: submitting, ending and looking at them.
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Environment } from '../../config/conf-file.ts';
import { AUTHENTICATE_SECRET, NETWORK_TIMEOUT } from '../../config/network-entries.ts';
import { MASTER_REST_ENABLED } from '../../config/rest-entries.ts';
import { SparkConf } from '../../config/spark-conf.ts';
import { STANDALONE_SUBMIT_WAIT_APP_COMPLETION } from '../../config/submit-entries.ts';
import { resolveSecurity } from '../../rpc/security.ts';
import { describeDriver, submitterEnvironment } from '../rest/driver-description.ts';
import { RestConnectionError, restGateway } from '../rest/rest-client.ts';
import type { PreparedApplication } from './app-loader.ts';
import { followDriver } from './follow-driver.ts';
import { rpcGateway } from './rpc-gateway.ts';
import type { SubmissionGateway } from './submission-gateway.ts';
import type { ClusterCommand } from './submit.ts';

export interface ClusterHost {
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Logger;
  /** A line for whoever called. */
  print(line: string): void;
}

/**
 * Has a standalone cluster do what was asked.
 *
 * @returns the exit code: 0 when it was done; 1 when the cluster refused, or the driver is known to have failed.
 * @throws IskraError when no master can be asked; errors of packing.
 *
 * Spark: ClientApp, RestSubmissionClientApp
 */
export async function runClusterCommand(command: ClusterCommand, host: ClusterHost): Promise<number> {
  const conf = new SparkConf(command.values);
  if (conf.get(MASTER_REST_ENABLED)) {
    const gateway = restGateway(command.masters, host.log);
    try {
      return await runOver(gateway, command, conf, host);
    } catch (error) {
      if (!(error instanceof RestConnectionError)) throw error;
      host.log.warn(
        `Master endpoint ${command.values['spark.master']} was not a REST server. Falling back to legacy submission gateway instead. (${error.message})`,
      );
    }
  }
  const gateway = await rpcGateway({
    conf,
    masters: command.masters,
    security: resolveSecurity(conf, { role: 'driver', environment: host.env }),
    log: host.log,
  });
  try {
    return await runOver(gateway, command, conf, host);
  } finally {
    await gateway.close();
  }
}

async function runOver(
  gateway: SubmissionGateway,
  command: ClusterCommand,
  conf: SparkConf,
  host: ClusterHost,
): Promise<number> {
  switch (command.kind) {
    case 'submit':
      return submit(gateway, command, conf, host);
    case 'kill': {
      const { success, message } = await gateway.kill(command.driverId);
      host.print(message);
      return success ? 0 : 1;
    }
    case 'status':
      return tellStatus(gateway, command.driverId, host);
  }
}

async function submit(
  gateway: SubmissionGateway,
  command: Extract<ClusterCommand, { kind: 'submit' }>,
  conf: SparkConf,
  host: ClusterHost,
): Promise<number> {
  const { application, name, args, values } = command;
  const { [AUTHENTICATE_SECRET.key]: _, ...properties } = values;
  const request = {
    appResource: application === null ? name : await resourceOf(application, gateway),
    mainClass: basename(application?.path ?? name),
    args,
    properties,
    environment: submitterEnvironment(host.env),
  };
  const { cores, memory } = describeDriver(request);
  const { success, driverId, message } = await gateway.submit(request);
  host.print(message);
  if (!success || driverId === null) return 1;
  return followDriver({
    driverId,
    status: (id) => gateway.status(id),
    wait: conf.get(STANDALONE_SUBMIT_WAIT_APP_COMPLETION),
    needs: `${cores} core${cores === 1 ? '' : 's'} and ${memory} MiB`,
    lostAfterMs: conf.get(NETWORK_TIMEOUT),
    clock: host.clock,
    print: (line) => host.print(line),
    warn: (line) => host.log.warn(line),
  });
}

async function resourceOf(application: PreparedApplication, gateway: SubmissionGateway): Promise<string> {
  return (await gateway.pack?.(application)) ?? pathToFileURL(application.path).href;
}

async function tellStatus(gateway: SubmissionGateway, driverId: string, { print }: ClusterHost): Promise<number> {
  const { found, state, workerId, workerHostPort, exception } = await gateway.status(driverId);
  if (!found || state === null) {
    print(exception ?? `ERROR: Cluster master did not recognize ${driverId}`);
    return 1;
  }
  print(`State of ${driverId} is ${state}`);
  if (workerId !== null)
    print(`${state === 'RUNNING' ? 'Driver running' : 'It was'} on ${workerHostPort} (${workerId})`);
  if (exception !== null) print(`Exception from cluster was: ${exception}`);
  return 0;
}

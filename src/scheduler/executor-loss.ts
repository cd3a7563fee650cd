import type { ExecutorLoss } from './ports.ts';

/** The process ended and somebody knows how. `causedByApp` false: preempted, out of the cluster's own memory, … Spark: ExecutorExited */
export function executorExited(exitCode: number, causedByApp: boolean, message: string): ExecutorLoss {
  const text = message === '' ? `Command exited with code ${exitCode}` : message;
  return { message: text, exitCausedByApp: causedByApp, workerLost: false };
}

/** The driver wished it: idle, or excluded. Spark: ExecutorKilled */
export const EXECUTOR_KILLED: ExecutorLoss = {
  message: 'Executor killed by driver.',
  exitCausedByApp: false,
  workerLost: false,
};

/**
 * The executor does not answer any more, and nobody knows why; so a running task may be the cause.
 *
 * @param workerLost its machine is gone too, with what a shuffle service there served.
 *
 * Spark: ExecutorProcessLost
 */
export function executorProcessLost(
  message = 'Executor Process Lost',
  workerLost = false,
  causedByApp = true,
): ExecutorLoss {
  return { message, exitCausedByApp: causedByApp, workerLost };
}

/** An executor that was told to drain is gone. `workerLost`: its whole machine was drained. Spark: ExecutorDecommission */
export function executorDecommissioned(reason: string, workerLost = false): ExecutorLoss {
  return {
    message: `Executor decommission: ${reason}`,
    exitCausedByApp: false,
    workerLost,
    decommissioned: true,
  };
}

/** Spark: ExecutorExitCode, SparkExitCode; `terminated` is 128 and the signal's number. */
export const EXIT = {
  ok: 0,
  failed: 1,
  uncaughtException: 50,
  heartbeatFailure: 56,
  terminated: 143,
  workerLost: 255,
} as const;

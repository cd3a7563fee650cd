/** What an election tells a master. */
export interface LeadershipListener {
  /** It leads: nobody else does until `revoked`, or until this process has ended. */
  elected(): void;
  /** It leads no more. There is no way back: a master that lost its leadership ends. */
  revoked(): void;
}

/** Finds out which of several masters leads. Spark: LeaderElectionAgent */
export interface LeaderElection {
  /** Called once. The listener is not called before `start` has returned. */
  start(listener: LeadershipListener): void;
  /**
   * Whether it leads at this very moment, and nobody else can. A process that was stopped for a while is asked this before its
   * timers could tell it anything.
   */
  leads(): boolean;
  /** Gives the leadership up, so that another one has it at once; the listener is not called any more. Twice is fine. */
  stop(): void | Promise<void>;
}

/** For a master that is alone: it leads as soon as it has started. Spark: MonarchyLeaderAgent */
export function monarchy(): LeaderElection {
  let stopped = false;
  return {
    start: (listener) =>
      queueMicrotask(() => {
        if (!stopped) listener.elected();
      }),
    leads: () => !stopped,
    stop: () => {
      stopped = true;
    },
  };
}

import type { LeaderElection } from './leader-election.ts';
import type { PersistenceEngine } from './persistence-engine.ts';

/** What makes a cluster survive its master. Spark: StandaloneRecoveryModeFactory */
export interface Recovery {
  readonly persistence: PersistenceEngine;
  readonly election: LeaderElection;
}

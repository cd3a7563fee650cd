import { type Clock, steadyClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { ZooKeeperEngine } from '../../src/deploy/recovery/zookeeper-engine.ts';
import { ZooKeeperLeaderElectionLoop } from '../../src/deploy/recovery/zookeeper-leader-election-loop.ts';
import type { SessionListener, ZooKeeperSession } from '../../src/zookeeper/zookeeper-session.ts';

export const DIRECTORY = '/spark';

/** What a master has of ZooKeeper, without a master. */
export interface Candidate {
  readonly election: ZooKeeperLeaderElectionLoop;
  readonly engine: ZooKeeperEngine;
  /** What the election said. */
  readonly said: ('elected' | 'revoked')[];
  readonly elected: Promise<void>;
  readonly revoked: Promise<void>;
}

/** One that takes part from now on. */
export function candidate(
  connect: (listener: SessionListener) => Promise<ZooKeeperSession>,
  options: { readonly clock?: Clock; readonly log?: Logger; readonly name?: string } = {},
): Candidate {
  const { clock = steadyClock, log = silentLogger, name = 'test' } = options;
  const election = new ZooKeeperLeaderElectionLoop({
    connect,
    directory: `${DIRECTORY}/leader_election`,
    name,
    clock,
    log,
  });
  const said: Candidate['said'] = [];
  let tellElected: () => void = () => {};
  let tellRevoked: () => void = () => {};
  const elected = new Promise<void>((resolve) => {
    tellElected = resolve;
  });
  const revoked = new Promise<void>((resolve) => {
    tellRevoked = resolve;
  });
  election.start({
    elected() {
      said.push('elected');
      tellElected();
    },
    revoked() {
      said.push('revoked');
      tellRevoked();
    },
  });
  return {
    election,
    engine: new ZooKeeperEngine(`${DIRECTORY}/master_status`, election, log),
    said,
    elected,
    revoked,
  };
}

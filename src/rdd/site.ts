import type { JobRunner } from './job-runner.ts';
import type { RDDNode } from './rdd-node.ts';

/** One call of an operator or action by the user: on what, and where. */
export interface Site {
  readonly jobs: JobRunner;
  readonly node: RDDNode;
  /** `reduceByKey` */
  readonly operator: string;
  /** `reduceByKey at app.ts:12`; every node and job that comes of the call shows it. */
  readonly callSite: string;
}

/** The same call, on a node it made itself. */
export function onto(at: Site, node: RDDNode): Site {
  return { ...at, node };
}

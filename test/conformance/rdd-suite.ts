import { after, before, describe, test } from 'node:test';
import { actionBehaviours } from './action-behaviours.ts';
import { approximateBehaviours } from './approximate-behaviours.ts';
import { asyncBehaviours } from './async-behaviours.ts';
import type { ContextLike } from './behaviour.ts';
import { checkpointBehaviours } from './checkpoint-behaviours.ts';
import { engineBehaviours } from './engine-behaviours.ts';
import { fileBehaviours } from './file-behaviours.ts';
import { fileFormatBehaviours } from './file-format-behaviours.ts';
import { jobBehaviours, taskContextBehaviours } from './job-behaviours.ts';
import { joinBehaviours } from './join-behaviours.ts';
import { keySamplingBehaviours } from './key-sampling-behaviours.ts';
import { narrowBehaviours } from './narrow-behaviours.ts';
import { numberBehaviours } from './number-behaviours.ts';
import { pairBehaviours } from './pair-behaviours.ts';
import { persistBehaviours } from './persist-behaviours.ts';
import { pipeBehaviours, pipeEngineBehaviours } from './pipe-behaviours.ts';
import { placedPairBehaviours } from './placed-pair-behaviours.ts';
import { rangeBehaviours } from './range-behaviours.ts';
import { samplingBehaviours } from './sampling-behaviours.ts';
import { setBehaviours } from './set-behaviours.ts';
import { sortBehaviours } from './sort-behaviours.ts';
import { sourceBehaviours } from './source-behaviours.ts';
import { zipBehaviours } from './zip-behaviours.ts';

const topics = {
  sources: sourceBehaviours,
  'narrow operators': narrowBehaviours,
  'operators by key': pairBehaviours,
  'where pairs are': placedPairBehaviours,
  'sampling by key': keySamplingBehaviours,
  joins: joinBehaviours,
  sorting: sortBehaviours,
  sampling: samplingBehaviours,
  'whole records as keys, and trees': setBehaviours,
  'partitions side by side': zipBehaviours,
  'ranges of keys': rangeBehaviours,
  actions: actionBehaviours,
  'statistics and histograms': numberBehaviours,
  'approximate actions': approximateBehaviours,
  jobs: jobBehaviours,
  files: fileBehaviours,
  'formats of files': fileFormatBehaviours,
  'async operators': asyncBehaviours,
  pipes: pipeBehaviours,
  persistence: persistBehaviours,
  checkpoints: checkpointBehaviours,
};

export interface ConformanceOptions {
  /** False: leaves out what only a real engine does. */
  readonly realEngine?: boolean;
}

/** Proves that a context computes what Spark's API promises; compares with plain array code. */
export function rddConformance(
  name: string,
  makeContext: () => Promise<ContextLike>,
  options: ConformanceOptions = {},
): void {
  describe(name, () => {
    let sc: ContextLike;
    before(async () => {
      sc = await makeContext();
    });
    after(() => sc.stop());
    const all =
      options.realEngine === false
        ? topics
        : {
            ...topics,
            'the engine': engineBehaviours,
            'processes of tasks': pipeEngineBehaviours,
            tasks: taskContextBehaviours,
          };
    for (const [topic, behaviours] of Object.entries(all)) {
      describe(topic, () => {
        for (const [title, prove] of behaviours) test(title, () => prove(sc));
      });
    }
  });
}

export type { ContextLike };

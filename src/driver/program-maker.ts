import type { Broadcast, BroadcastRegistry } from '../broadcast/broadcast.ts';
import { captureAll } from '../closure/closure.ts';
import type { StageProgram } from '../protocol/stage-program.ts';
import type { ShuffleDependency } from '../rdd/dependency.ts';
import type { SinkSpec } from '../rdd/sink-spec.ts';
import { buildStageProgram } from '../rdd/stage-program-builder.ts';
import type { StagePrograms } from '../scheduler/ports.ts';
import type { StageWork } from '../scheduler/task-set.ts';

export interface ProgramMakerOptions {
  readonly broadcasts: BroadcastRegistry;
  /** A shuffle has a stage now. */
  readonly trackShuffle: (dependency: ShuffleDependency) => void;
  /** Of what functions capture. */
  readonly onWarning: (text: string) => void;
}

/** Makes of a stage what its tasks run: with its functions, and all that they capture. */
export class ProgramMaker implements Pick<StagePrograms, 'makeProgram'> {
  readonly #options: ProgramMakerOptions;
  /** Broadcast variables that a program reads, while the scheduler has it: the user's own variables may have changed. */
  readonly #neededBy = new WeakMap<StageProgram, readonly Broadcast<unknown>[]>();

  constructor(options: ProgramMakerOptions) {
    this.#options = options;
  }

  makeProgram(work: StageWork, key: string): StageProgram {
    const { broadcasts, trackShuffle, onWarning } = this.#options;
    if (work.kind === 'ShuffleMap') trackShuffle(work.dependency);
    const { result, captured } = broadcasts.collect(() =>
      buildStageProgram({
        key,
        node: work.node,
        sink: work.kind === 'Result' ? (work.sink as SinkSpec) : work.dependency, // sinks are SinkSpecs: rdd/actions.ts
        capture: (roots, whats) => captureAll(roots, { onWarning, whats }),
      }),
    );
    if (captured.length > 0) this.#neededBy.set(result, captured);
    return result;
  }
}

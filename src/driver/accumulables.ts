import type { AccumulatorRegistry } from '../accumulator/accumulator.ts';
import type { StageId } from '../protocol/ids.ts';
import type { AccumulableInfo, SparkListenerEvent } from '../protocol/spark-listener-event.ts';

/**
 * Tells listeners what named accumulators are worth: of a running task what it has added so far, at its end what it added and
 * what that makes, at the end of a stage what all its tasks made.
 *
 * Spark: DAGScheduler.updateAccumulators
 */
export class Accumulables {
  readonly #registry: AccumulatorRegistry;
  readonly #ofStages = new Map<StageId, Map<number, AccumulableInfo>>();

  constructor(registry: AccumulatorRegistry) {
    this.#registry = registry;
  }

  /** The event with values in it, or the same one when it has none to show. */
  complete(event: SparkListenerEvent): SparkListenerEvent {
    switch (event.type) {
      case 'SparkListenerTaskEnd': {
        if (event.accumulables.length === 0) return event;
        const accumulables = this.#described(event.accumulables);
        const ofStage = this.#ofStages.get(event.stageId) ?? new Map<number, AccumulableInfo>();
        this.#ofStages.set(event.stageId, ofStage);
        for (const info of accumulables) ofStage.set(info.id, { ...info, update: undefined });
        return { ...event, accumulables };
      }
      case 'SparkListenerStageCompleted': {
        const ofStage = this.#ofStages.get(event.stage.stageId);
        if (ofStage === undefined) return event;
        this.#ofStages.delete(event.stage.stageId);
        return { ...event, accumulables: [...ofStage.values()] };
      }
      case 'SparkListenerExecutorMetricsUpdate': {
        if (event.tasks.every((task) => task.accumulables.length === 0)) return event;
        const tasks = event.tasks.map((task) => ({
          ...task,
          accumulables: this.#described(task.accumulables).map((info) => ({ ...info, value: undefined })),
        }));
        return { ...event, tasks };
      }
      default:
        return event;
    }
  }

  #described(infos: readonly AccumulableInfo[]): AccumulableInfo[] {
    return infos.map(({ id, name, update }) => {
      const { partial, value } = this.#registry.describe(id, update);
      return { id, name, update: partial, value };
    });
  }
}

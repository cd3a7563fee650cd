import { accumulatorCodec } from '../accumulator/accumulator.ts';
import { IskraError } from '../base/errors.ts';
import { broadcastCodec } from '../broadcast/broadcast.ts';
import { loadClosuresSync, registerCodec } from '../closure/closure.ts';
import type { ExecutorLink } from './executor-link.ts';

/**
 * Teaches a slot's closures what a broadcast variable and an accumulator are.
 *
 * @returns drops this slot's copy of a broadcast value.
 */
export function installTaskCodecs(link: ExecutorLink): (broadcastId: number) => void {
  registerCodec(accumulatorCodec);
  const broadcasts = broadcastCodec((id) => {
    const bytes = link.ask('GetBroadcast', { broadcastId: id });
    if (bytes === null)
      throw new IskraError(
        'BROADCAST_LOST',
        `Broadcast(${id}) is gone: it was destroyed on the driver while a task needed it`,
      );
    return loadClosuresSync(bytes).make()[0];
  });
  registerCodec(broadcasts);
  return (id) => broadcasts.forget(id);
}

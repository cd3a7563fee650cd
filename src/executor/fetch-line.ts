import type { FetchLine } from '../shuffle/remote-block-source.ts';
import type { ExecutorLink } from './executor-link.ts';

/** A slot's way to blocks of other executors: its executor's main thread fetches them. */
export function fetchLine(link: ExecutorLink): FetchLine {
  return {
    start: (blocks) => link.ask('StartFetch', { blocks }).fetchId,
    next: (fetchId) => link.ask('NextParts', { fetchId }),
    again: (block, offset, length) => link.ask('FetchAgain', { block, offset, length }),
    stop: (fetchId) => {
      link.ask('StopFetch', { fetchId });
    },
  };
}

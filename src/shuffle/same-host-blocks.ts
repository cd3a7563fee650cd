import type { Logger } from '../base/logger.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import { LocalDirs } from '../storage/local-dirs.ts';
import { type BlockSource, LocalBlockSource, type SegmentRequest, type SegmentStream } from './block-source.ts';
import type { FileOps } from './file-ops.ts';

/** Where executors of this host keep their files; those that nobody knows are left out. Blocks until it is there. */
export type FindLocalDirs = (executorIds: readonly ExecutorId[]) => Readonly<Record<ExecutorId, readonly string[]>>;

/**
 * Shuffle blocks of other executors on the same host, read from their files where a shuffle service knows them: nobody has to
 * send them. Spark: HostLocalDirManager
 */
export class SameHostBlockSource implements BlockSource {
  readonly host: string;
  readonly #find: FindLocalDirs;
  readonly #files: FileOps;
  readonly #log: Logger;
  readonly #known = new Map<ExecutorId, LocalBlockSource>();

  constructor(host: string, find: FindLocalDirs, files: FileOps, log: Logger) {
    this.host = host;
    this.#find = find;
    this.#files = files;
    this.#log = log;
  }

  open(requests: readonly SegmentRequest[]): SegmentStream {
    const owners = new Set(requests.map(({ status }) => status.location.executorId));
    const unknown = [...owners].filter((id) => !this.#known.has(id));
    if (unknown.length > 0)
      for (const [id, dirs] of Object.entries(this.#find(unknown))) {
        const data = { dirs, failed: new SharedArrayBuffer(dirs.length) };
        this.#known.set(id, new LocalBlockSource(LocalDirs.fromData(data, this.#log), this.#files));
      }
    let at = 0;
    return {
      next: () => {
        const request = requests[at++] as SegmentRequest; // the caller asks once for each
        const { executorId } = request.status.location;
        const source = this.#known.get(executorId);
        if (source === undefined)
          throw new Error(`the shuffle service of this host does not know executor ${executorId}`);
        return source.open([request]).next();
      },
      close: () => {},
    };
  }
}

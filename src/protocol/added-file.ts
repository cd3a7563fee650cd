import type { FileProbe } from './app-package.ts';

/** A file or archive of `addFile` and `addArchive`, as tasks are told of it. */
export interface AddedFile {
  readonly kind: 'file' | 'archive';
  /** What `SparkFiles.get` finds it by; an archive's directory. */
  readonly name: string;
  /** Where executors get it: a path that they see, or an http(s) URL. */
  readonly source: string;
  /** Epoch ms; an executor that has the name with an older one fetches it again. */
  readonly timestamp: number;
  /** The source on the driver, by which executors find out whether they see it; absent for URLs and directories. */
  readonly probe?: FileProbe;
}

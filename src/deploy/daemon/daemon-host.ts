import type { DaemonMachine } from './daemon-arguments.ts';

/** What the commands need from the process they run in. */
export interface DaemonHost extends Omit<DaemonMachine, 'address'> {
  /** The file of the command `iskra`. */
  readonly program: string;
  /** What runs it. */
  readonly nodePath: string;
  /** Programs that a worker may launch: main class → the file that `node` runs. */
  readonly programs: Readonly<Record<string, string>>;
  /** Where pid files lie unless somebody says otherwise. */
  readonly temporary: string;
  /** A line of standard output. */
  print(line: string): void;
  pause(ms: number): Promise<void>;
}

import { IllegalArgumentError } from '../base/errors.ts';
import type { PipePlan } from '../protocol/stage-program.ts';
import type { AnyFunction } from './dependency.ts';
import type { RDDNode } from './rdd-node.ts';
import type { Site } from './site.ts';
import { narrow } from './transformations.ts';
import { checkUserFunction, describe, functionPassedTo } from './user-function.ts';

/** Writes one line to the process. */
export type PrintLine = (line: string) => void;

/** How `pipe` runs its command. */
export interface PipeOptions<in T> {
  /** Variables beside those of the executor. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called once a partition, before its first record. */
  readonly printPipeContext?: (print: PrintLine) => void;
  /** Called for each record instead of printing the record itself; prints as many lines as it likes. */
  readonly printRDDElement?: (record: T, print: PrintLine) => void;
  /** True: each process has a working directory of its own, with links to what lies in the executor's; it is removed at the end. */
  readonly separateWorkingDir?: boolean;
  /** Characters that are collected before they are written to the process; 8192 unless told. */
  readonly bufferSize?: number;
  /** Of what the process reads and writes; UTF-8 unless told. */
  readonly encoding?: string;
}

const DEFAULT_BUFFER_SIZE = 8192;

/** Names of Java's and JavaScript's for what Node can both read and write. */
const ENCODINGS: Readonly<Record<string, PipePlan['encoding']>> = {
  utf8: 'utf8',
  utf16le: 'utf16le',
  iso88591: 'latin1',
  latin1: 'latin1',
  usascii: 'latin1',
  ascii: 'latin1',
};

/** Spark: RDD.pipe */
export function pipe(at: Site, command: unknown, options: PipeOptions<never> = {}): RDDNode {
  const words = commandWords(command);
  const { env = {}, printPipeContext, printRDDElement, separateWorkingDir = false } = options;
  const { bufferSize = DEFAULT_BUFFER_SIZE, encoding = 'UTF-8' } = options;
  const refuse = (name: string, needs: string, value: unknown): never => {
    throw new IllegalArgumentError(`${name} of pipe() must be ${needs}, but is ${describe(value)}`);
  };
  if (typeof env !== 'object' || env === null) refuse('env', 'an object', env);
  for (const [name, value] of Object.entries(env)) if (typeof value !== 'string') refuse(`env.${name}`, 'text', value);
  if (typeof separateWorkingDir !== 'boolean') refuse('separateWorkingDir', 'true or false', separateWorkingDir);
  if (!Number.isInteger(bufferSize) || bufferSize < 1) refuse('bufferSize', 'an integer of at least 1', bufferSize);
  const known = ENCODINGS[String(encoding).toLowerCase().replace(/[-_]/g, '')];
  if (known === undefined) return refuse('encoding', 'UTF-8, UTF-16LE, ISO-8859-1 or US-ASCII', encoding);
  if (printPipeContext !== undefined) checkUserFunction(printPipeContext, 'pipe', 'printPipeContext function');
  if (printRDDElement !== undefined) checkUserFunction(printRDDElement, 'pipe', 'printRDDElement function');
  return narrow(at, false, (parent, builder) => {
    const ref = (f: AnyFunction | undefined, name: string): number | null =>
      f === undefined ? null : builder.ref(f, functionPassedTo('pipe', `${name} function`));
    const plan: PipePlan = {
      command: words,
      env: { ...env },
      printContext: ref(printPipeContext, 'printPipeContext'),
      printElement: ref(printRDDElement, 'printRDDElement'),
      separateWorkingDir,
      bufferSize,
      encoding: known,
    };
    return { kind: 'Pipe', parent, pipe: plan };
  });
}

/** Text is split at blanks, without quotes: whoever needs them gives a list, or calls a shell. Spark: PipedRDD.tokenize */
function commandWords(command: unknown): readonly string[] {
  const words = typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : command;
  if (!Array.isArray(words) || words.length === 0 || !words.every((word) => typeof word === 'string'))
    throw new IllegalArgumentError(
      `pipe() needs a command, as text or as a list of its words, but was given ${describe(command)}`,
    );
  return [...words];
}

// Holds docs/compatibility.md against Spark's public API and against ours: every public name of the classes in spark-api.json has a
// row; what a row calls "same" or "differs" is there, what it calls "absent" is not. Needs a build.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const api = JSON.parse(readFileSync(join(root, 'scripts/spark-api.json'), 'utf8'));
const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8');
const complaints = [];

const RDD = [
  'rdd',
  'rdd-core',
  'rdd-transformations',
  'rdd-actions',
  'async-rdd-actions',
  'rdd-file-actions',
  'pair-rdd-functions',
  'pair-rdd-actions',
  'ordered-rdd-functions',
  'double-rdd-functions',
].map((name) => `rdd/${name}`);
const CONTEXT = ['spark-context', 'context-jobs', 'context-storage'].map((name) => `driver/${name}`);
const ACCUMULATORS = ['accumulator/accumulator-base', 'accumulator/built-in-accumulators'];

/** Spark's class → the part of the page that lists its members, and the files that declare ours. */
const PLACES = {
  RDD: ['RDD', RDD],
  PairRDDFunctions: ['RDD', RDD],
  OrderedRDDFunctions: ['RDD', RDD],
  DoubleRDDFunctions: ['RDD', RDD],
  AsyncRDDActions: ['RDD', RDD],
  SequenceFileRDDFunctions: ['RDD', RDD],
  SparkContext: ['SparkContext', CONTEXT],
  RDDBarrier: ['Other classes', ['rdd/rdd-barrier']],
  TaskContext: ['Other classes', ['rdd/task-context']],
  BarrierTaskContext: ['Other classes', ['rdd/task-context', 'rdd/barrier-task-context']],
  BarrierTaskInfo: ['Other classes', ['protocol/barrier-sync']],
  Broadcast: ['Other classes', ['broadcast/broadcast']],
  AccumulatorV2: ['Other classes', ACCUMULATORS],
  LongAccumulator: ['Other classes', ACCUMULATORS],
  DoubleAccumulator: ['Other classes', ACCUMULATORS],
  CollectionAccumulator: ['Other classes', ACCUMULATORS],
  SparkStatusTracker: ['Other classes', ['driver/status-tracker']],
  SparkJobInfo: ['Other classes', ['driver/status-tracker']],
  SparkStageInfo: ['Other classes', ['driver/status-tracker']],
  SparkExecutorInfo: ['Other classes', ['driver/status-tracker']],
  FutureAction: ['Other classes', ['rdd/future-action']],
  PartialResult: ['Other classes', ['rdd/partial-result']],
  BoundedDouble: ['Other classes', ['rdd/partial-result']],
  StatCounter: ['Other classes', ['rdd/stat-counter']],
  Partitioner: ['Other classes', ['rdd/partitioner']],
  HashPartitioner: ['Other classes', ['rdd/partitioner']],
  RangePartitioner: ['Other classes', ['rdd/range-partitioner']],
  SparkFiles: ['Other classes', ['rdd/spark-files']],
  SparkConf: ['Other classes', ['config/spark-conf']],
  StorageLevel: ['Other classes', ['protocol/storage-level']],
  PortableDataStream: ['Other classes', ['io/formats/portable-data-stream']],
  ResourceProfileBuilder: ['Other classes', ['rdd/resource-profile-builder']],
  ExecutorResourceRequests: ['Other classes', ['rdd/resource-requests']],
  TaskResourceRequests: ['Other classes', ['rdd/resource-requests']],
  ResourceProfile: ['Other classes', ['protocol/resource-profile']],
  SparkListener: ['Other classes', ['protocol/spark-listener-event']],
};

const STATES = ['same', 'differs', 'absent', ''];
const namesIn = (cell) => [...cell.matchAll(/`([^`\s(<]+)[^`]*`/g)].map(([, name]) => name);

/** Part of the page → rows: whose members (null: the part's own), which, and what is said of them. */
const rows = new Map();
for (const part of page.split(/^## /m).slice(1)) {
  const title = part.slice(0, part.indexOf('\n'));
  const others = title === 'Other classes';
  const found = [];
  for (const line of part.split('\n')) {
    if (!line.startsWith('|') || /^\|[\s|-]*$/.test(line)) continue;
    const cells = line
      .slice(1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim());
    const [owners, members, state] = others ? [namesIn(cells[0]), cells[1], cells[2]] : [null, cells[0], cells[1]];
    if (STATES.includes(state)) found.push({ owners, names: namesIn(members), state });
  }
  rows.set(title, found);
}

const texts = new Map();
const declarations = (file) => {
  if (!texts.has(file)) texts.set(file, readFileSync(join(root, 'dist/src', `${file}.d.ts`), 'utf8'));
  return texts.get(file);
};
/** Methods, fields and accessors; events of listeners are named by their types. */
const declares = (file, name) =>
  (/^\w+$/.test(name) &&
    new RegExp(`^ +(?:static |readonly |abstract |async |get )*${name}\\??[(<:]`, 'm').test(declarations(file))) ||
  (name.startsWith('on') && declarations(file).includes(`'SparkListener${name.slice(2)}'`));

for (const [owner, names] of Object.entries(api.classes)) {
  const [title, files] = PLACES[owner] ?? [];
  if (title === undefined) {
    complaints.push(`spark-api.json has ${owner}, of which this check does not know where it is described`);
    continue;
  }
  const mine = rows.get(title)?.filter(({ owners }) => owners === null || owners.includes(owner)) ?? [];
  for (const name of names) {
    const states = mine.filter((row) => row.names.includes(name)).map(({ state }) => state);
    const known = `${owner}.${name} of Spark ${api.version}`;
    if (states.length === 0) complaints.push(`"${title}" does not say what became of ${known}`);
    else if (files.some((file) => declares(file, name)) === states.every((state) => state === 'absent'))
      complaints.push(`"${title}" calls ${known} ${states.join(' and ')}, and so it is not`);
  }
}

for (const complaint of complaints) console.error(`docs/compatibility.md: ${complaint}`);
console.log(complaints.length === 0 ? 'compatibility: ok' : `compatibility: ${complaints.length} complaints`);
process.exitCode = complaints.length === 0 ? 0 : 1;

// node scripts/read-spark-api.mjs JARS: writes scripts/spark-api.json anew, from the Spark whose jars lie in that directory (pyspark has
// them in pyspark/jars). What is public, Scala's reflection says: to Java, `private[spark]` is public, too. Needs a JDK.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [jars] = process.argv.slice(2);
if (jars === undefined) {
  console.error('usage: node scripts/read-spark-api.mjs JARS');
  process.exit(2);
}
const version = readdirSync(jars)
  .map((name) => /^spark-core_[\d.]+-(.+)\.jar$/.exec(name)?.[1])
  .find((found) => found !== undefined);
if (version === undefined) {
  console.error(`there is no spark-core jar in ${jars}`);
  process.exit(2);
}

/** Where they live below org.apache.spark, and how many type arguments they take. */
const CLASSES = {
  'rdd.RDD': 1,
  'rdd.PairRDDFunctions': 2,
  'rdd.OrderedRDDFunctions': '_, _, Product2[_, _]',
  'rdd.DoubleRDDFunctions': 0,
  'rdd.AsyncRDDActions': 1,
  'rdd.SequenceFileRDDFunctions': 2,
  'rdd.RDDBarrier': 1,
  SparkContext: 0,
  TaskContext: 0,
  BarrierTaskContext: 0,
  BarrierTaskInfo: 0,
  'broadcast.Broadcast': 1,
  'util.AccumulatorV2': 2,
  'util.LongAccumulator': 0,
  'util.DoubleAccumulator': 0,
  'util.CollectionAccumulator': 1,
  SparkStatusTracker: 0,
  SparkJobInfo: 0,
  SparkStageInfo: 0,
  SparkExecutorInfo: 0,
  FutureAction: 1,
  'partial.PartialResult': 1,
  'partial.BoundedDouble': 0,
  'util.StatCounter': 0,
  Partitioner: 0,
  HashPartitioner: 0,
  RangePartitioner: 2,
  SparkFiles: null,
  SparkConf: 0,
  'storage.StorageLevel': 0,
  'input.PortableDataStream': 0,
  'resource.ResourceProfileBuilder': 0,
  'resource.ExecutorResourceRequests': 0,
  'resource.TaskResourceRequests': 0,
  'resource.ResourceProfile': 0,
  'scheduler.SparkListener': 0,
};
/** With a companion object that users call. */
const OBJECTS = ['SparkContext', 'TaskContext', 'BarrierTaskContext', 'SparkFiles', 'storage.StorageLevel'];
/** Most of what they can is inherited from a trait. */
const WITH_INHERITED = ['SparkConf'];
/** What every object of Java or Scala has, and copies for Java. */
const NOBODYS =
  /^(toString|equals|hashCode|readExternal|writeExternal|\$init\$|!=|##|==|asInstanceOf|eq|getClass|isInstanceOf|ne|notify|notifyAll|synchronized|wait|LogStringContext|.*_=|.*JMap|.*AsJavaMap|.*\$.*)$/;

const show = (name, type, members) => `show("${name}", typeOf[${type}].${members})`;
const calls = Object.entries(CLASSES).flatMap(([path, args]) => {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const list = typeof args === 'string' ? args : Array.from({ length: args ?? 0 }, () => '_').join(', ');
  const full = `org.apache.spark.${path}`;
  return [
    ...(args === null
      ? []
      : [show(name, list === '' ? full : `${full}[${list}]`, WITH_INHERITED.includes(path) ? 'members' : 'decls')]),
    ...(OBJECTS.includes(path) ? [show(name, `${full}.type`, 'decls')] : []),
  ];
});
const program = `
import scala.reflect.runtime.universe._
object ReadSparkApi {
  def show(name: String, scope: Iterable[Symbol]): Unit =
    for (m <- scope if m.isMethod && m.isPublic && m.privateWithin == NoSymbol && !m.isConstructor && !m.isSynthetic)
      println(name + " " + m.name.decodedName.toString.trim)
  def main(args: Array[String]): Unit = {
    ${calls.join('\n    ')}
  }
}
`;

const directory = mkdtempSync(join(tmpdir(), 'iskra-spark-api-'));
try {
  const source = join(directory, 'ReadSparkApi.scala');
  writeFileSync(source, program);
  const java = (...args) => execFileSync('java', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  java('-cp', join(jars, '*'), 'scala.tools.nsc.Main', '-usejavacp', '-d', directory, source);
  const classes = {};
  for (const line of java('-cp', `${join(jars, '*')}:${directory}`, 'ReadSparkApi').split('\n')) {
    const [owner, name] = line.split(' ');
    if (name === undefined || NOBODYS.test(name)) continue;
    classes[owner] ??= new Set();
    classes[owner].add(name);
  }
  const sorted = Object.fromEntries(Object.entries(classes).map(([owner, names]) => [owner, [...names].sort()]));
  const file = join(import.meta.dirname, 'spark-api.json');
  const before = readFileSync(file, 'utf8');
  const now = `${JSON.stringify({ version, classes: sorted }, null, 2)}\n`;
  writeFileSync(file, now);
  console.log(now === before ? 'scripts/spark-api.json is as it was' : 'scripts/spark-api.json is written');
} finally {
  rmSync(directory, { recursive: true });
}

package bench

import org.apache.spark.{SparkConf, SparkContext}
import org.apache.spark.rdd.RDD

/** What every program here shares: arguments, the deterministic data, and the JSON lines. `bench/jobs/common.ts` is its twin. */
object Common {

  /** The arguments, `key=value` each. */
  final class Args(args: Array[String]) {
    private val values = args.map { arg =>
      val at = arg.indexOf('=')
      require(at > 0, s"'$arg' is no argument; write key=value")
      arg.substring(0, at) -> arg.substring(at + 1)
    }.toMap

    def int(key: String, default: Int): Int = values.get(key).fold(default)(_.toInt)
    def text(key: String, default: String): String = values.getOrElse(key, default)
    def text(key: String): String = values.getOrElse(key, sys.error(s"the argument $key=… is missing"))
  }

  /** Thirty-two well mixed bits of a number (the last step of MurmurHash3), as a signed integer. */
  def mix(number: Int): Int = {
    var x = number
    x = (x ^ (x >>> 16)) * 0x85ebca6b
    x = (x ^ (x >>> 13)) * 0xc2b2ae35
    x ^ (x >>> 16)
  }

  /** A key from 0 to `keys` - 1, spread evenly. */
  def bucket(number: Int, keys: Int): Int = (mix(number) >>> 1) % keys

  /** A string of ten small letters: five from each of two hashes of the number. */
  def letters(number: Int): String = {
    val chars = new Array[Char](10)
    var left = mix(number) >>> 1
    var right = mix(number ^ 0x5bd1e995) >>> 1
    var i = 0
    while (i < 5) {
      chars(i) = ('a' + left % 26).toChar
      chars(i + 5) = ('a' + right % 26).toChar
      left /= 26
      right /= 26
      i += 1
    }
    new String(chars)
  }

  /** Runs the body `rounds` times in this process and prints a line for each. The first is the cold one. */
  def measure(bench: String, n: Long, rounds: Int)(body: => String): Unit =
    for (round <- 0 until rounds) {
      val start = System.nanoTime()
      val result = body
      val ms = (System.nanoTime() - start) / 1e6
      // Locale.ROOT: a decimal comma would break the line.
      val line = """{"bench":"%s","n":%d,"round":%d,"warm":%b,"ms":%.3f,"result":%s}"""
      println(line.formatLocal(java.util.Locale.ROOT, bench, n, round, round > 0, ms, result))
    }

  def context(): SparkContext = new SparkContext(new SparkConf().setAppName("bench").setIfMissing("spark.master", "local[2]"))

  def quoted(text: String): String =
    "\"" + text.flatMap {
      case '"' => "\\\""
      case '\\' => "\\\\"
      case c if c < ' ' => f"\\u${c.toInt}%04x"
      case c => c.toString
    } + "\""

  /** Reads the sorted pairs once: are they in order within and across partitions, how many, and a checksum of keys and values. */
  def checkSorted[K](sorted: RDD[(K, Int)], hash: K => Int)(implicit order: Ordering[K]): String = {
    val parts = sorted.mapPartitions { pairs =>
      var count = 0
      var sum = 0
      var ordered = true
      var first: Option[K] = None
      var last: K = null.asInstanceOf[K]
      while (pairs.hasNext) {
        val (key, value) = pairs.next()
        if (count == 0) first = Some(key) else if (order.gt(last, key)) ordered = false
        last = key
        count += 1
        sum += mix(hash(key) ^ value)
      }
      Iterator.single((first.map(_ -> last), count, sum, ordered))
    }.collect()
    val borders = parts.flatMap(_._1)
    val ordered = parts.forall(_._4) && borders.zip(borders.drop(1)).forall { case (a, b) => order.lteq(a._2, b._1) }
    quoted(s"count ${parts.map(_._2.toLong).sum} sum ${parts.map(_._3).sum} ordered $ordered")
  }
}

package bench

import Common._

/** Adds numbers up by key, with many keys: the table of each map task holds nearly as many entries as there are records. */
object ReduceByKey {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val (n, keys, slices) = (args.int("n", 20000000), args.int("keys", 5000000), args.int("slices", 8))
    val sc = context()
    measure("reduce-by-key", n, args.int("rounds", 3)) {
      sc.range(0, n, 1, slices)
        .map(i => (bucket(i.toInt, keys), i.toInt & 15))
        .reduceByKey(_ + _, slices)
        .map { case (key, sum) => (mix(key ^ sum) & 0xffff).toLong }
        .reduce(_ + _)
        .toString
    }
    sc.stop()
  }
}

/** Joins a large set with a smaller one in which each key stands once. */
object Join {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val (n, keys, slices) = (args.int("n", 10000000), args.int("keys", 1000000), args.int("slices", 8))
    val sc = context()
    measure("join", n, args.int("rounds", 3)) {
      val large = sc.range(0, n, 1, slices).map(i => (bucket(i.toInt, keys), i.toInt))
      val small = sc.range(0, keys, 1, slices).map(i => (i.toInt, mix(i.toInt)))
      large.join(small, slices)
        .map { case (key, (left, right)) => (mix(key ^ left ^ right) & 0xffff).toLong }
        .reduce(_ + _)
        .toString
    }
    sc.stop()
  }
}

/** Gathers all values of each key. */
object GroupByKey {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val (n, keys, slices) = (args.int("n", 20000000), args.int("keys", 1000000), args.int("slices", 8))
    val sc = context()
    measure("group-by-key", n, args.int("rounds", 3)) {
      sc.range(0, n, 1, slices)
        .map(i => (bucket(i.toInt, keys), i.toInt))
        .groupByKey(slices)
        .map { case (key, values) =>
          var all = key
          for (value <- values) all += mix(value)
          (all & 0xffff).toLong
        }
        .reduce(_ + _)
        .toString
    }
    sc.stop()
  }
}

package bench

import Common._

/** Numbers through three small functions: the price of a record in a pipeline. */
object RangeMapFilterReduce {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val n = args.int("n", 20000000)
    val sc = context()
    measure("range-map-filter-reduce", n, args.int("rounds", 5)) {
      sc.range(0, n, 1, args.int("slices", 2)).map(_ + 1).filter(_ % 3 == 0).reduce(_ + _).toString
    }
    sc.stop()
  }
}

/** The same with an object a record, some dropped and some doubled. */
object ObjectPipeline {
  final case class Reading(id: Int, value: Int, weight: Int)

  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val n = args.int("n", 5000000)
    val sc = context()
    measure("object-pipeline", n, args.int("rounds", 5)) {
      sc.range(0, n, 1, args.int("slices", 2))
        .map { i =>
          val bits = mix(i.toInt)
          Reading(i.toInt, bits & 1023, (bits >>> 10) & 1023)
        }
        .filter(reading => reading.value % 3 != 0)
        .flatMap(reading => Array(reading, Reading(reading.id, reading.value + 1, reading.weight)))
        .map(reading => reading.value.toLong * reading.weight)
        .reduce(_ + _)
        .toString
    }
    sc.stop()
  }
}

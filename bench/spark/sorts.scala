package bench

import Common._

/** Sorts pairs by an integer key and reads them in order. */
object SortInts {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val (n, slices) = (args.int("n", 20000000), args.int("slices", 8))
    val sc = context()
    measure("sort-ints", n, args.int("rounds", 3)) {
      val pairs = sc.range(0, n, 1, slices).map(i => (mix(i.toInt), i.toInt))
      checkSorted[Int](pairs.sortByKey(ascending = true, slices), key => key)
    }
    sc.stop()
  }
}

/** Sorts pairs by a string key of ten letters and reads them in order. */
object SortStrings {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val (n, slices) = (args.int("n", 10000000), args.int("slices", 8))
    val sc = context()
    measure("sort-strings", n, args.int("rounds", 3)) {
      val pairs = sc.range(0, n, 1, slices).map(i => (letters(i.toInt), i.toInt))
      checkSorted[String](pairs.sortByKey(ascending = true, slices), key => key.charAt(0) * 31 + key.charAt(9))
    }
    sc.stop()
  }
}

/** Sorts the lines of a file of 100-byte records by their first ten letters and reads them in order. */
object SortRecords {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val (path, slices) = (args.text("path"), args.int("slices", 8))
    val sc = context()
    measure("sort-records", new java.io.File(path).length() / 100, args.int("rounds", 2)) {
      val pairs = sc.textFile(path, slices).map(line => (line.substring(0, 10), line))
      val sorted = pairs.sortByKey(ascending = true, slices).mapValues(line => line.charAt(11) * 31 + line.charAt(21))
      checkSorted[String](sorted, key => key.charAt(0) * 31 + key.charAt(9))
    }
    sc.stop()
  }
}

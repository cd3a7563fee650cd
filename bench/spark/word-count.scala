package bench

import Common._

/** Counts the words of a text: how many different ones there are, and the ten most frequent. */
object WordCount {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val path = args.text("path")
    val split = args.text("split", "blank")
    val sc = context()
    val bytes = new java.io.File(path).length()
    measure("word-count", bytes, args.int("rounds", 3)) {
      val lines = sc.textFile(path, args.int("slices", 2))
      // A single blank is what Spark's own example splits at, and Java's fast way; blanks is the pattern \s+.
      val words = if (split == "blank") lines.flatMap(_.split(" ")) else lines.flatMap(_.split("\\s+"))
      val counts = words.filter(_.nonEmpty).map((_, 1)).reduceByKey(_ + _)
      val different = counts.count()
      val top = counts.top(10)(Ordering.by { case (word, count) => (count, word) })
      quoted(s"$different different; " + top.map { case (word, count) => s"$word $count" }.mkString(", "))
    }
    sc.stop()
  }
}

package bench

import Common._
import org.apache.spark.HashPartitioner

/** PageRank as Spark's own example writes it: adjacency lists in memory, a join and a reduceByKey each round. */
object PageRank {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val (nodes, edges) = (args.int("nodes", 1000000), args.int("edges", 8000000))
    val (iterations, slices) = (args.int("iterations", 10), args.int("slices", 8))
    val sc = context()
    measure("page-rank", edges, args.int("rounds", 2)) {
      val partitioner = new HashPartitioner(slices)
      val links = sc.range(0, edges, 1, slices)
        .map(e => (bucket(e.toInt * 2, nodes), bucket(e.toInt * 2 + 1, nodes)))
        .groupByKey(partitioner)
        .cache()
      var ranks = links.mapValues(_ => 1.0)
      for (_ <- 1 to iterations) {
        val contributions = links.join(ranks).flatMap { case (_, (targets, rank)) =>
          val share = rank / targets.size
          targets.map(target => (target, share))
        }
        ranks = contributions.reduceByKey(partitioner, _ + _).mapValues(sum => 0.15 + 0.85 * sum)
      }
      // Sums of fractions depend on their order in the last digits, so the two sides are compared with a tolerance.
      val (count, sum, most) = ranks.map { case (_, rank) => (1, rank, rank) }.reduce { (a, b) =>
        (a._1 + b._1, a._2 + b._2, math.max(a._3, b._3))
      }
      links.unpersist(blocking = true)
      s"[$count,$sum,$most]"
    }
    sc.stop()
  }
}

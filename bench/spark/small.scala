package bench

import Common._

/** The smallest job there is; what counts is the time of the whole process, taken from outside. */
object Startup {
  def main(args: Array[String]): Unit = {
    val sc = context()
    measure("startup", 10, 1)(sc.parallelize(1 to 10).count().toString)
    sc.stop()
  }
}

/** One stage of many tasks that do nothing: the price of a task. */
object EmptyTasks {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val tasks = args.int("tasks", 10000)
    val sc = context()
    measure("empty-tasks", tasks, args.int("rounds", 6))(sc.parallelize(Seq.empty[Int], tasks).count().toString)
    sc.stop()
  }
}

package bench

import java.net.URI
import java.net.http.{HttpClient, HttpRequest, HttpResponse}
import Common._

/** One in each JVM, with its connections. */
object Web {
  private lazy val client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()

  def get(url: String): String =
    client.send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString()).body()
}

/** A call of a web service for each record: map waits for each. */
object WebCalls {
  def main(array: Array[String]): Unit = {
    val args = new Args(array)
    val n = args.int("n", 10000)
    val url = args.text("url")
    val slices = args.int("slices", 2)
    val sc = context()
    def sumOf(calls: Int): Long = sc.range(0, calls, 1, slices).map(i => Web.get(s"$url/$i").toLong).sum().toLong
    // Both sides load and compile their HTTP client before.
    sumOf(args.int("warm", 1000))
    measure("web-calls", n, args.int("rounds", 1))(sumOf(n).toString)
    sc.stop()
  }
}

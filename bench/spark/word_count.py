"""word-count.scala in PySpark, RDD API: the same words, the same lines of output."""
import json
import os
import sys
import time

from pyspark import SparkContext

args = dict(arg.split("=", 1) for arg in sys.argv[1:])
path = args["path"]
sc = SparkContext(appName="bench")
for number in range(int(args.get("rounds", "3"))):
    start = time.perf_counter()
    counts = (
        sc.textFile(path, int(args.get("slices", "2")))
        .flatMap(lambda line: line.split(" "))
        .filter(lambda word: word != "")
        .map(lambda word: (word, 1))
        .reduceByKey(lambda a, b: a + b)
    )
    different = counts.count()
    top = counts.top(10, key=lambda pair: (pair[1], pair[0]))
    ms = (time.perf_counter() - start) * 1000
    result = f"{different} different; " + ", ".join(f"{word} {count}" for word, count in top)
    line = {"bench": "word-count-python", "n": os.path.getsize(path), "round": number, "warm": number > 0, "ms": round(ms, 3), "result": result}
    print(json.dumps(line, separators=(",", ":"), ensure_ascii=False), flush=True)
sc.stop()

#!/usr/bin/env bash
# Runs one benchmark on Apache Spark and prints its JSON lines, then one for the whole process:
#
#   bench/spark/run.sh sort-ints n=2000000 rounds=3
#   bench/spark/run.sh word-count path=/tmp/iskra-bench/text-200MB.txt
#   bench/spark/run.sh word_count.py path=/tmp/iskra-bench/text-200MB.txt      (PySpark)
#
# ISKRA_BENCH_MASTER (local[2]), ISKRA_BENCH_MEMORY (8g, Spark's --driver-memory), ISKRA_BENCH_SPARK_FLAGS (more flags for spark-submit).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/home.sh"
[ $# -ge 1 ] || { sed -n '2,8p' "${BASH_SOURCE[0]}" | cut -c3-; exit 2; }
[ -f "$BENCH_HOME/bench.jar" ] || { echo "run.sh: no bench.jar in $BENCH_HOME; run bench/spark/setup.sh first" >&2; exit 1; }
name="$1"; shift

SPARK_HOME="$(spark_home)"
export SPARK_HOME
export PYSPARK_PYTHON="$VENV/bin/python"
export SPARK_CONF_DIR="$SPARK_SRC/conf"
# Everything stays on the loopback interface.
export SPARK_LOCAL_IP=127.0.0.1
# The web page and the progress bar are off: they cost Spark start-up time and the comparison is about the engine.
flags=(--master "${ISKRA_BENCH_MASTER:-local[2]}" --driver-memory "${ISKRA_BENCH_MEMORY:-8g}"
  --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false)
# shellcheck disable=SC2206  # flags in a variable are separated by blanks
[ -z "${ISKRA_BENCH_SPARK_FLAGS:-}" ] || flags+=(${ISKRA_BENCH_SPARK_FLAGS})

case "$name" in
  *.py) app=("$SPARK_SRC/$name") ;;
  *) class="$(echo "$name" | sed -E 's/(^|-)([a-z])/\U\2/g')"; app=(--class "bench.$class" "$BENCH_HOME/bench.jar") ;;
esac
exec node "$SPARK_SRC/../lib/measured.mjs" "$SPARK_HOME/bin/spark-submit" "${flags[@]}" "${app[@]}" "$@"

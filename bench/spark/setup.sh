#!/usr/bin/env bash
# Gets Apache Spark to compare with: a Python virtual environment outside the repository with pyspark in it (pyspark carries
# Spark's jars and the Scala compiler), then compiles the Scala programs beside this file into bench.jar. Each step is skipped
# when it is done already. Needs python3 with venv, and a JDK 17 or newer.
#
#   bench/spark/setup.sh              the newest Spark, unless one is installed already
#   PYSPARK=4.1.4 bench/spark/setup.sh    that version
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/home.sh"

command -v java >/dev/null || { echo "setup.sh: no java found; Spark needs a JDK 17 or newer" >&2; exit 1; }
mkdir -p "$BENCH_HOME"
[ -x "$VENV/bin/python" ] || python3 -m venv "$VENV"

have="$("$VENV/bin/python" -c 'import importlib.metadata as m; print(m.version("pyspark"))' 2>/dev/null || true)"
if [ -z "$have" ] || { [ -n "${PYSPARK:-}" ] && [ "$have" != "$PYSPARK" ]; }; then
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "pyspark${PYSPARK:+==$PYSPARK}"
fi

home="$(spark_home)"
stamp="$(cat "$SPARK_SRC"/*.scala | cksum) $(basename "$home"/jars/spark-core_*.jar) $(java -version 2>&1 | head -1)"
if [ "$(cat "$BENCH_HOME/bench.stamp" 2>/dev/null || true)" != "$stamp" ]; then
  # Into a new file, moved when whole: an interrupted compiler leaves no half jar.
  java -cp "$home/jars/*" scala.tools.nsc.Main -usejavacp -deprecation -opt:local -d "$BENCH_HOME/bench.new.jar" "$SPARK_SRC"/*.scala
  mv "$BENCH_HOME/bench.new.jar" "$BENCH_HOME/bench.jar"
  echo "$stamp" > "$BENCH_HOME/bench.stamp"
fi
echo "$(basename "$home"/jars/spark-core_*.jar .jar | sed 's/spark-core_/Spark, Scala /; s/-/: /') in $BENCH_HOME"

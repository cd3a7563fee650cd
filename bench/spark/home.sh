# Sourced by the scripts beside it: where Apache Spark and the compiled programs live. Nothing of this is in the repository.
# ISKRA_BENCH_HOME moves it; a path with blanks is fine.
BENCH_HOME="${ISKRA_BENCH_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/iskra-bench}"
VENV="$BENCH_HOME/venv"
SPARK_SRC="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# Prints Spark's home: the folder of the pyspark package, which holds bin/ and jars/.
spark_home() {
  "$VENV/bin/python" -c 'import importlib.util as u; print(u.find_spec("pyspark").submodule_search_locations[0])'
}

#!/usr/bin/env bash
# Lints, types, tests and coverage of the Python SDK, in its copy under target/sdk/python, and of
# the sample plugin.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
bin=$root/.cache/python/bin
caches=$root/.cache/lint
export PYTHONDONTWRITEBYTECODE=1 RUFF_NO_CACHE=true

# lint: the folder we are in is as every formatter and linter wants it.
lint() {
  "$bin/ruff" format --check .
  "$bin/black" --quiet --check .
  "$bin/ruff" check .
  "$bin/flake8"
  "$bin/mypy" --strict --cache-dir "$caches/mypy" .
}

cd "$root/target/sdk/python"
lint
"$bin/python" -m pytest -q -p no:cacheprovider --cov --cov-report= --cov-fail-under=80
# The package as its users build and import it, under both names.
rm -rf dist
"$bin/python" -m build --no-isolation --outdir dist . >/dev/null
"$bin/python" -m zipfile --list dist/*.whl | grep 'vivified/py.typed' >/dev/null
"$bin/python" -c 'import vivified, vivified_sdk; assert vivified_sdk.VivifiedClient is vivified.VivifiedClient'

cd "$root/plugins/hello_py"
lint
mkdir -p "$caches/coverage"
COVERAGE_FILE=$caches/coverage/data "$bin/python" -m pytest -q -p no:cacheprovider

#!/bin/sh
# What of the package the tests reach that need no cluster: also in the programs that they start, and
# in the node agent, which runs without site-packages and so must be told. A copy of the repository
# is measured. Tests of our own footprint (what is loaded, how much memory) may fail in it: the
# measuring itself is loaded too.
#
#   sh tests/coverage.sh BIN     with the programs of the environment that `make test` made
set -eu
bin=$(cd "$1" && pwd)
tree=$bin/../coverage/tree
rm -rf "$bin/../coverage"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$tree"
cd "$tree"
site=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cat >>yprov_run/agent/__init__.py <<END
import sys; sys.path.append("$site"); import coverage; coverage.process_startup()
END
export COVERAGE_FILE="$tree/../data" PYTHONPATH="$tree"
"$bin/coverage" run -m pytest --quiet --numprocesses 2 --dist loadfile \
	--ignore-glob='*/test_cluster*.py' --ignore tests/test_packaging.py || true
# What was killed at once left files without a word in them.
"$bin/coverage" combine --quiet "$COVERAGE_FILE".* 2>/dev/null || true
"$bin/coverage" report --fail-under 90 --include \
	'*/launch/*,*/agent/*,*/capture/*,*/launchers/*,*/trace/*,*/jobdir.py,*/redaction/*,*/merge/*'

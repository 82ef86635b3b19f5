# make demo   run the main job on this machine, no cluster
# make test   install what the tests need (Slurm and MPI included) and run them all
# make docs   the documentation as a site, in build/docs; nothing is fetched by its readers
# make lint   style, types, import rules, shell scripts
# make coverage  what of the package the tests reach that need no cluster (10 minutes)
# make bench  measure ours and the peers, and write docs/benchmarks.md; BENCH_ARGS=--quick to try it

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PACKAGES := slurm-wlm slurmdbd munge mariadb-server openmpi-bin libopenmpi-dev mpich libmpich-dev iproute2 gcc libc6-dev procps git chromium chromium-driver tmux lua5.3 lua-posix lua-filesystem lua-json lua-term tcl curl
# Two that cannot be installed together: unpacked beside each other.
MODULE_SYSTEMS := lmod environment-modules
PYTEST_ARGS ?=
BENCH_PACKAGES := strace time gcc libc6-dev chromium chromium-driver
BENCH_ARGS ?=

# Install Debian's packages, as root and where they are not there yet.
define apt
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		dpkg -s $(1) >/dev/null 2>&1 || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1) >/dev/null; }; \
	fi
endef

.PHONY: demo test lint docs coverage bench bench-packages packages module-systems pythons clean

demo: $(BIN)/.demo
	PATH="$(CURDIR)/$(BIN):$$PATH" yprov-run --input examples/digits.csv --output examples/out \
		python examples/train_digits.py --data examples/digits.csv --out examples/out

# The clusters' tests mostly wait for Slurm: the two run beside each other, what they say one after
# the other.
test: $(BIN)/.test packages module-systems pythons
	$(MAKE) --jobs=2 --output-sync=target cluster-linuxproc cluster-cgroup
	$(BIN)/pytest $(PYTEST_ARGS) --numprocesses 2 --dist loadfile --ignore-glob='*/test_cluster*.py'

cluster-%:
	$(BIN)/pytest $(PYTEST_ARGS) -p no:cacheprovider -k $* tests/test_cluster*.py

coverage: $(BIN)/.test
	$(BIN)/pip install --quiet --group coverage
	sh tests/coverage.sh $(BIN)

lint: $(BIN)/.lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck --version >/dev/null
	$(BIN)/shellcheck -s sh -e SC1090,SC2154 yprov_run/launch/shim.sh
	$(BIN)/shellcheck slurm_templates/*.sh slurm_templates/site/*.sh tests/data/init/*.sh
	$(BIN)/shellcheck tests/coverage.sh

# Ours as a user installs it, and the peers in an environment of their own.
bench: $(BIN)/.installed $(VENV)/peers/bin/.peers bench-packages
	test -x $(VENV)/bench/bin/python || $(PYTHON) -m venv $(VENV)/bench
	$(VENV)/bench/bin/pip install --quiet . selenium
	$(VENV)/bench/bin/pip install --quiet --no-deps --force-reinstall .
	$(VENV)/bench/bin/python -m benchmarks --peers $(VENV)/peers/bin $(BENCH_ARGS)
	$(BIN)/python docs/make_comparison.py

$(VENV)/peers/bin/.peers: Makefile
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/pip install --quiet con-duct perun jpwr nvidia-ml-py nvitop
	touch $@

bench-packages:
	$(call apt,$(BENCH_PACKAGES))

# The warning is Material's, about a MkDocs that there is not yet.
docs: $(BIN)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(BIN)/.installed: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

# scikit-learn ships the digits; it is the demo's program that needs it, not the tool.
$(BIN)/.demo: $(BIN)/.installed
	$(BIN)/pip install --quiet scikit-learn
	touch $@

# yProv4ML is run by a test, as a program: without what it needs for cards, loggers and other formats.
$(BIN)/.test: $(BIN)/.installed
	$(BIN)/pip install --quiet --group test --group docs --group examples
	$(BIN)/pip install --quiet --no-deps --upgrade --target $(VENV)/yprov4ml yprov4ml==3.2.8
	touch $@

$(BIN)/.docs: $(BIN)/.installed
	$(BIN)/pip install --quiet --group docs
	touch $@

$(BIN)/.lint: $(BIN)/.installed
	$(BIN)/pip install --quiet --group lint --group test
	touch $@

# The oldest and the newest, in which the distributions are installed: fetched by uv where there are
# none. What cannot be had its test names.
pythons: $(BIN)/.test
	@$(BIN)/python -m tests.support.environments

# The real Slurm, MariaDB and Open MPI; as root on Debian and Ubuntu. Elsewhere the tests say what
# is missing.
packages:
	$(call apt,$(PACKAGES))

# By apt's own download; each is whole when its folder is there.
module-systems: $(BIN)/python packages
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		set -e; mkdir -p $(VENV)/module-systems; cd $(VENV)/module-systems; \
		for name in $(MODULE_SYSTEMS); do \
			test -d $$name && continue; \
			rm -f $${name}_*.deb; apt-get download -qq $$name >/dev/null 2>&1 || \
				{ apt-get update -qq && apt-get download -qq $$name >/dev/null; }; \
			dpkg-deb -x $${name}_*.deb .$$name && mv .$$name $$name; \
		done; \
	fi

clean:
	rm -rf $(VENV) build examples/out examples/digits.csv

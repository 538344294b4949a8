# Everything a newcomer types. Each target sets up what it needs first; nothing has to be activated.
# Paths are relative throughout, so that a checkout below a folder with a space in its name works too.

PYTHON ?= $(shell command -v python3 || command -v python3.13 || command -v python3.12 || command -v python3.11)
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PEERS := .venv-peers
PEERS_INSTALLED := $(PEERS)/torch-mist/.installed $(PEERS)/benchmark-mi/.installed

# Modules from another Python's search path would shadow the pinned ones.
unexport PYTHONPATH PYTHONHOME

# Snakemake and Matplotlib keep caches in the home folder, and Snakemake stops with a page of Python where it cannot.
ifneq ($(shell test -d "$(HOME)" && test -w "$(HOME)" && echo yes),yes)
$(info HOME ($(HOME)) cannot be written: caches go to .snakemake/home instead. Without make: export HOME=/a/folder/of/yours)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/home
export MPLCONFIGDIR := $(CURDIR)/.snakemake/home
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup reproduce claims phase benchmark search own concepts smoke test test-cluster test-docs chromium docs report lint coverage bench format publish unlock lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PYTHON=python3.12 (setup) and CORES=4 (reproduce, smoke) may follow a target."

setup: $(INSTALLED) ## a .venv with every version of requirements.lock, and this project
	@:

# Always from nothing, so that .venv holds what the lock names and no leftovers; and removed again when it
# cannot be finished, because pip takes a half-unpacked package for an installed one. --use-pep517: one package has
# no wheel, and Debian 12's pip would build it with whatever setuptools it has at that moment.
$(LOCKED): requirements.lock
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "No Python found$(if $(PYTHON), as $(PYTHON)): install python3 (3.11 or later) and its venv module," \
			"or name one: make setup PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." \
			"Name another: make setup PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module: on Debian, apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV): a few minutes, 2 GB of disk (about 6 GB with torch's CUDA build)"
	@trap 'rm -rf $(VENV)' EXIT; trap 'exit 130' HUP INT TERM; set -e; \
		"$(PYTHON)" -m venv --clear $(VENV); \
		$(BIN)/python -m pip install --disable-pip-version-check --use-pep517 -r requirements.lock; \
		touch $(LOCKED); \
		trap - EXIT

# The lock has the build backend, so building in place downloads nothing and uses the pinned one.
$(INSTALLED): $(LOCKED) pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-build-isolation --no-deps --editable .
	@touch $@

reproduce: setup ## train everything the write-up reports, and draw its figures (results/)
	$(BIN)/snakemake --cores $(CORES)
	@echo
	@echo "Figures made:"
	@find results/figures -type f | LC_ALL=C sort | sed 's/^/  /'

smoke: setup ## the same workflow, small, in four minutes (results/smoke)
	$(BIN)/snakemake --cores $(CORES) --configfile config/smoke.yaml

test: setup ## the tests
	$(BIN)/pytest

coverage: setup ## the tests again, counting the lines they run; fails under the floor of pyproject.toml
	$(BIN)/pytest --cov --cov-report term

test-cluster: setup ## the cluster profiles on a SLURM of one node (installs it: Debian, root; about 7 minutes)
	@trap 'tests/cluster/slurm.sh down' EXIT; trap 'exit 130' HUP INT TERM; \
		tests/cluster/slurm.sh up && MINE_TEST_CLUSTER=1 $(BIN)/pytest -n 0 --durations 0 tests/cluster

test-docs: setup chromium ## notebooks, pages, report and documentation in a real browser (needs Chromium)
	MINE_DOCS_TESTS=1 $(BIN)/pytest tests/docs

# Chromium is Debian's, and installed where it is not there and we may.
chromium:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { \
			echo "Chromium and its driver are needed: on Debian, apt install chromium chromium-driver" >&2; exit 1; }; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium chromium-driver >/dev/null; }

report: setup ## pages to read: report, notebooks, every run interactive (results/*.html)
	$(BIN)/snakemake --cores $(CORES) pages
	$(BIN)/snakemake --cores $(CORES) --report results/report.html -- pages

docs: setup ## the documentation, warnings being errors (build/docs/index.html)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: setup ## style and types of the package, the tests, the workflow and the shell files; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck .ci/run tests/cluster/*.sh workflow/profiles/cluster-generic/*.sh
	$(BIN)/oxlint --deny-warnings src/mine/explorer/page.js
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

bench: setup $(PEERS_INSTALLED) ## speed against peers and the arithmetic floor (about 20 minutes; benchmarks/)
	$(BIN)/python benchmarks/bench.py

# The peers need older packages than we do. One that cannot be installed is left out of the table, which says so.
$(PEERS)/%/.installed: benchmarks/peers/%.txt
	@echo "Setting up $(PEERS)/$*"
	@"$(PYTHON)" -m venv --clear $(PEERS)/$* \
		&& $(PEERS)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $< \
		&& touch $@ \
		|| { rm -rf $(PEERS)/$*; echo "$* could not be installed; its row will say \"not measured\"" >&2; }

format: setup ## bring everything into the style that lint asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

claims: setup ## the ledger of claims in full, with gradients measured at frozen critics
	$(BIN)/snakemake --cores $(CORES) claims

phase: setup ## where training diverges, over d and rho
	$(BIN)/snakemake --cores $(CORES) phase

benchmark: setup ## estimators of mutual information against each other, on tasks whose truth is known
	$(BIN)/snakemake --cores $(CORES) benchmark

search: setup ## which settings made the write-up's two figures? (results/search)
	$(BIN)/snakemake --cores $(CORES) search

own: setup ## mine estimate on tasks of known mutual information, beside other packages (hours; results/own)
	$(BIN)/snakemake --cores $(CORES) own

concepts: setup ## what leaks through concept bottlenecks, and whether a penalty stops it (40 minutes; results/concepts)
	$(BIN)/snakemake --cores $(CORES) concepts

publish: setup ## copy the figures of a finished reproduce, claims, phase and benchmark to figures/ and README.md
	$(BIN)/mine publish --config config/config.yaml --output figures --readme README.md --estimate-page docs/estimate.md \
		--concepts-page docs/concepts.md --which-page docs/which_estimator.md

unlock: setup ## release the workflow's lock after a crash or a power cut
	$(BIN)/snakemake --unlock

lock: ## resolve requirements.in into requirements.lock again (for maintainers; needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@cp requirements.lock requirements.lock.new
	@uv pip compile --quiet requirements.in --output-file requirements.lock.new || \
		{ rm -f requirements.lock.new; exit 1; }
	@{ \
		echo "# Made by 'make lock' from requirements.in: every package that it needs, at one version."; \
		echo "# For Python 3.11 and later; a line with a marker after ';' is installed only where that holds."; \
		echo "# torch: the registry's Linux build adds its own CUDA packages, which are not listed here, because"; \
		echo "# a CPU build of the same version has none; pip installs them where torch asks for them."; \
		grep -v '^#' requirements.lock.new; \
	} > requirements.lock.tmp
	@rm requirements.lock.new
	@mv requirements.lock.tmp requirements.lock

# Not .snakemake: it records what each result was made with, and without it a stale result passes for a fresh one.
clean: ## remove caches; never results, never .venv
	rm -rf .pytest_cache .ruff_cache .mypy_cache .coverage .coverage.* .hypothesis build
	find src tests workflow -type d \( -name __pycache__ -o -name '*.egg-info' \) -prune \
		-exec rm -rf {} +

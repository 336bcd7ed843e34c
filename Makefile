# One entry point for every command. `make setup` is called by the others.
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long test-debug fuzz mutants lint types bench instructions proto proto-release docs sdk browser fuzzer kustomize clickhouse engines autobahn k8s annotate clean

help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(VENV)/.installed $(VENV)/.kernels $(VENV)/.sdk $(VENV)/.segment $(VENV)/.zoo ## Create .venv and build everything

# PYTHONWARNINGS: setuptools warns about editable installs, which this is on purpose.
$(VENV)/.installed: pyproject.toml
	@scripts/check-tools
	@test -x $(PY) || python3 -m venv $(VENV)
	@echo "Installing Python packages and building the kernels (two minutes or so, once)"
	@$(PY) -m pip install -q --upgrade "pip>=25.1"
	@$(PY) -m pip install -q --group dev --group proto "setuptools>=80" "Cython>=3.3,<4"
	@PYTHONWARNINGS=ignore $(PY) -m pip install -q --no-build-isolation -e ".[embedded]"
	@touch $@ $(VENV)/.kernels

$(VENV)/.kernels: setup.py $(wildcard hotpath/*.pyx hotpath/*.pxd) | $(VENV)/.installed
	@echo "Building the kernels"
	@$(PY) setup.py -q build_ext --inplace
	@touch $@

SDK_SOURCES := $(wildcard sdk/js/src/*.ts sdk/js/src/*/*.ts sdk/js/*.json sdk/js/*.mjs)
$(VENV)/.sdk: $(SDK_SOURCES) | $(VENV)/.installed
	@echo "Building the SDK"
	@cd sdk/js && npm ci --silent --no-audit --no-fund && npm run --silent build
	@touch $@

$(VENV)/.segment: tests/segment/package.json tests/segment/package-lock.json | $(VENV)/.installed
	@echo "Fetching Segment's library for Node, for a test"
	@cd tests/segment && npm ci --silent --no-audit --no-fund
	@touch $@

$(VENV)/.zoo: tests/e2e/zoo/package.json tests/e2e/zoo/package-lock.json | $(VENV)/.installed
	@echo "Fetching React, Vue and axe, for pages of tests"
	@cd tests/e2e/zoo && npm ci --silent --no-audit --no-fund
	@touch $@

# servers: PostgreSQL, Redis, Kafka and ClickHouse that run elsewhere, named by SIQ_*_URL.
ENGINES ?= embedded
run: setup ## Start the mesh and print one URL; ENGINES=servers uses those that SIQ_*_URL name
	$(VENV)/bin/sentientiq up --engines $(ENGINES)

# Two at a time: most of what a test takes is waiting for engines. Those of a file share some. What is
# held to a clock runs alone. xdist would begin a test that ended its process again and again.
AT_ONCE ?= 2
test: lint types browser fuzzer kustomize clickhouse engines ## Everything that must hold, in at most 20 minutes
	$(PY) -m pytest -m "not long and not alone" --numprocesses $(AT_ONCE) --dist loadfile \
		--max-worker-restart 0 --durations 20
	$(PY) -m pytest -m "alone and not long" --durations 10

test-long: lint types browser fuzzer kustomize clickhouse engines autobahn ## All tests, the long ones too; the result goes to docs/last-long-run.md
	$(PY) -m scripts.long_run
	$(MAKE) test-debug

# Coroutines that nobody awaited and callbacks from the wrong thread fail in this mode. Without the
# kills of a whole mesh: they hold it to a clock that the mode slows down.
test-debug: setup ## Unit and integration tests in asyncio's debug mode
	PYTHONASYNCIODEBUG=1 $(PY) -m pytest -q tests/unit tests/integration -m "not long" \
		--ignore=tests/integration/test_kill.py

FUZZ_S ?= 600
fuzz: setup fuzzer ## Any bytes into the kernels, under sanitizers, for FUZZ_S seconds
	$(PY) -m tests.fuzz --seconds $(FUZZ_S)

instructions: setup ## Keep today's instructions of an event as the bound of a test
	$(PY) -m benchmarks.kernel.instructions --renew

mutants: setup ## Change the code in small ways: do the tests notice? (docs/mutation.md)
	@$(PY) -m pip install -q --group mutants
	$(PY) -m scripts.mutants

browser: ## Chromium for the end-to-end tests (Debian's package)
	@scripts/install-browser

engines: setup
	@$(PY) -m tests.engines.fetch

fuzzer: $(VENV)/.installed
	@scripts/install-fuzzer

kustomize: $(VENV)/.installed
	@scripts/install-kustomize

clickhouse: ## Debian's ClickHouse server for a test, unpacked below build/
	@scripts/install-clickhouse

autobahn: $(VENV)/.installed
	@scripts/install-autobahn

k8s: setup kustomize ## Render the manifests into build/k8s, check them
	@test -x $(VENV)/bin/kustomize
	@mkdir -p build/k8s
	@set -e; for folder in k8s/base k8s/overlays/*; do \
		kustomize build $$folder > build/k8s/$$(basename $$folder).yaml; done
	$(PY) -m pytest -q tests/packaging/test_manifests.py tests/packaging/test_manifests_servers.py
	@ls build/k8s/*.yaml

lint: setup ## Style, layering and contracts
	ruff check . && ruff format --check .
	cython-lint hotpath
	buf lint proto && buf format --diff --exit-code proto
	buf breaking proto --against proto/released.binpb
	lint-imports

types: setup ## mypy and pyright, both strict; stubs against the compiled kernels
	mypy
	pyright
	MYPYPATH=proto stubtest hotpath --allowlist hotpath/stubtest-allowlist.txt --ignore-unused-allowlist

bench: setup ## What emotions are worth and what an event costs; more in benchmarks/README.md
	$(PY) -m benchmarks accuracy
	$(PY) -m benchmarks kernel

proto: $(VENV)/.installed ## Regenerate the committed protobuf code
	find proto -name '*_pb2*.py*' -delete
	$(PY) -m grpc_tools.protoc -Iproto --python_out=proto --mypy_out=quiet:proto \
		$$(find proto -name '*.proto' | sort)
	$(PY) -m grpc_tools.protoc -Iproto --grpc_python_out=proto --mypy_grpc_out=quiet:proto \
		$$(find proto -name '*_service.proto' | sort)

# Deliberate: whoever runs it says that clients of the old contract no longer count.
proto-release: $(VENV)/.installed ## Make today's protobuf the released contract
	buf build proto --exclude-source-info -o proto/released.binpb

docs: setup ## Write the tables of settings and the schemas from the code
	$(PY) -m cli.settings_docs
	$(PY) -m edge.schema
	$(PY) -m hotpath.recording_schema
	$(PY) -m services.accountability.schema
	$(PY) -m services.intervention.experiments.schema
	$(PY) -m services.intervention.policy.schema

sdk: setup ## Build the SDK and print its gzip -9 size
	cd sdk/js && npm run --silent build && npm run --silent size

annotate: setup ## Show where the kernels still touch Python (build/annotate)
	$(PY) -m scripts.annotate

clean: ## Remove what was built, and the data of `make run`
	rm -rf $(VENV) build mutants *.egg-info .sentientiq sdk/js/node_modules tests/segment/node_modules tests/e2e/zoo/node_modules
	find hotpath -name '*.so' -delete -o -name '*.c' -delete -o -name '*.html' -delete

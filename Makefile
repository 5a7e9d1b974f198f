# The words people and CI use. Each target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# More than processors: tests of processes, of Slack and of clouds wait a good deal.
JOBS ?= 3

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z.-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: .venv
.venv: .venv/ready ## set up the virtual environment from the lock file

.venv/ready: requirements.lock pyproject.toml
	@echo "Setting up .venv from requirements.lock; on a new machine this takes a minute or two."
	@$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv/ready

.PHONY: demo
demo: .venv ## the whole bot with a local cloud and a local Slack page (ARGS="--no-browser --port 8123")
	$(BIN)/bursar demo $(ARGS)

.PHONY: test
test: .venv ## the test-suite (ARGS="-k digest")
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow" $(ARGS)

.PHONY: test-slow
test-slow: .venv ## the slower proofs: the story over several seeds, process tests
	$(BIN)/python -m pytest -n $(JOBS) -m "slow and not (local_slack or crash or race or fuzz or prometheus or engines)" $(ARGS)

.PHONY: test-crashes
test-crashes: .venv ## ends the process at every named point, on both databases, and looks at the world after
	$(BIN)/python -m pytest -n $(JOBS) -rP -m crash $(ARGS)

.PHONY: test-races
test-races: .venv ## clickers and replicas against each other on PostgreSQL: one winner each
	$(BIN)/python -m pytest -m race $(ARGS)

.PHONY: test-fuzz
test-fuzz: .venv ## thousands of hostile requests and runbooks: no traceback to the sender, no effect
	$(BIN)/python -m pytest -m fuzz $(ARGS)

.PHONY: test-prometheus
test-prometheus: .venv ## the error budget and health guards against a real Prometheus (Debian: apt install prometheus)
	$(BIN)/python -m pytest -m prometheus $(ARGS)

.PHONY: test-engines
test-engines: jdk .venv/engines ## the questions of money on Spark, PostgreSQL, a BigQuery emulator and ClickHouse (needs a JDK)
	$(BIN)/python -m pytest -m engines $(ARGS)

.venv/engines: .venv/ready requirements-engines.lock
	@echo "Adding requirements-engines.lock to .venv: Spark and ClickHouse are large."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-engines.lock
	@touch .venv/engines

.PHONY: jdk
jdk:
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version >/dev/null 2>&1 || \
		{ echo "Spark needs Java 17 or 21 (Debian: apt install openjdk-17-jre-headless)."; exit 1; }

.PHONY: test-mutants
test-mutants: .venv ## breaks the safety core in thousands of small ways; its tests must notice 90 % of them
	nice $(BIN)/python -m tests.mutants

.PHONY: test-coverage
test-coverage: .venv ## every branch of the safety core is taken by its unit tests
	$(BIN)/coverage run -m pytest -m "not slow" tests/actions tests/storage tests/bot/blocks $(ARGS)
	$(BIN)/coverage report

LOCAL_SLACK := node_modules/local-slack-linux-x64/bin/local-slack
LOCAL_SLACK_SHA256 := 3332007b797969d835f694b463ac526f7ef1fc66afac93f950f585105fe4815f
# It listens on every interface: where the system allows it, it runs in a network of its own.
ALONE = $(shell unshare --user --map-root-user --net ip link set lo up 2>/dev/null && echo unshare --user --map-root-user --net)

$(LOCAL_SLACK):
	@mkdir -p node_modules
	npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error local-slack-linux-x64@0.1.8
	@echo "$(LOCAL_SLACK_SHA256)  $@" | sha256sum --check --quiet || { rm -rf node_modules/local-slack-linux-x64; exit 1; }

.PHONY: test-slack
test-slack: .venv $(LOCAL_SLACK) ## the story on local-slack, a Slack server written by others, in both modes
	$(if $(ALONE),,@echo "No network of its own is allowed here: local-slack listens on every interface while this runs.")
	$(ALONE) sh -c '$(if $(ALONE),ip link set lo up &&) exec $(BIN)/python -m pytest -m local_slack -rs $(ARGS)'

.PHONY: check
check: .venv ## format, lint, types, layers, migrations, tests: what CI asks for
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.migrations
	$(MAKE) test

.PHONY: fix
fix: .venv ## format, and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: .venv ## write the lock files anew, with hashes and no index addresses
	$(BIN)/uv pip compile pyproject.toml --extra demo --group dev --generate-hashes --no-emit-index-url \
		--python-version 3.11 --universal --quiet --output-file requirements.lock $(ARGS)
	$(BIN)/uv pip compile pyproject.toml --group engines --constraint requirements.lock --generate-hashes \
		--no-emit-index-url --python-version 3.11 --universal --quiet --output-file requirements-engines.lock $(ARGS)

.PHONY: bench
bench: .venv ## the benchmarks, each with the ratio to its peer or limit
	@for one in benchmarks/[a-z]*.py; do echo "== $$one"; $(BIN)/python -m benchmarks.$$(basename $$one .py) || exit 1; done

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf .venv .bursar node_modules .mypy_cache .ruff_cache .hypothesis mutants .coverage build *.egg-info

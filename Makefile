# demo, test, check, bench: the four commands. Each makes the environment first when it is missing or out of date.
PYTHON ?= python3
ENV := .venv
BIN := $(ENV)/bin
# Test files run side by side; most of them wait for servers and browsers.
WORKERS ?= 2
export UV_NO_CONFIG := 1
export UV_SYSTEM_CERTS := 1

.PHONY: demo test check nightly bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   the whole product with simulated shipments on http://127.0.0.1:8050"
	@echo "make test   every test that this machine has the servers for"
	@echo "make check  lint, types and the direction of imports"
	@echo "make nightly  the fault tests at their long length"
	@echo "make bench  speed and memory, as ratios in one run"

$(ENV)/uv: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "coldchain needs Python 3.11 or newer; this is %d.%d: call make PYTHON=/path/to/python3.11" % sys.version_info[:2])'
	@echo "making the environment in $(ENV)"
	@$(PYTHON) -m venv $(ENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(ENV)/runtime: $(ENV)/uv requirements/runtime.txt pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/runtime.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(ENV)/dev: $(ENV)/runtime requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(ENV)/runtime
	@exec $(BIN)/coldchain demo

test: $(ENV)/dev
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(ENV)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

# The fault tests at their long length: for every night, and before a release.
nightly: $(ENV)/dev
	@COLDCHAIN_TEST_KILLS=200 COLDCHAIN_TEST_NOTIFIER_KILLS=100 COLDCHAIN_TEST_EXCURSIONS=2000 COLDCHAIN_TEST_SENDS=1000 COLDCHAIN_TEST_FUZZ=10000 \
	COLDCHAIN_TEST_HISTORIES=10000 COLDCHAIN_TEST_ALERT_STATES=5000x200 COLDCHAIN_TEST_PATIENCE=60 \
	$(BIN)/python -m pytest tests/faults tests/scenarios/test_planted_truth.py \
	tests/scenarios/test_order_does_not_matter.py tests/scenarios/test_alert_states.py

bench: $(ENV)/dev
	@$(BIN)/python -m bench

lock: $(ENV)/uv
	@for name in runtime dev; do $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links -o requirements/$$name.txt requirements/$$name.in; done

clean:
	rm -rf $(ENV) var .mypy_cache .ruff_cache .pytest_cache

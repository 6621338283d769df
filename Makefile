# The commands of this project; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCKS := requirements.txt requirements-dev.txt pyproject.toml
# One stamp for what the environment holds: the locks and the chosen interpreter.
STAMP := $(VENV)/.stamp-$(shell (cat $(LOCKS); command -v $(PYTHON); $(PYTHON) -V) 2>/dev/null | sha256sum | cut -c1-16)
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := install
.PHONY: help install demo up pair conformance secrets compose-test test coverage mutants bench soak check lock audit sbom clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1 - \2/'

install: $(STAMP)  ## the virtual environment, from the locks (PYTHON= chooses the interpreter)

$(STAMP): $(LOCKS)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"stripe_sync needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is {v[0]}.{v[1]}: say make PYTHON=python3.12")'
	@rm -f $(VENV)/.stamp-*
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements-dev.txt)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.txt requirements-dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --offline --editable .
	@touch $@

demo: install  ## the whole pipeline on the sandbox, twice; leaves reports/demo
	@$(BIN)/python -m demo

up: install  ## Airflow with its UI on localhost, on the sandbox; Ctrl-C ends all
	@$(BIN)/python -m demo.up

pair: install  ## the sandbox's Stigg with a Stripe test account on a test clock, through month ends (KEY_FILE=)
	@$(BIN)/python -m demo.pair --key-file "$(KEY_FILE)"

conformance: install  ## the project's scenarios and a month end on a Stripe test account and the sandbox (KEY_FILE=)
	@$(BIN)/python -m sandbox.conformance --key-file "$(KEY_FILE)"

secrets:  ## the secrets of docker-compose.yaml, in .env and .env.connections; existing values are kept
	@$(PYTHON) docker/make_secrets.py

compose-test: install  ## start and verify the compose files; needs a Docker engine
	@$(BIN)/python docker/trial.py

test: install  ## all tests, group by group (GROUPS="unit contract" chooses)
	@$(BIN)/python -m tools.run_tests $(GROUPS)

coverage: install  ## branches of the domain that unit tests and stories cover (reports/coverage)
	@$(BIN)/python -m tools.coverage

mutants: install  ## mutants of the code that decides on money which no test kills (TEST_MUTANTS=100)
	@$(BIN)/python -m tools.mutants

bench: install  ## benchmarks with baselines (SCALE=1 is the full size)
	@SCALE=$(SCALE) $(BIN)/python -m bench

soak: install  ## the long proofs, resumable in slices (SOAK_MINUTES=); results in docs/proofs/soak.jsonl
	@$(BIN)/python -m tools.soak

check: install  ## lint, types, import rules, words, untyped borders, branches of steps, purity of the domain, lock
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.vocabulary
	@$(BIN)/python -m tools.seams
	@$(BIN)/python -m tools.branches
	@$(BIN)/python -m tools.purity
	@$(BIN)/python -m tools.locks
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip check --quiet

lock: install  ## compile the locks from requirements.in and requirements-dev.in
	@$(BIN)/uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes --quiet --upgrade -o requirements.txt
	@$(BIN)/uv pip compile requirements-dev.in --universal --python-version 3.11 --generate-hashes --quiet --upgrade -o requirements-dev.txt
	@$(BIN)/uv pip compile requirements-build.in --universal --python-version 3.11 --generate-hashes --quiet -o requirements-build.txt

audit: install  ## known vulnerabilities of what is locked (pip-audit, where it reaches its database)
	@$(BIN)/uv tool run --quiet pip-audit --requirement requirements.txt --require-hashes --disable-pip --strict

sbom: install  ## the bill of materials of what is locked: dist/sbom.cdx.json (CycloneDX)
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(BIN)/uv tool run --quiet --from cyclonedx-bom cyclonedx-py requirements --pyproject pyproject.toml --of JSON -o dist/sbom.cdx.json requirements.txt
	@echo dist/sbom.cdx.json

clean:  ## the environment and all state
	@rm -rf .venv .venv-* .state reports dist .mypy_cache .pytest_cache .ruff_cache

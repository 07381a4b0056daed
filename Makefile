# Every target sets up what it needs: from a clean clone, with Python 3.10 or newer, git and make.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two more than two cores: many tests wait, for a server or a terminal.
WORKERS ?= 4
# In an environment of its own: it brings a terminal library and a parser along.
MUTMUT := 3.8.1

# The first interpreter that runs and is new enough; `make PYTHON=python3.12 ...` overrides it.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python3.10 python
IS_NEW_ENOUGH := import sys, venv; sys.exit(sys.version_info < (3, 10))
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(shell $(p) -c '$(IS_NEW_ENOUGH)' 2>/dev/null && echo $(p))))

# Hashes: pip refuses a package that is not the very file that was resolved.
COMPILE := --universal --python-version 3.10 --generate-hashes --quiet \
    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types packages check bench corpus fuzz explore mutants coverage pairs docs site lock clean

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(READY) ## Make .venv with the tool and everything that development needs.

$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.10 or newer is needed: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --requirement requirements-dev.lock
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-build-isolation --no-deps --editable .
	@touch $(READY)

demo: $(READY) ## Show the tool at work on a copy of examples/.
	@BIN=$(BIN) bash examples/demo.sh

test: $(READY) ## Run the tests.
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

lint: $(READY) ## Check style and formatting.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --offline --no-progress --quiet --persona=pedantic action.yml .github
	$(BIN)/actionlint -no-color

format: $(READY) ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY) ## Check the types.
	$(BIN)/mypy

packages: $(READY) ## Build the wheel and the sdist, and try them on each Python there is.
	$(BIN)/python -m tools.check_packages

check: lint types packages test ## What CI runs.

bench: $(READY) ## Measure the speed budgets and write docs/benchmarks.md.
	$(BIN)/python -m tools.bench
	$(BIN)/python -m tools.bench_reading
	$(BIN)/python -m tools.bench_batch

corpus: $(READY) ## Run the tool over the reference corpus, where there is one.
	$(BIN)/python -m tools.corpus

fuzz: $(READY) ## Look for configs that break a promise: make fuzz SECONDS=600 SEED=7.
	$(BIN)/python -m tools.fuzz $(or $(SECONDS),60) $(SEED)

explore: $(READY) ## Run the tests of properties on two thousand new examples each.
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -q -n $(WORKERS) tests/properties

mutants: $(READY) ## Change the code in small ways, and count the changes that no test notices.
	@test -x .mutmut/bin/python || $(PYTHON) -m venv .mutmut
	@.mutmut/bin/python -m pip --disable-pip-version-check install --quiet --requirement requirements-dev.lock
	@.mutmut/bin/python -m pip --disable-pip-version-check install --quiet mutmut==$(MUTMUT)
	PATH="$(CURDIR)/.mutmut/bin:$$PATH" .mutmut/bin/mutmut run $(NAMES)
	.mutmut/bin/mutmut results

coverage: $(READY) ## Show which lines of the proof, remedies and lossless the tests run.
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q $(TESTS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

pairs: $(READY) ## Compare the tool with what maintainers did by hand, where the pairs are.
	$(BIN)/python -m tools.pairs

docs: $(READY) ## Write the generated parts of docs/ and README.md.
	$(BIN)/python -m tools.write_docs
	$(BIN)/python -m tools.record_walk

site: $(READY) ## Build the documentation's site into site/.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: ## Resolve the dependencies again, those of users and those of development.
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev $(COMPILE) --upgrade \
	    --output-file requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --group build $(COMPILE) --upgrade \
	    --constraint requirements-dev.lock --output-file requirements.lock

clean: ## Remove what the other targets made.
	rm -rf $(VENV) .mutmut mutants build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

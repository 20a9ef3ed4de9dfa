# Everything here needs make, a C compiler and a Python from 3.12 on; `make PYTHON=/path/to/python` names one.
VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests of one file stay together, since they share fits.
TEST  := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

ketamine: venv ## fit the ketamine analysis and write reports/ketamine
	$(BIN)/bayesmeta report models/ketamine/analysis.toml --out reports/ketamine

expected: ketamine ## fit it, and write models/ketamine/expected.json and docs/ketamine-table.md again
	$(BIN)/python scripts/ketamine-expected.py

schema: venv ## write docs/results.schema.json again
	$(BIN)/python scripts/results-schema.py

commands: venv ## write docs/command-line.md again
	$(BIN)/python scripts/command-line.py

screenshots: venv ## draw reports, pages and plots as they were at the commit BEFORE and as they are, side by side
	$(BIN)/python scripts/screenshots.py $(BEFORE)

readme: venv ## draw the picture of README.md again, and write what its examples print
	$(BIN)/python scripts/readme.py

test: venv ## run every test, slow ones too
	$(TEST) -m ""

test-fast: venv ## run the tests that neither sample nor simulate
	$(TEST)

lint: venv ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: venv ## fix style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: venv ## check types
	$(BIN)/mypy

docs: venv ## build the documentation in docs/_build/html
	$(BIN)/sphinx-build -W --keep-going --quiet -b html docs docs/_build/html

bench: venv ## time what users wait for
	$(BIN)/python benchmarks/run.py

corpus: venv ## write docs/corpus.md again: every data set, estimator and prior
	$(BIN)/python scripts/corpus.py

published: venv ## simulate published tables again and write docs/published-table.md
	$(BIN)/python benchmarks/published.py

# Adds what benchmarks/calibration does not have yet; `make calibrate AGAIN=--again` computes all of it again, an hour or more.
calibrate: venv ## hide the trials of complete reviews and write docs/calibration-table.md
	$(BIN)/python scripts/calibrate-reviews.py $(AGAIN)

# An edit of pyproject.toml is followed by `make lock`; `make lock UPGRADE=--upgrade` takes newer versions.
lock: venv ## write requirements.lock again
	$(BIN)/uv pip compile pyproject.toml --group dev --group docs --universal --fork-strategy fewest \
	    --python-version 3.12 --custom-compile-command "make lock" --output-file requirements.lock --quiet $(UPGRADE)

venv: $(STAMP) ## install the locked dependencies and bayesmeta itself in .venv

$(STAMP): pyproject.toml requirements.lock
	@$(BIN)/python -c 'import pip, sys; assert sys.version_info >= (3, 12)' 2>/dev/null || { \
	    python=$$(sh scripts/find-python $(PYTHON)) && echo "Setting up $(VENV) with $$python" && \
	    "$$python" -m venv --clear $(VENV); }
	@echo "Installing the locked dependencies (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean: ## remove everything that make created
	rm -rf $(VENV) reports/ketamine reports/screenshots docs/_build docs/generated benchmarks/results build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help ketamine expected schema commands screenshots readme test test-fast lint format types docs bench corpus published calibrate lock venv clean

# Two commands matter: `make run` sets up and analyses, `make test` sets up and checks everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What `make run` analyses: files, folders or globs; a real session by default.
PATHS ?= examples/claude-code-session.jsonl.xz

.PHONY: run demo test check format peers bench golden clean

run: $(VENV)/installed
	$(BIN)/sessionoptimizer analyze $(PATHS)

demo: $(VENV)/installed
	$(BIN)/sessionoptimizer demo

test: $(VENV)/installed-test check
	$(BIN)/pytest -m "not peers"

check: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Against real peers: clean installs of the built wheel, older SDKs, instrumentation libraries (Python and Node) with a
# stub of the providers. Needs a package index; about 15 minutes.
peers: $(VENV)/installed-test
	$(BIN)/pytest -m peers

bench: $(VENV)/installed-test
	$(BIN)/python benchmarks/run_all.py

# Golden reports and generated pages, after a wanted change of their text.
golden: $(VENV)/installed-test
	$(BIN)/python -m tests.golden.remake

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "otel-sessionopt needs Python 3.10 or newer; set PYTHON=/path/to/python3"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[test]'
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

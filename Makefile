# make demo       install into .venv and run the demonstration on bundled real data
# make test       install into .venv and run the whole test suite
# make docs       install into .venv, run the examples and build docs/_build/html
# make lint       check style and formatting
# make codespell  check spelling
# make prose      check the English of pages, docstrings and messages
# make types      check type hints
# make coverage   run the whole test suite; fail under 95 % of the package's lines
# make minimum    run the suite's core on the oldest versions that are supported

PYTHON ?= python3
BIN := .venv/bin
MINIMUM := .venv-minimum
INSTALL := -m pip install --quiet --disable-pip-version-check

# Ciphers, keys, estimators and files: what a release of a dependency can break.
CORE := tests/ciphers tests/keys tests/tables tests/test_common.py \
	$(addprefix tests/encryption/test_,encryptor.py files.py state.py warnings.py) \
	tests/synthesis/test_synthesizer.py

# One BLAS thread a worker: more would contend. SCIPY_ARRAY_API runs the one of
# scikit-learn's checks that is skipped without it.
SETTINGS := OMP_NUM_THREADS=1 SCIPY_ARRAY_API=1

.PHONY: demo test docs lint codespell prose types coverage minimum clean

.venv/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) -c constraints.txt -e ".[demo,images]"
	touch $@

.venv/.tests: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) -c constraints.txt -e ".[demo,tests,linters]"
	touch $@

.venv/.docs: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) -c constraints.txt -e ".[docs]"
	touch $@

$(MINIMUM)/.tests: pyproject.toml requirements-minimum.txt
	$(PYTHON) -m venv $(MINIMUM)
	$(MINIMUM)/bin/python $(INSTALL) -r requirements-minimum.txt -e .
	touch $@

demo: .venv/.demo
	$(BIN)/python -m sklearn_homeo demo $(ARGS)

test: .venv/.tests
	$(SETTINGS) $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

coverage: .venv/.tests
	$(MAKE) test ARGS="--cov --cov-report=term $(ARGS)"

minimum: $(MINIMUM)/.tests
	$(SETTINGS) $(MINIMUM)/bin/python -m pytest -n 2 --dist worksteal $(CORE) $(ARGS)

# Warnings are errors. Small matrices: more BLAS threads would only wait for each other.
docs: .venv/.docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -E -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html $(ARGS)
	$(BIN)/python docs/check_site.py docs/_build/html

lint: .venv/.tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check

codespell: .venv/.tests
	$(BIN)/codespell

prose: .venv/.tests
	$(BIN)/python docs/check_prose.py $(ARGS)

types: .venv/.tests
	$(BIN)/mypy

clean:
	rm -rf .venv $(MINIMUM) demo_output docs/_build docs/auto_examples docs/generated benchmarks/output
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage*

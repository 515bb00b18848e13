# make demo   install into .venv and run the main job on bundled real data
# make test   install into .venv and run the whole test suite
# make docs   install into .venv, run the examples and build docs/_build/html
# make lint   check style and formatting

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test docs lint clean

.venv/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[demo]"
	touch $@

.venv/.tests: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[demo,tests,linters]"
	touch $@

.venv/.docs: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	touch $@

demo: .venv/.demo
	$(BIN)/python -m sklearn_homeo $(ARGS)

# One BLAS thread a worker: more would contend. SCIPY_ARRAY_API runs the one of
# scikit-learn's checks that is skipped without it.
test: .venv/.tests
	OMP_NUM_THREADS=1 SCIPY_ARRAY_API=1 $(BIN)/python -m pytest -n 2 $(ARGS)

# Warnings are errors. Small matrices: more BLAS threads would only wait for each other.
docs: .venv/.docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -E -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html $(ARGS)
	$(BIN)/python docs/check_site.py docs/_build/html

lint: .venv/.tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check

clean:
	rm -rf .venv demo_output docs/_build docs/auto_examples docs/generated benchmarks/output .pytest_cache .ruff_cache .hypothesis

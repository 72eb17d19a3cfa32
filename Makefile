# Each target makes .venv and installs what it needs the first time; run again, it skips what is done.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
RUN    := runs/first

export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: train lecture docs bench test test-all test-jax test-lowest lint clean

$(VENV)/.run: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(PY) -m pip install --quiet --editable ".[test]"
	touch $@

train: $(VENV)/.run         ## train vgg_mini on the bundled images, then print what it learnt
	test -f $(RUN)/metrics.json || $(PY) -m zoo train --run-dir $(RUN) $$(test -f $(RUN)/experiment.json && echo --resume)
	$(PY) -m zoo evaluate $(RUN)

lecture: $(VENV)/.run       ## measure every claim of the lecture, then rebuild examples/README.md
	$(PY) -m examples

$(VENV)/.bench: $(VENV)/.test
	$(PY) -m pip install --quiet --editable ".[bench,torch,jax]"
	touch $@

bench: $(VENV)/.bench       ## re-measure the numbers of the README and of benchmarks/, but the photographs'; about eleven hours on 2 cores
	$(PY) -m benchmarks $(BENCH)

$(VENV)/.docs: $(VENV)/.run
	$(PY) -m pip install --quiet --editable ".[docs]"
	touch $@

docs: $(VENV)/.docs         ## build the documentation into build/site
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --quiet

test: $(VENV)/.test         ## what has to hold, in a few minutes
	$(PY) -m pytest -n auto --dist loadfile -m "not slow"

test-all: $(VENV)/.test     ## the slow tests, then the backend-independent rooms again on JAX
	$(PY) -m pytest -n auto --dist worksteal -m slow
	$(MAKE) test-jax

test-jax: $(VENV)/.test
	KERAS_BACKEND=jax $(PY) -m pytest -n auto --dist worksteal tests/layers tests/initializers tests/test_folding.py \
		tests/health/test_probe.py tests/health/test_probe_inputs.py tests/training/test_divergence.py

test-lowest:                ## the quick tests with the lowest versions that pyproject.toml allows, in a venv of their own
	test -x $(VENV)-lowest/bin/python || $(PYTHON) -m venv $(VENV)-lowest
	$(PYTHON) tests/lowest_versions.py > $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --requirement $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --no-deps --editable .
	$(VENV)-lowest/bin/python -m pytest -n auto --dist worksteal -W default -m "not slow"

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

clean:                      ## all but what was trained: runs, studies, ablations
	rm -rf $(VENV) $(VENV)-lowest build *.egg-info

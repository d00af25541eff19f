# `make demo` and `make test` need Python 3.11 to 3.13 and nothing else.
PYTHON ?= python3
VENV := .venv
JAX := .venv-jax
TORCH := .venv-torch
BIN := $(VENV)/bin
# A worker that has nothing left takes tests from the other one.
PARALLEL := --numprocesses 2 --dist worksteal --durations 20
# Files that cannot be imported without TensorFlow bear no such mark.
JAX_FILES = $(shell grep -l 'mark\.jax' tests/test_*.py)
FAST := -m 'not slow'
FAST_JAX := -m 'jax and not slow and not slow_on_jax'

# Networks this small take longer to compile than to train.
UNOPTIMISED := KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1

.PHONY: demo test test-all lint jax-test jax-test-all jax-run clean help

help:
	@echo "make demo      set up and run the main experiment on handwritten digits"
	@echo "make test      set up and run the checks, with TensorFlow and with JAX alone"
	@echo "make test-all  the same with the slow tests, before a release"
	@echo "make lint      style and import rules only"
	@echo "make clean     remove the environments and caches"

demo: $(VENV)/.ready
	$(BIN)/python -m experiments.training_heuristics --profile quick --dataset digits \
		--epochs 20 --seeds 0 1 --recipes vanilla mix_up batch_norm --results results/demo

test: lint jax-test
	$(BIN)/python -m pytest $(PARALLEL) $(FAST)

test-all: lint jax-test-all
	$(BIN)/python -m pytest $(PARALLEL)

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports setup.cfg
	$(BIN)/basedpyright --pythonpath $(BIN)/python

# Tests and one run of the main experiment where there is no TensorFlow.
jax-test: jax-run
	$(UNOPTIMISED) $(JAX)/bin/python -m pytest $(PARALLEL) $(FAST_JAX) $(JAX_FILES)

jax-test-all: jax-run
	$(UNOPTIMISED) $(JAX)/bin/python -m pytest $(PARALLEL) -m jax $(JAX_FILES)

jax-run: $(JAX)/.ready
	KERAS_BACKEND=jax $(JAX)/bin/python -m experiments.training_heuristics --epochs 2 \
		--recipes vanilla batch_norm --fresh --results $(JAX)/results --store $(JAX)/store

$(VENV)/.ready: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		(echo "Python 3.11, 3.12 or 3.13 is needed, for example: make PYTHON=python3.12"; exit 1)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# The package without TensorFlow and with another backend, in the environment of PYTHON. The package
# itself without its requirements, TensorFlow among them, and those of the extra: pip has no such
# option.
install:
	$(PYTHON) -m pip install $$($(PYTHON) -c 'import configparser as c; p = c.ConfigParser(); \
		p.read("setup.cfg"); extra = p["options.extras_require"]["$(BACKEND)"]; \
		print(extra.replace(" ", ""))')
	$(PYTHON) -m pip install --no-deps .

# Without a copy of the wheels in pip's cache: PyTorch brings gigabytes of CUDA.
$(VENV)-%/.ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)-$*
	PIP_QUIET=1 PIP_NO_CACHE_DIR=1 $(MAKE) install BACKEND=$* PYTHON=$(VENV)-$*/bin/python
	$(VENV)-$*/bin/python -m pip install --quiet pytest pytest-xdist
	touch $@

clean:
	rm -rf $(VENV) $(JAX) $(TORCH) build dist *.egg-info .pytest_cache .ruff_cache

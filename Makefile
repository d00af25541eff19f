# `make demo` and `make test` need Python 3.11 to 3.13 and nothing else.
PYTHON ?= python3
VENV := .venv
JAX := .venv-jax
TORCH := .venv-torch
BIN := $(VENV)/bin
# A worker that has nothing left takes tests from the other one.
PARALLEL := --numprocesses 2 --dist worksteal --durations 20
# Files that cannot be imported without TensorFlow bear no such mark.
MARKED = $(shell grep -l 'mark\.jax' tests/test_*.py)
MARKED_TORCH = $(shell grep -lE 'mark\.(jax|torch)' tests/test_*.py)
FAST := -m 'not slow'
# Without TensorFlow: what bears the mark, with JAX and with PyTorch; there also what compares with it.
FAST_JAX := -m 'jax and not slow and not slow_on_jax'
FAST_TORCH := -m '(jax or torch) and not slow and not slow_on_jax and not slow_on_torch'

# Networks this small take longer to compile than to train.
UNOPTIMISED := KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1
# Waiting threads leave the cores to others, such as a second worker.
EAGER := KERAS_BACKEND=torch OMP_WAIT_POLICY=passive
# PyTorch for Linux brings CUDA: about 6 GB, for a moment twice that.
ROOM := 12

.PHONY: demo test test-all lint install jax-test jax-test-all jax-run torch-test torch-test-all \
	torch-test-run torch-test-all-run torch-run clean help

help:
	@echo "make demo      set up and run the main experiment on handwritten digits"
	@echo "make test      set up and run the checks, with TensorFlow, JAX alone and PyTorch alone"
	@echo "make test-all  the same with the slow tests, before a release"
	@echo "make lint      style and import rules only"
	@echo "make install BACKEND=torch PYTHON=python3"
	@echo "               install the package without TensorFlow, with PyTorch or jax"
	@echo "make clean     remove the environments and caches"

demo: $(VENV)/.ready
	$(BIN)/python -m experiments.training_heuristics --profile quick --dataset digits \
		--epochs 20 --seeds 0 1 --recipes vanilla mix_up batch_norm --results results/demo

test: lint jax-test torch-test
	$(BIN)/python -m pytest $(PARALLEL) $(FAST)

test-all: lint jax-test-all torch-test-all
	$(BIN)/python -m pytest $(PARALLEL)

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports setup.cfg
	$(BIN)/basedpyright --pythonpath $(BIN)/python

# Tests and one run of the main experiment where there is no TensorFlow.
jax-test: jax-run
	$(UNOPTIMISED) $(JAX)/bin/python -m pytest $(PARALLEL) $(FAST_JAX) $(MARKED)

jax-test-all: jax-run
	$(UNOPTIMISED) $(JAX)/bin/python -m pytest $(PARALLEL) -m jax $(MARKED)

jax-run: $(JAX)/.ready
	KERAS_BACKEND=jax $(JAX)/bin/python -m experiments.training_heuristics --epochs 2 \
		--recipes vanilla batch_norm --fresh --results $(JAX)/results --store $(JAX)/store

# The same with PyTorch, unless there is no room for it.
torch-test torch-test-all:
	@room=$$(df -Pk . | awk 'NR == 2 { print int($$4 / 1000000) }'); \
	if [ -e $(TORCH)/.ready ] || [ "$$room" -ge $(ROOM) ]; then $(MAKE) $@-run; else \
		echo "The tests with PyTorch are left out: they need $(ROOM) GB on the disk, $$room are free."; fi

torch-test-run: $(TORCH)/.ready
	$(EAGER) $(TORCH)/bin/python -m pytest $(PARALLEL) $(FAST_TORCH) $(MARKED_TORCH)

torch-test-all-run: torch-run
	$(EAGER) $(TORCH)/bin/python -m pytest $(PARALLEL) -m 'jax or torch' $(MARKED_TORCH)

torch-run: $(TORCH)/.ready
	$(EAGER) $(TORCH)/bin/python -m experiments.training_heuristics --epochs 2 \
		--recipes vanilla batch_norm --fresh --results $(TORCH)/results --store $(TORCH)/store

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
	@$(if $(filter jax torch,$(BACKEND)),,echo "make install BACKEND=torch PYTHON=python3, or jax"; exit 2)
	$(PYTHON) -m pip install $$($(PYTHON) -c 'import configparser as c; p = c.ConfigParser(); \
		p.read("setup.cfg"); print(p["options.extras_require"]["$(BACKEND)"].replace(" ", ""))')
	$(PYTHON) -m pip install --no-deps .

# Without a copy of the wheels in pip's cache: PyTorch brings gigabytes of CUDA.
$(VENV)-%/.ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)-$*
	PIP_QUIET=1 PIP_NO_CACHE_DIR=1 $(MAKE) install BACKEND=$* PYTHON=$(VENV)-$*/bin/python
	$(VENV)-$*/bin/python -m pip install --quiet pytest pytest-xdist
	touch $@

clean:
	rm -rf $(VENV) $(JAX) $(TORCH) build dist *.egg-info .pytest_cache .ruff_cache

# `make demo` and `make test` need Python 3.11 to 3.13 and nothing else.
PYTHON ?= python3
VENV := .venv
JAX := .venv-jax
BIN := $(VENV)/bin
PARALLEL := --numprocesses 2 --dist loadfile --durations 20
CORE := $(addprefix tests/test_,spectrum.py layers.py layer_contract.py pipeline.py data.py training.py \
	analysis.py kernels.py regularizers.py gradients.py attacks.py robust_accuracy.py scaling.py \
	singular_values.py contingency.py rings.py sensitivity_penalty.py fourier_sensitivity.py \
	fourier_training.py recombination.py blur_pool.py tensors.py contract.py classifier.py \
	batch_norm.py copying.py surgery.py strong_attacks.py attack_checks.py)
# What one case or another file shows on JAX as well; these take minutes.
FOURIER := test_fourier_training.py::
FIT := test_training.py::TestFit::
SLOW := $(addprefix --deselect tests/,\
	$(FIT)test_a_killed_training_ends_as_the_uninterrupted_one \
	$(FIT)test_an_interrupted_training_ends_as_the_uninterrupted_one[1] \
	test_training.py::TestStore::test_damaged_progress_is_noticed_and_the_one_before_counts[flip] \
	$(FOURIER)TestRecipe::test_a_stopped_training_goes_on_bit_for_bit \
	$(FOURIER)test_moves_the_sensitivity_to_where_its_name_says[mid] \
	$(FOURIER)test_moves_the_sensitivity_to_where_its_name_says[high] \
	$(FOURIER)test_moves_the_sensitivity_to_where_its_name_says[all] \
	$(FOURIER)test_weight_0_trains_like_the_plain_model[one_hot] \
	$(FOURIER)test_mixed_precision[mixed_bfloat16] \
	$(FOURIER)test_saves_and_loads_in_a_fresh_process)

# Networks this small take longer to compile than to train.
UNOPTIMISED := KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1

.PHONY: demo test lint jax-test clean help

help:
	@echo "make demo   set up and run the main experiment on handwritten digits"
	@echo "make test   set up and run every check, with TensorFlow and with JAX alone"
	@echo "make lint   style and import rules only"
	@echo "make clean  remove the environments and caches"

demo: $(VENV)/.ready
	$(BIN)/python -m experiments.training_heuristics --profile quick --dataset digits \
		--recipes vanilla dropout mix_up batch_norm --results results/demo

test: lint jax-test
	$(BIN)/python -m pytest $(PARALLEL)

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports setup.cfg

# Core tests and one run of the main experiment where there is no TensorFlow.
jax-test: $(JAX)/.ready
	$(UNOPTIMISED) $(JAX)/bin/python -m pytest $(PARALLEL) $(CORE) $(SLOW)
	$(UNOPTIMISED) $(JAX)/bin/python -m pytest tests/test_adversarial.py -k 'plain_step or stopped'
	$(UNOPTIMISED) $(JAX)/bin/python -m pytest tests/test_experiments.py -k npz
	KERAS_BACKEND=jax $(JAX)/bin/python -m experiments.training_heuristics --epochs 2 \
		--recipes vanilla batch_norm --fresh --results $(JAX)/results --store $(JAX)/store

$(VENV)/.ready: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		(echo "Python 3.11, 3.12 or 3.13 is needed, for example: make PYTHON=python3.12"; exit 1)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

# `--no-deps` and then the list of the extra: pip cannot install a package without its
# requirements but with those of an extra.
$(JAX)/.ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(JAX)
	$(JAX)/bin/python -c 'import configparser; c = configparser.ConfigParser(); \
		c.read("setup.cfg"); print(c["options.extras_require"]["jax"])' > $(JAX)/requirements.txt
	$(JAX)/bin/python -m pip install --quiet --requirement $(JAX)/requirements.txt pytest pytest-xdist
	$(JAX)/bin/python -m pip install --quiet --no-deps .
	touch $@

clean:
	rm -rf $(VENV) $(JAX) build dist *.egg-info .pytest_cache .ruff_cache

"""Speed against the alternatives, same work in one run: ``python -m benchmarks.<name>``."""

import os

# As for the experiments, before TensorFlow is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

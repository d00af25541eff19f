"""Experiments: one file each, run as ``python -m experiments.<name>``."""

import os

# TensorFlow greets on stderr at import; warnings and errors still come through.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

"""Experiments: one file each, run as ``python -m experiments.<name>``."""

import os
import sys

from hfc_keras import endings

# TensorFlow greets on stderr at import; warnings and errors still come through.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow switches oneDNN on by itself on some Intel processors only; without it convolutions are
# up to 2.3 times slower on others, and results differ in the last digits.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# So it stands while ``python -m`` looks for a module of this package, which then takes seconds.
if sys.argv[:1] == ["-m"]:
    endings.start()

"""Graphs that are built fast."""

import keras


def leave_unoptimized():
    """Let TensorFlow take graphs as they are: small networks take longer to optimize than to train.

    Weights that are compared bit for bit come from processes that all do so, or all do not.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

"""Measures in the middle of a training, for any ``fit``: their numbers go into Keras' logs."""

from hfc_keras.callbacks.fourier_sensitivity import FourierSensitivity as FourierSensitivity
from hfc_keras.callbacks.frequency_accuracy import FrequencyAccuracy as FrequencyAccuracy

"""Measures of a trained model: images and labels in, rows out."""

from hfc_keras.analysis.batch_norm import with_statistics as with_statistics
from hfc_keras.analysis.contingency import component_probabilities as component_probabilities
from hfc_keras.analysis.contingency import contingency as contingency
from hfc_keras.analysis.frequency_accuracy import frequency_accuracy as frequency_accuracy
from hfc_keras.analysis.frequency_accuracy import (
    frequency_accuracy_by_epoch as frequency_accuracy_by_epoch,
)
from hfc_keras.analysis.robust_accuracy import robust_accuracy as robust_accuracy
from hfc_keras.analysis.scaling import scaled_components as scaled_components

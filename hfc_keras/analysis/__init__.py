"""Measures of a trained model: images and labels in, rows out.

Every measure takes its images as

- an array or tensor ``(examples, height, width, channels)``, float in [0, 1], or uint8 in 0-255,
  which is divided by 255;
- a ``data.Split``;
- a ``tf.data.Dataset`` of (images, labels) batches that ends, or another iterable of such batches
  that knows its length. It is read once, in its own order, and kept in memory.

The last two bring their labels, so ``labels`` is left out: ``calibration(model, test)``. Only
``perturbation_spectrum`` compares images pair by pair, and takes no batches, whose order may
change. Where radii are left out they are those of the experiments, the width of the images times
1/8, 1/4, 3/8 and 1/2.

A model computes in the precision of its own dtype policy; losses, probabilities and spectra are
float32 or finer. To measure a half-precision model in full, build it under ``float32`` and set its
weights.
"""

from hfc_keras.analysis.band_stop_accuracy import band_stop_accuracy as band_stop_accuracy
from hfc_keras.analysis.batch_norm import has_batch_norm as has_batch_norm
from hfc_keras.analysis.batch_norm import with_statistics as with_statistics
from hfc_keras.analysis.calibration import calibration as calibration
from hfc_keras.analysis.calibration import reliability as reliability
from hfc_keras.analysis.changed_accuracy import changed_accuracy as changed_accuracy
from hfc_keras.analysis.class_spectra import class_spectra as class_spectra
from hfc_keras.analysis.contingency import component_probabilities as component_probabilities
from hfc_keras.analysis.contingency import contingency as contingency
from hfc_keras.analysis.corruption_accuracy import corruption_accuracy as corruption_accuracy
from hfc_keras.analysis.corruption_accuracy import mean_corruption_error as mean_corruption_error
from hfc_keras.analysis.critical_band import critical_band as critical_band
from hfc_keras.analysis.feature_spectrum import feature_spectrum as feature_spectrum
from hfc_keras.analysis.fourier_heat_map import fourier_heat_map as fourier_heat_map
from hfc_keras.analysis.fourier_sensitivity import fourier_sensitivity as fourier_sensitivity
from hfc_keras.analysis.frequency_accuracy import frequency_accuracy as frequency_accuracy
from hfc_keras.analysis.frequency_accuracy import (
    frequency_accuracy_by_epoch as frequency_accuracy_by_epoch,
)
from hfc_keras.analysis.frequency_shortcuts import frequency_shortcuts as frequency_shortcuts
from hfc_keras.analysis.hybrid_preference import hybrid_preference as hybrid_preference
from hfc_keras.analysis.kernel_spectra import kernel_spectra as kernel_spectra
from hfc_keras.analysis.out_of_distribution import out_of_distribution as out_of_distribution
from hfc_keras.analysis.patch_shuffle_accuracy import (
    patch_shuffle_accuracy as patch_shuffle_accuracy,
)
from hfc_keras.analysis.perturbation_spectrum import perturbation_spectrum as perturbation_spectrum
from hfc_keras.analysis.robust_accuracy import robust_accuracy as robust_accuracy
from hfc_keras.analysis.shift_consistency import shift_consistency as shift_consistency
from hfc_keras.analysis.spectral_importance import spectral_importance as spectral_importance

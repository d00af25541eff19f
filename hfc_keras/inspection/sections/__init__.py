"""The questions of a profile, one a file, in the order of the page."""

from hfc_keras.inspection.section import Section
from hfc_keras.inspection.sections import (
    answers,
    band_stop,
    calibration,
    feature_spectrum,
    first_layer,
    fourier_heat_map,
    fourier_sensitivity,
    frequency_accuracy,
    high_only,
    robust_accuracy,
    selfcheck,
    shift_consistency,
)

SECTIONS: tuple[Section, ...] = (
    answers.SECTION,
    frequency_accuracy.SECTION,
    band_stop.SECTION,
    fourier_sensitivity.SECTION,
    feature_spectrum.SECTION,
    fourier_heat_map.SECTION,
    robust_accuracy.SECTION,
    first_layer.SECTION,
    shift_consistency.SECTION,
    calibration.SECTION,
    high_only.SECTION,
    selfcheck.SECTION,
)

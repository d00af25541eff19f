"""The questions of a profile, one a file, in the order of the page."""

from hfc_keras.inspection.section import Section
from hfc_keras.inspection.sections import (
    answers,
    band_stop,
    fourier_sensitivity,
    frequency_accuracy,
)

SECTIONS: tuple[Section, ...] = (
    answers.SECTION,
    frequency_accuracy.SECTION,
    band_stop.SECTION,
    fourier_sensitivity.SECTION,
)

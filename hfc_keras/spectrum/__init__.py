"""Fourier mathematics on image batches: masks, components, rings, phase, basis images.

Radii and rings count cycles per image; the zero frequency stands at ``[0, 0]``.
"""

from hfc_keras.spectrum.basis import fourier_basis as fourier_basis
from hfc_keras.spectrum.components import band as band
from hfc_keras.spectrum.components import low_components as low_components
from hfc_keras.spectrum.components import split as split
from hfc_keras.spectrum.masking import masked as masked
from hfc_keras.spectrum.masks import MASKS as MASKS
from hfc_keras.spectrum.masks import UNITS as UNITS
from hfc_keras.spectrum.masks import band_mask as band_mask
from hfc_keras.spectrum.masks import clipping as clipping
from hfc_keras.spectrum.masks import radial_mask as radial_mask
from hfc_keras.spectrum.recombination import AXES as AXES
from hfc_keras.spectrum.recombination import recombine as recombine
from hfc_keras.spectrum.recombination import recombine_within as recombine_within
from hfc_keras.spectrum.rings import CHANNELS as CHANNELS
from hfc_keras.spectrum.rings import RINGS as RINGS
from hfc_keras.spectrum.rings import ring_index as ring_index
from hfc_keras.spectrum.rings import ring_power as ring_power
from hfc_keras.spectrum.rings import ring_shares as ring_shares
from hfc_keras.spectrum.rings import ring_sizes as ring_sizes

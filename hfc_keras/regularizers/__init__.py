"""Penalties and constraints of a training: smooth kernels, Fourier sensitivity."""

from hfc_keras.regularizers.kernel_roughness import KernelRoughness as KernelRoughness
from hfc_keras.regularizers.kernel_roughness import MaxRoughness as MaxRoughness
from hfc_keras.regularizers.sensitivity_penalty import KINDS as KINDS
from hfc_keras.regularizers.sensitivity_penalty import SensitivityBand as SensitivityBand
from hfc_keras.regularizers.sensitivity_penalty import sensitivity_penalty as sensitivity_penalty

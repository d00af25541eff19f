"""Keras layers for filtering and augmenting images; each works in a model and in tf.data."""

from hfc_keras.layers.band_filter import BandFilter as BandFilter
from hfc_keras.layers.batch_mix_up import BatchMixUp as BatchMixUp
from hfc_keras.layers.radial_filter import RadialFilter as RadialFilter
from hfc_keras.layers.random_crop_flip import RandomCropFlip as RandomCropFlip
from hfc_keras.layers.rescale_to_max import RescaleToMax as RescaleToMax

"""Keras layers: filters and augmentation, in a model and in tf.data; convolutions, pooling."""

from hfc_keras.layers.amplitude_phase_mix import AmplitudePhaseMix as AmplitudePhaseMix
from hfc_keras.layers.amplitude_phase_single import AmplitudePhaseSingle as AmplitudePhaseSingle
from hfc_keras.layers.band_filter import BandFilter as BandFilter
from hfc_keras.layers.batch_mix_up import BatchMixUp as BatchMixUp
from hfc_keras.layers.blur_pool2d import BlurPool2D as BlurPool2D
from hfc_keras.layers.both_copies import BothCopies as BothCopies
from hfc_keras.layers.contextual_conv2d import ContextualConv2D as ContextualConv2D
from hfc_keras.layers.fourier_pool2d import FourierPool2D as FourierPool2D
from hfc_keras.layers.hybrid_augment import HybridAugment as HybridAugment
from hfc_keras.layers.max_blur_pool2d import MaxBlurPool2D as MaxBlurPool2D
from hfc_keras.layers.pixel_noise import PixelNoise as PixelNoise
from hfc_keras.layers.radial_filter import RadialFilter as RadialFilter
from hfc_keras.layers.random_crop_flip import RandomCropFlip as RandomCropFlip
from hfc_keras.layers.rescale_to_max import RescaleToMax as RescaleToMax
from hfc_keras.layers.smooth_conv2d import SmoothConv2D as SmoothConv2D

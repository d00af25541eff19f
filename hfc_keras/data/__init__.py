"""Image sets as uint8 arrays: where they come from and what they look like."""

from hfc_keras.data.corruptions import CORRUPTIONS as CORRUPTIONS
from hfc_keras.data.corruptions import corrupt as corrupt
from hfc_keras.data.dataset import Dataset as Dataset
from hfc_keras.data.dataset import MixedSizesError as MixedSizesError
from hfc_keras.data.dataset import Split as Split
from hfc_keras.data.outside import NOISES as NOISES
from hfc_keras.data.outside import as_images_like as as_images_like
from hfc_keras.data.outside import noise_images as noise_images
from hfc_keras.data.patches import patch_shuffle as patch_shuffle
from hfc_keras.data.pipeline import TrainingBatches as TrainingBatches
from hfc_keras.data.published_corruptions import PUBLISHED as PUBLISHED
from hfc_keras.data.published_corruptions import corrupted_split as corrupted_split
from hfc_keras.data.sources import load as load
from hfc_keras.data.sources import names as names
from hfc_keras.data.synthetic import synthetic as synthetic

"""Image sets as uint8 arrays: where they come from and what they look like."""

from hfc_keras.data.dataset import Dataset as Dataset
from hfc_keras.data.dataset import Split as Split
from hfc_keras.data.pipeline import TrainingBatches as TrainingBatches
from hfc_keras.data.sources import load as load
from hfc_keras.data.sources import names as names
from hfc_keras.data.synthetic import synthetic as synthetic

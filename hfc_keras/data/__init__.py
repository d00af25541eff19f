"""Image sets as uint8 arrays: where they come from and what they look like."""

from .dataset import Dataset as Dataset
from .dataset import Split as Split
from .pipeline import TrainingBatches as TrainingBatches
from .sources import load as load
from .sources import names as names
from .synthetic import synthetic as synthetic

"""What a model must be for attacks, measures and trainings: one contract, checked in one place.

A keras.Model from one batch of images ``(batch, height, width, channels)`` in [0, 1] to logits
``(batch, classes)`` of at least two classes. ``models.as_classifier`` makes one of other models.
"""

from hfc_keras.contract.makeup import makeup as makeup
from hfc_keras.contract.makeup import settings as settings
from hfc_keras.contract.output_kinds import ending as ending
from hfc_keras.contract.output_kinds import is_graph as is_graph
from hfc_keras.contract.output_kinds import last_operation as last_operation
from hfc_keras.contract.output_kinds import output_kind as output_kind
from hfc_keras.contract.pixel_range import takes_levels as takes_levels
from hfc_keras.contract.probing import RANDOM as RANDOM
from hfc_keras.contract.probing import Classifier as Classifier
from hfc_keras.contract.probing import numeric_kind as numeric_kind
from hfc_keras.contract.probing import probed as probed
from hfc_keras.contract.requirements import classifier as classifier
from hfc_keras.contract.requirements import form_of as form_of
from hfc_keras.contract.requirements import keras_model as keras_model
from hfc_keras.contract.requirements import model_input as model_input
from hfc_keras.contract.requirements import refuse_torch_module as refuse_torch_module
from hfc_keras.contract.requirements import require_logits as require_logits

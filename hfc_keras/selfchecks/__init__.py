"""Whether the robust accuracy of a model can be believed: checks of the model, then of attacks."""

from hfc_keras.selfchecks.running import STATUSES as STATUSES
from hfc_keras.selfchecks.running import checked as checked
from hfc_keras.selfchecks.running import run as run
from hfc_keras.selfchecks.standard import standard_evaluation as standard_evaluation
from hfc_keras.selfchecks.subject import Check as Check
from hfc_keras.selfchecks.subject import Subject as Subject

"""The frequency profile of anybody's model."""

from hfc_keras.inspection.inspecting import inspect as inspect
from hfc_keras.inspection.profile import Profile as Profile

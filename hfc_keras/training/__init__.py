"""Training a network by a recipe, and the store that keeps what was trained."""

from hfc_keras.training.adversarial import AdversarialTraining as AdversarialTraining
from hfc_keras.training.catastrophic_overfitting import (
    CatastrophicOverfitting as CatastrophicOverfitting,
)
from hfc_keras.training.fitting import fit as fit
from hfc_keras.training.fourier import FourierRegularized as FourierRegularized
from hfc_keras.training.networks import build_model as build_model
from hfc_keras.training.optimizers import OneCycle as OneCycle
from hfc_keras.training.optimizers import WarmUp as WarmUp
from hfc_keras.training.population_images import is_augmented as is_augmented
from hfc_keras.training.population_images import population_images as population_images
from hfc_keras.training.recipe import Recipe as Recipe
from hfc_keras.training.store import Store as Store
from hfc_keras.training.training_data import filtered_images as filtered_images
from hfc_keras.training.training_data import load_data as load_data

"""Networks that end in logits, and surgery on them."""

from hfc_keras.models.antialiasing import antialias as antialias
from hfc_keras.models.catalogue import build as build
from hfc_keras.models.catalogue import names as names
from hfc_keras.models.catalogue import register as register
from hfc_keras.models.classifier import as_classifier as as_classifier
from hfc_keras.models.state_dict import set_state_dict as set_state_dict
from hfc_keras.models.surgery import first_convolution as first_convolution
from hfc_keras.models.surgery import smooth_model as smooth_model
from hfc_keras.models.torch_resnet import torch_resnet as torch_resnet
from hfc_keras.models.torch_weights import from_torch as from_torch

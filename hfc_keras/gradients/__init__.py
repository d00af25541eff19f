"""Value and gradient of a function of the images: the one seam between Keras backends.

TensorFlow, JAX and PyTorch differ in how a gradient is taken and in how a function is compiled.
Both differences stand here; everything above works on ``keras.ops``.
"""

from hfc_keras.gradients.backends import inference as inference
from hfc_keras.gradients.compiling import compiled as compiled
from hfc_keras.gradients.compiling import predicted as predicted
from hfc_keras.gradients.compiling import predicted_batches as predicted_batches
from hfc_keras.gradients.differentiation import input_gradient as input_gradient
from hfc_keras.gradients.differentiation import value_and_gradient as value_and_gradient

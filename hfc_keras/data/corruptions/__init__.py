"""Common corruptions of images, generated with the published parameters."""

from hfc_keras.data.corruptions.blurs import disk_kernel as disk_kernel
from hfc_keras.data.corruptions.blurs import motion_kernel as motion_kernel
from hfc_keras.data.corruptions.blurs import nearby_sources as nearby_sources
from hfc_keras.data.corruptions.corruption import corrupt as corrupt
from hfc_keras.data.corruptions.parameters import CORRUPTIONS as CORRUPTIONS
from hfc_keras.data.corruptions.parameters import PARAMETERS as PARAMETERS
from hfc_keras.data.corruptions.weather import frost_texture as frost_texture
from hfc_keras.data.corruptions.weather import plasma as plasma

"""Tables and figures from rows; knows nothing of networks."""

from hfc_keras.reporting.kernels import kernel_pictures as kernel_pictures
from hfc_keras.reporting.kernels import kernel_rows as kernel_rows
from hfc_keras.reporting.kernels import kernel_table as kernel_table
from hfc_keras.reporting.plots import frequency_panels as frequency_panels
from hfc_keras.reporting.plots import save_figure as save_figure
from hfc_keras.reporting.robustness import robustness_panels as robustness_panels
from hfc_keras.reporting.robustness import robustness_points as robustness_points
from hfc_keras.reporting.robustness import robustness_table as robustness_table
from hfc_keras.reporting.tables import last_epoch as last_epoch
from hfc_keras.reporting.tables import read_table as read_table
from hfc_keras.reporting.tables import unique_rows as unique_rows

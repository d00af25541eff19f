"""Tables and figures from rows; knows nothing of networks."""

from hfc_keras.reporting.plots import frequency_panels as frequency_panels
from hfc_keras.reporting.plots import save_figure as save_figure
from hfc_keras.reporting.tables import last_epoch as last_epoch
from hfc_keras.reporting.tables import read_table as read_table
from hfc_keras.reporting.tables import unique_rows as unique_rows

"""Tables and figures from rows; knows nothing of networks."""

from hfc_keras.reporting.claims.claim import NOT_MEASURED as NOT_MEASURED
from hfc_keras.reporting.claims.claim import Claim as Claim
from hfc_keras.reporting.claims.effects import EQUIVALENCE as EQUIVALENCE
from hfc_keras.reporting.claims.effects import chance as chance
from hfc_keras.reporting.claims.effects import difference as difference
from hfc_keras.reporting.claims.effects import mean_of as mean_of
from hfc_keras.reporting.claims.effects import mean_over as mean_over
from hfc_keras.reporting.claims.effects import radius as radius
from hfc_keras.reporting.claims.effects import value as value
from hfc_keras.reporting.claims.verdicts import judge as judge
from hfc_keras.reporting.drawing.style import save_figure as save_figure
from hfc_keras.reporting.effects.fourier_sensitivity import (
    sensitivity_numbers as sensitivity_numbers,
)
from hfc_keras.reporting.figures.band_stop import band_stop_curves as band_stop_curves
from hfc_keras.reporting.figures.class_spectra import class_spectra_maps as class_spectra_maps
from hfc_keras.reporting.figures.class_spectra import shortcut_matrix as shortcut_matrix
from hfc_keras.reporting.figures.conditions import condition_points as condition_points
from hfc_keras.reporting.figures.conditions import condition_table as condition_table
from hfc_keras.reporting.figures.corruption_accuracy import corruption_points as corruption_points
from hfc_keras.reporting.figures.corruption_accuracy import corruption_table as corruption_table
from hfc_keras.reporting.figures.critical_band import (
    critical_band_curves as critical_band_curves,
)
from hfc_keras.reporting.figures.epsilon_curves import epsilon_curves as epsilon_curves
from hfc_keras.reporting.figures.feature_spectrum import (
    feature_spectrum_curves as feature_spectrum_curves,
)
from hfc_keras.reporting.figures.feature_spectrum import (
    high_frequency_table as high_frequency_table,
)
from hfc_keras.reporting.figures.fourier_sensitivity import sensitivity_curves as sensitivity_curves
from hfc_keras.reporting.figures.fourier_sensitivity import sensitivity_table as sensitivity_table
from hfc_keras.reporting.figures.frequency import frequency_panels as frequency_panels
from hfc_keras.reporting.figures.heat_maps import heat_map_cells as heat_map_cells
from hfc_keras.reporting.figures.heat_maps import heat_map_panels as heat_map_panels
from hfc_keras.reporting.figures.hybrid_preference import hybrid_curves as hybrid_curves
from hfc_keras.reporting.figures.kernel_spectra import kernel_spectra as kernel_spectra
from hfc_keras.reporting.figures.radius_curves import radius_curves as radius_curves
from hfc_keras.reporting.figures.reliability import reliability_diagram as reliability_diagram
from hfc_keras.reporting.figures.shift_curves import shift_curves as shift_curves
from hfc_keras.reporting.figures.spectral_importance import importance_bars as importance_bars
from hfc_keras.reporting.latex import to_latex as to_latex
from hfc_keras.reporting.rows import MissingMeasurementError as MissingMeasurementError
from hfc_keras.reporting.statistics.accuracy_intervals import (
    accuracy_intervals as accuracy_intervals,
)
from hfc_keras.reporting.statistics.bootstrap import bootstrap as bootstrap
from hfc_keras.reporting.statistics.bootstrap import bootstrap_interval as bootstrap_interval
from hfc_keras.reporting.statistics.correlation_intervals import (
    correlation_interval as correlation_interval,
)
from hfc_keras.reporting.statistics.shares import at_chance as at_chance
from hfc_keras.reporting.statistics.shares import share_of_clean as share_of_clean
from hfc_keras.reporting.table_files import read_table as read_table
from hfc_keras.reporting.tables import last_epoch as last_epoch
from hfc_keras.reporting.tables import mean_and_spread as mean_and_spread
from hfc_keras.reporting.tables import means_by_recipe as means_by_recipe

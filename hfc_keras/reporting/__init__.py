"""Tables and figures from rows; knows nothing of networks."""

from hfc_keras.reporting.claims.checked_effects import claim_effects as claim_effects
from hfc_keras.reporting.claims.claim import FITTED as FITTED
from hfc_keras.reporting.claims.claim import KINDS as KINDS
from hfc_keras.reporting.claims.claim import NOT_MEASURED as NOT_MEASURED
from hfc_keras.reporting.claims.claim import VERDICTS as VERDICTS
from hfc_keras.reporting.claims.claim import Claim as Claim
from hfc_keras.reporting.claims.claim import told as told
from hfc_keras.reporting.claims.claim import unique_claims as unique_claims
from hfc_keras.reporting.claims.claim import unmeasured as unmeasured
from hfc_keras.reporting.claims.course import at_equal_fit as at_equal_fit
from hfc_keras.reporting.claims.course import epochs_until as epochs_until
from hfc_keras.reporting.claims.effects import EQUIVALENCE as EQUIVALENCE
from hfc_keras.reporting.claims.effects import chance as chance
from hfc_keras.reporting.claims.effects import difference as difference
from hfc_keras.reporting.claims.effects import mean_of as mean_of
from hfc_keras.reporting.claims.effects import mean_over as mean_over
from hfc_keras.reporting.claims.effects import radius as radius
from hfc_keras.reporting.claims.effects import value as value
from hfc_keras.reporting.claims.ledger import claims_markdown as claims_markdown
from hfc_keras.reporting.claims.ledger import count_verdicts as count_verdicts
from hfc_keras.reporting.claims.ledger import scale_columns as scale_columns
from hfc_keras.reporting.claims.verdicts import TOO_FEW as TOO_FEW
from hfc_keras.reporting.claims.verdicts import judge as judge
from hfc_keras.reporting.drawing.style import save_figure as save_figure
from hfc_keras.reporting.figures.band_stop import band_stop_curves as band_stop_curves
from hfc_keras.reporting.figures.band_stop import band_stop_drop as band_stop_drop
from hfc_keras.reporting.figures.band_stop import band_stop_share as band_stop_share
from hfc_keras.reporting.figures.band_stop import band_stop_table as band_stop_table
from hfc_keras.reporting.figures.components import batch_norm_panels as batch_norm_panels
from hfc_keras.reporting.figures.components import component_curves as component_curves
from hfc_keras.reporting.figures.components import scaling_points as scaling_points
from hfc_keras.reporting.figures.conditions import condition_effect as condition_effect
from hfc_keras.reporting.figures.conditions import condition_points as condition_points
from hfc_keras.reporting.figures.conditions import condition_table as condition_table
from hfc_keras.reporting.figures.conditions import weight_curves as weight_curves
from hfc_keras.reporting.figures.correlations import COEFFICIENTS as COEFFICIENTS
from hfc_keras.reporting.figures.correlations import correlation as correlation
from hfc_keras.reporting.figures.correlations import correlation_panels as correlation_panels
from hfc_keras.reporting.figures.correlations import verdict as verdict
from hfc_keras.reporting.figures.corruptions import corruption_points as corruption_points
from hfc_keras.reporting.figures.corruptions import corruption_table as corruption_table
from hfc_keras.reporting.figures.final import final_points as final_points
from hfc_keras.reporting.figures.forest import claims_forest as claims_forest
from hfc_keras.reporting.figures.frequency import frequency_panels as frequency_panels
from hfc_keras.reporting.figures.gallery import MOST_EXAMPLES as MOST_EXAMPLES
from hfc_keras.reporting.figures.gallery import component_gallery as component_gallery
from hfc_keras.reporting.figures.given import given_panels as given_panels
from hfc_keras.reporting.figures.given import given_table as given_table
from hfc_keras.reporting.figures.heat_maps import heat_map_panels as heat_map_panels
from hfc_keras.reporting.figures.heat_maps import heat_map_rise as heat_map_rise
from hfc_keras.reporting.figures.heat_maps import heat_map_table as heat_map_table
from hfc_keras.reporting.figures.kernels import kernel_pictures as kernel_pictures
from hfc_keras.reporting.figures.kernels import kernel_rows as kernel_rows
from hfc_keras.reporting.figures.kernels import kernel_table as kernel_table
from hfc_keras.reporting.figures.methods import method_changes as method_changes
from hfc_keras.reporting.figures.methods import method_map as method_map
from hfc_keras.reporting.figures.methods import method_table as method_table
from hfc_keras.reporting.figures.misaligned import contingency_table as contingency_table
from hfc_keras.reporting.figures.misaligned import misaligned_curves as misaligned_curves
from hfc_keras.reporting.figures.misaligned import misaligned_effect as misaligned_effect
from hfc_keras.reporting.figures.misaligned import misaligned_table as misaligned_table
from hfc_keras.reporting.figures.misaligned import resampled as resampled
from hfc_keras.reporting.figures.perturbations import perturbation_curves as perturbation_curves
from hfc_keras.reporting.figures.perturbations import perturbation_share as perturbation_share
from hfc_keras.reporting.figures.perturbations import perturbation_table as perturbation_table
from hfc_keras.reporting.figures.robustness import robustness_panels as robustness_panels
from hfc_keras.reporting.figures.robustness import robustness_points as robustness_points
from hfc_keras.reporting.figures.robustness import robustness_table as robustness_table
from hfc_keras.reporting.figures.rungs import courses as courses
from hfc_keras.reporting.figures.rungs import rungs_figure as rungs_figure
from hfc_keras.reporting.figures.sensitivity import sensitivity_curves as sensitivity_curves
from hfc_keras.reporting.figures.sensitivity import sensitivity_effect as sensitivity_effect
from hfc_keras.reporting.figures.sensitivity import sensitivity_numbers as sensitivity_numbers
from hfc_keras.reporting.figures.sensitivity import sensitivity_table as sensitivity_table
from hfc_keras.reporting.figures.two_views import correlation_table as correlation_table
from hfc_keras.reporting.figures.two_views import rank_correlation as rank_correlation
from hfc_keras.reporting.figures.two_views import (
    rank_correlation_by_seed as rank_correlation_by_seed,
)
from hfc_keras.reporting.figures.two_views import two_views as two_views
from hfc_keras.reporting.rows import MissingMeasurementError as MissingMeasurementError
from hfc_keras.reporting.rows import unique_rows as unique_rows
from hfc_keras.reporting.statistics.accuracy_intervals import (
    accuracy_intervals as accuracy_intervals,
)
from hfc_keras.reporting.statistics.accuracy_intervals import (
    intervals_in_words as intervals_in_words,
)
from hfc_keras.reporting.statistics.bootstrap import RankCorrelation as RankCorrelation
from hfc_keras.reporting.statistics.bootstrap import bootstrap as bootstrap
from hfc_keras.reporting.statistics.bootstrap import bootstrap_flags as bootstrap_flags
from hfc_keras.reporting.statistics.bootstrap import bootstrap_interval as bootstrap_interval
from hfc_keras.reporting.statistics.bootstrap import correlation_interval as correlation_interval
from hfc_keras.reporting.statistics.bootstrap import (
    correlation_replicates as correlation_replicates,
)
from hfc_keras.reporting.statistics.shares import AT_CHANCE as AT_CHANCE
from hfc_keras.reporting.statistics.shares import at_chance as at_chance
from hfc_keras.reporting.statistics.shares import recipes_at_chance as recipes_at_chance
from hfc_keras.reporting.statistics.shares import share_of_clean as share_of_clean
from hfc_keras.reporting.table_files import checksums as checksums
from hfc_keras.reporting.table_files import read_table as read_table
from hfc_keras.reporting.tables import column_name as column_name
from hfc_keras.reporting.tables import last_epoch as last_epoch
from hfc_keras.reporting.tables import mean_and_spread as mean_and_spread
from hfc_keras.reporting.tables import means_by_recipe as means_by_recipe
from hfc_keras.reporting.tables import scaling_table as scaling_table

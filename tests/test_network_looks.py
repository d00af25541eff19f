"""One network has one look in all figures, which color-blind readers can distinguish."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from experiments.recipes import heuristics, systems
from hfc_keras.lab.variants import drawn
from hfc_keras.reporting.drawing.palette import LIGHT_GREY, recipe_looks

# Networks that stand in one figure, or in figures of one experiment.
SETS = {
    "heuristics": [name for name, way in heuristics.VARIANTS.items() if way.look],
    "recombined": ["vanilla", *systems.RECOMBINED],
    "antialiased": ["vanilla", *systems.ANTIALIASED],
    "contextual": list(systems.CONTEXTUAL),
    "anchored": list(systems.ANCHORED),
}
# What a reader without one kind of cones sees, in linear RGB (Machado et al. 2009, severity 1).
READERS = {
    "all cones": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}
# From linear RGB to XYZ, relative to the white point D65.
XYZ = np.array([[0.4339, 0.3762, 0.1899], [0.2127, 0.7152, 0.0722], [0.0177, 0.1095, 0.8727]])


def lab(color, reader):
    """CIELAB coordinates of a color as a reader sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(np.array(READERS[reader]) @ linear, 0, 1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one, other):
    """Smallest difference of two colors to any reader; 2 is just visible side by side."""
    return min(np.linalg.norm(lab(one, each) - lab(other, each)) for each in READERS)


def looks_of(names):
    return recipe_looks(names, drawn(systems.ALL)["looks"])


@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_no_two_networks_of_a_set_share_a_color_or_a_marker(names):
    looks = looks_of(names).values()
    assert len({look["color"] for look in looks}) == len(names)
    assert len({look["marker"] for look in looks}) == len(names)
    assert LIGHT_GREY not in {look["color"] for look in looks}


@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_colors_near_each_other_to_a_color_blind_reader_have_different_dashes(names):
    for one, other in itertools.combinations(looks_of(names).values(), 2):
        near = distance(one["color"], other["color"]) < 15
        assert not near or one.get("linestyle", "-") != other.get("linestyle", "-"), (one, other)


def test_distances_are_those_of_cielab():
    assert distance("#000000", "#ffffff") == pytest.approx(100, abs=0.1)
    assert (
        distance("#ff0000", "#00aa00")
        < 40
        < np.linalg.norm(lab("#ff0000", "all cones") - lab("#00aa00", "all cones"))
    )


def test_a_network_has_its_look_whatever_else_is_drawn():
    for name in SETS["heuristics"]:
        assert looks_of([name, "other"])[name] == looks_of(SETS["heuristics"])[name]
    assert looks_of(["lenet"])["lenet"]["linestyle"] == "--"

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.markers import CARETLEFT, CARETRIGHT
from own.claimed import CLAIM, effect
from scipy import stats

from experiments import kernel_smoothing
from experiments.measures import smoothed_robustness
from hfc_keras import reporting
from hfc_keras.reporting.claims.claim import unique_claims, unmeasured
from hfc_keras.reporting.claims.sections import claims_markdown
from hfc_keras.reporting.claims.verdicts import CONSTANT, of_interval
from hfc_keras.reporting.figures.forest import claims_forest

RESULTS = Path(__file__).parents[1] / "results"


@pytest.mark.parametrize(
    ("values", "bounds", "verdict"),
    [
        ([0.1, 0.12, 0.11], {"above": 0}, "supported"),
        ([0.1, 0.12, 0.11], {"above": -math.inf, "below": 0}, "refuted"),
        ([0.1, 0.12, 0.11], {"above": 0.11}, "undecided"),
        ([0.1, 0.12, 0.11], {"above": 0, "below": 0.2}, "supported"),
        ([0.1, 0.12, 0.11], {"above": 0, "below": 0.12}, "undecided"),
        ([0.1, 0.12, 0.11], {"above": 0.2, "below": 0.3}, "refuted"),
        ([0.1, 0.1, 0.1], {"above": 0}, "supported"),
        ([0.0, 0.0, 0.0], {"above": 0}, "refuted"),
        ([0.1, 0.1], {"above": 0}, "undecided"),
        ([0.1], {"above": 0}, "undecided"),
    ],
)
def test_verdict_comes_from_the_interval_over_seeds(values, bounds, verdict):
    rows = pd.DataFrame({"seed": range(len(values)), "effect": values})
    row = reporting.judge(effect(**bounds), rows)
    assert (row["verdict"], row["n"]) == (verdict, len(values))
    assert row["effect"] == pytest.approx(np.mean(values))
    expected = (values[0], values[0])
    if len(values) == 1:
        expected = (math.nan, math.nan)
    elif np.ptp(values):
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx(expected, nan_ok=True)
    assert math.isnan(row["image_low"]) and math.isnan(row["image_high"])


@pytest.mark.parametrize(
    ("low", "high", "bounds", "verdict"),
    [
        (0.1, 0.5, {"above": 0}, "supported"),
        (0.1, 0.5, {"below": 0}, "refuted"),
        (-0.5, -0.1, {"below": 0}, "supported"),
        (-0.5, -0.1, {"above": 0}, "refuted"),
        (-0.1, 0.5, {"above": 0}, "undecided"),
        (-0.5, 0.1, {"below": 0}, "undecided"),
        (math.nan, math.nan, {"above": 0}, "undecided"),
    ],
)
def test_verdict_of_an_interval(low, high, bounds, verdict):
    assert of_interval(low, high, **bounds) == verdict


def test_a_measure_that_is_constant_has_no_correlation_and_decides_nothing():
    pairs = pd.DataFrame({"recipe": list("abcde"), "seed": 0, "first": 1.0, "second": range(5)})
    claim = effect(effect=None, pairs=lambda table: pairs, above=0, unit="rank correlation")
    row = reporting.judge(claim, pd.DataFrame())
    assert math.isnan(row["effect"]) and math.isnan(row["low"])
    assert (row["verdict"], row["reason"]) == ("undecided", CONSTANT)
    place = {"experiment": "e", "profile": "quick", "dataset": "d", "table": "t.csv"}
    rows = pd.DataFrame([{**row, **place}])
    assert f"**undecided** ({CONSTANT})" in claims_markdown(rows)
    beside = {**row, **place, "effect": 0.2, "low": 0.1, "high": 0.3}
    left, right = claims_forest(pd.concat([rows, pd.DataFrame([beside])])).axes[0].get_xlim()
    assert left < 0 < right


BETTER, ALIKE, WORSE = [0.1, 0.12, 0.11], [-0.1, 0.1, 0.05], [-0.1, -0.12, -0.11]


@pytest.mark.parametrize(
    ("rivals", "bounds", "verdict", "against"),
    [
        ({"a": [0.3] * 3, "b": BETTER, "c": [0.2] * 3}, {}, "supported", "b"),
        ({"a": BETTER, "b": [0.3, 0.31, 0.32]}, {"below": 0.35}, "supported", "b"),
        ({"a": BETTER, "b": ALIKE, "c": [0.3] * 3}, {}, "undecided", "b"),
        ({"a": BETTER, "b": BETTER[:2]}, {}, "undecided", "b"),
        ({"a": BETTER[:2], "b": [0.01]}, {}, "undecided", "b"),
        # In half-widths of its interval, and not by its mean, is b the nearest to refuting.
        ({"a": [-0.3, 0.1, 0.1], "b": [-0.01, -0.03, 0.0]}, {}, "undecided", "b"),
        ({"a": ALIKE, "b": WORSE, "c": [-0.2] * 3, "d": BETTER}, {}, "refuted", "c"),
        ({"a": BETTER, "b": [0.5] * 3}, {"below": 0.2}, "refuted", "b"),
    ],
)
def test_a_claim_must_hold_against_each_rival(rivals, bounds, verdict, against):
    """Each is judged as if it were alone; the row is that of the decisive one."""
    series = {name: pd.Series(values) for name, values in rivals.items()}
    row = reporting.judge(effect(effect=lambda table: series, **bounds), pd.DataFrame())
    alone = reporting.judge(effect(effect=lambda table: series[against], **bounds), pd.DataFrame())
    assert (row["verdict"], row["against"], alone["against"]) == (verdict, against, "")
    assert list(row) == list(unmeasured(effect()))
    names = ["n", "effect", "low", "high", "verdict"]
    assert [row[name] for name in names] == pytest.approx(
        [alone[name] for name in names], nan_ok=True
    )


def test_one_of_many_rivals_refutes_only_by_a_wider_interval():
    """Bonferroni: alone it would refute, among three it is left undecided."""
    values = [-0.01, -0.012, -0.02]
    series = {"a": pd.Series(BETTER), "b": pd.Series(values), "c": pd.Series(BETTER)}
    alone = reporting.judge(effect(effect=lambda table: series["b"]), pd.DataFrame())
    row = reporting.judge(effect(effect=lambda table: series), pd.DataFrame())
    assert (alone["verdict"], row["verdict"], row["against"]) == ("refuted", "undecided", "b")
    wide = stats.t.interval(1 - 0.05 / 3, 2, np.mean(values), stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx(wide)


def test_a_fit_that_is_not_known_is_refused():
    unknown = {"a": pd.Series([0.95, math.nan, 0.95]), "b": pd.Series([0.95])}
    claim = effect(fitted=lambda table: unknown)
    rows = pd.DataFrame({"seed": [0, 1, 2], "effect": BETTER})
    with pytest.raises(ValueError, match="fit that claim 'gain' asks for must be known.*nan"):
        reporting.judge(claim, rows)


def test_confidence_widens_both_intervals():
    """A bootstrap over the images of one network stands beside the interval over seeds."""
    correct = np.random.default_rng(1).random(400) < 0.3

    def by_image(table, rng):
        return rng.choice(correct, (2000, 400)).mean(axis=1)

    rows = pd.DataFrame({"seed": [0, 1, 2], "effect": [0.1, 0.2, 0.4]})
    claim = effect(by_image=by_image)
    narrow, wide = (reporting.judge(claim, rows, confidence) for confidence in (0.8, 0.99))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]
    assert wide["image_low"] < narrow["image_low"] < narrow["image_high"] < wide["image_high"]
    row = reporting.judge(claim, rows)
    half = 1.96 * math.sqrt(correct.mean() * (1 - correct.mean()) / 400)
    expected = [correct.mean() - half, correct.mean() + half]
    np.testing.assert_allclose([row["image_low"], row["image_high"]], expected, atol=0.005)
    assert row == reporting.judge(claim, rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effect": lambda t: t["seed"] * math.nan}, r"'gain' must be finite .*seeds=\{0: nan"),
        ({"effect": lambda t: t["seed"] / 0.0}, r"'gain' must be finite .*1: inf"),
        (
            {"effect": lambda t: t["seed"][:0]},
            r"one or more seeds, none twice. Received: seeds=\[\]",
        ),
        (
            {"effect": lambda t: t["seed"].rename({1: 0})},
            r"none twice. Received: seeds=\[0, 0, 2\]",
        ),
        ({"effect": lambda t: 0.5}, "effect of claim 'gain' must be a Series"),
        ({"effect": lambda t: {}}, r"'gain' must be one or more Series by .*rivals=\[\]"),
        ({"effect": lambda t: {0: t["seed"]}}, r"by the rival's name, .*rivals=\[0\]"),
        ({"effect": lambda t: {"a": 0.5}}, "claim 'gain' against a must be a Series"),
        ({"effect": lambda t: {"a": t["seed"] * math.nan}}, "against a must be finite"),
        (
            {"effect": lambda t: {"a": t["seed"]}, "by_image": lambda t, rng: [0.0]},
            "without `by_image`",
        ),
        ({"effect": lambda t: t["seed"].astype(str) + "x"}, "Claim 'gain': could not convert"),
        ({"effect": lambda t: t["seed"].tolist()[3]}, "'gain': .*IndexError='list.*test_claims.py"),
        (
            {"effect": lambda t: t.roughness},
            "'gain': the table must have the form.*AttributeError=",
        ),
        ({"effect": lambda t: t["seed"] + "x"}, "'gain': the table must have the form.*TypeError="),
        ({"effect": lambda t: t["roughness"]}, "'gain': the table must hold.*missing='roughness'"),
        ({"effect": lambda t: reporting.value(t, "x")}, "Claim 'gain': `column` must be one of"),
        ({"by_image": lambda t, rng: []}, r"bootstrap of claim 'gain' .*shape=\(0,\)"),
        ({"by_image": lambda t, rng: t["x"]}, "'gain': the table must hold.*missing='x'"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_judge_refuses_by_the_name_of_the_claim(changes, message):
    rows = pd.DataFrame({"seed": [0, 1, 2], "effect": 0.5})
    with pytest.raises(ValueError, match=message):
        reporting.judge(effect(**changes), rows)


def test_an_error_that_no_table_causes_passes_and_others_keep_their_cause():
    rows = pd.DataFrame({"seed": [0, 1, 2]})
    with pytest.raises(NameError):
        reporting.judge(effect(effect=lambda table: unknown), rows)  # noqa: F821
    with pytest.raises(ValueError, match="'gain'") as caught:
        reporting.judge(effect(effect=lambda table: table.roughness), rows)
    assert isinstance(caught.value.__cause__, AttributeError)


def test_claims_without_a_range_or_with_one_id_are_refused():
    for above, below in [(-math.inf, math.inf), (0.2, 0.1), (math.nan, math.nan), (0, 0)]:
        with pytest.raises(
            ValueError, match="'gain' must have `above` < `below`.*Received: above="
        ):
            effect(above=above, below=below)
    with pytest.raises(ValueError, match=r"must be unique. Received: twice=\['gain'\]"):
        unique_claims([CLAIM, effect(id="other"), effect()])
    with pytest.raises(ValueError, match="Received: confidence=95"):
        reporting.judge(CLAIM, pd.DataFrame(), confidence=95)


def test_figure_has_a_panel_a_unit_and_tells_verdicts_by_shape():
    where = {"experiment": "one", "profile": "quick", "table": "t.csv", "dataset": "cifar10"}
    table = pd.DataFrame({"seed": [0, 1, 2], "effect": [0.1, 0.12, 0.3]})
    judged = [
        reporting.judge(effect(id="a_b", above=-1), table),
        reporting.judge(effect(id="c", above=1, by_image=lambda t, rng: [0.1, 0.3]), table),
        reporting.judge(effect(id="d", above=0.1, unit="epochs"), table),
        unmeasured(effect(id="e")),
    ]
    rows = pd.DataFrame([{**row, **where} for row in judged])
    figure = claims_forest(rows)
    assert figure.get_figwidth() == 7
    assert [axes.get_xlabel() for axes in figure.axes] == ["effect (accuracy)", "effect (epochs)"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["a b (Fig. 5)", "c (Fig. 5)"]
    shapes = [line.get_marker() for axes in figure.axes for line in axes.lines]
    assert [shape for shape in shapes if shape in ("o", "X", "D")] == ["o", "X", "D"]
    legend = [text.get_text() for text in figure.legends[0].texts]
    assert legend[:3] == ["supported (1)", "not seen at this scale (1)", "undecided (1)"]
    assert legend[3:] == ["supports", "over seeds and images"]
    assert figure.legends[0].get_title().get_text() == "quick, cifar10"
    several = pd.concat([rows, rows.assign(dataset="digits")])
    figure = claims_forest(several, "A paper")
    assert figure.legends[0].get_title().get_text() == "A paper, quick"
    labels = figure.axes[1].get_yticklabels()
    assert [label.get_text() for label in labels] == ["d, cifar10 (Fig. 5)", "d, digits (Fig. 5)"]
    rows["against"] = ["", "a|b", "", ""]
    text = claims_markdown(rows)
    assert text.count("against") == 1
    assert "] against a\\|b; seeds and images [+0.105, +0.295]" in text
    with pytest.raises(ValueError, match=r"columns.*Received: missing=\['unit'\]"):
        claims_markdown(rows.drop(columns="unit"))
    with pytest.raises(ValueError, match="at least one claim that was measured"):
        claims_forest(rows[rows["verdict"] == "not measured"])


@pytest.mark.parametrize(
    ("low", "high", "heads"),
    [
        (0.05, 0.12, []),
        (-9.0, 0.12, [(CARETLEFT, 0)]),
        (0.05, 9.0, [(CARETRIGHT, 1)]),
        (-9.0, 9.0, [(CARETLEFT, 0), (CARETRIGHT, 1)]),
        (math.nan, math.nan, []),
    ],
)
@pytest.mark.parametrize("kind", ["", "image_"])
def test_an_interval_that_runs_off_its_panel_ends_in_an_arrowhead(low, high, heads, kind):
    row = reporting.judge(effect(), pd.DataFrame({"seed": [0, 1, 2], "effect": [0.09, 0.1, 0.11]}))
    row |= dict.fromkeys(["experiment", "profile", "dataset", "table"], "x")
    # A panel of one claim shows its interval over seeds as a whole.
    other = row | {"id": "other"}
    row |= {f"{kind}low": low, f"{kind}high": high}
    (axes,) = claims_forest(pd.DataFrame([row, other])).axes
    drawn = [line for line in axes.lines if line.get_marker() in (CARETLEFT, CARETRIGHT)]
    expected = [(head, axes.get_xlim()[end]) for head, end in heads]
    assert [(line.get_marker(), line.get_xdata()[0]) for line in drawn] == expected
    place = 0.25 if kind else 0
    assert {line.get_ydata()[0] for line in drawn} <= {place}


def test_a_panel_of_one_claim_shows_its_whole_interval():
    row = reporting.judge(effect(), pd.DataFrame({"seed": [0, 1, 2], "effect": [-3, 0.1, 3.0]}))
    row |= dict.fromkeys(["experiment", "profile", "dataset", "table"], "x")
    (axes,) = claims_forest(pd.DataFrame([row])).axes
    left, right = axes.get_xlim()
    assert left < row["low"] < row["high"] < right
    assert {line.get_marker() for line in axes.lines}.isdisjoint({CARETLEFT, CARETRIGHT})


def test_an_interval_widened_for_several_rivals_says_so_on_the_page():
    rivals = {
        "one": pd.Series([-0.0144, -0.0107, -0.0070]),
        "other": pd.Series([0.10, 0.11, 0.12]),
    }
    row = reporting.judge(effect(effect=lambda table: rivals), pd.DataFrame())
    row |= dict.fromkeys(["experiment", "profile", "dataset", "table"], "x")
    assert row["confidence"] == 0.975 and row["against"] == "one"
    text = claims_markdown(pd.DataFrame([row]))
    assert f"{row['high']:+.3f}] at 97.5% against one" in text
    alone = reporting.judge(effect(effect=lambda table: rivals["one"]), pd.DataFrame())
    alone |= dict.fromkeys(["experiment", "profile", "dataset", "table"], "x")
    assert alone["confidence"] == 0.95 and alone["low"] > row["low"]
    assert "at 95%" not in claims_markdown(pd.DataFrame([alone]))


def test_a_verdict_that_other_images_would_leave_open_says_so_on_the_page():
    table = pd.DataFrame({"seed": [0, 1, 2], "effect": [0.09, 0.1, 0.11]})
    for ends, said in (([-0.1, 0.3], True), ([0.05, 0.15], False)):
        claim = effect(by_image=lambda table, rng, ends=ends: np.repeat(ends, 100))
        row = reporting.judge(claim, table)
        row |= dict.fromkeys(["experiment", "profile", "dataset", "table"], "x")
        text = claims_markdown(pd.DataFrame([row]))
        assert ("**supported** (undecided over seeds and images) |" in text) == said
        assert "**supported**" in text


def test_claims_on_kernel_smoothing_are_those_of_its_table():
    table = reporting.read_table(
        RESULTS / "quick" / "cifar10" / "kernel_smoothing.csv", smoothed_robustness.KEYS
    )
    rows = {claim.id: reporting.judge(claim, table) for claim in kernel_smoothing.EXPERIMENT.claims}
    assert (
        rows["adversarial_kernels_smoother_5x5"]["n"]
        == table[table["recipe"] == "adversarial_5x5"]["seed"].nunique()
    )
    attack = table[(table["attack"] == "pgd") & (table["loss"] == "margin")]
    attack = attack[(attack["epsilon"] == 0.09) & (attack["restarts"] == 1) & ~attack["normalized"]]
    by_seed = attack.pivot_table("accuracy", "seed", ["recipe", "rho"])
    values = by_seed["natural_long", 1.0] - by_seed["adversarial", 0.0]
    row = rows["smoothed_beats_adversarial_margin"]
    expected = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx(expected)
    # The paper's profile trains long as it is: there the longest natural training is the only one.
    short = table[table["recipe"] != "natural_long"]
    longest = next(
        claim for claim in kernel_smoothing.EXPERIMENT.claims if claim.id.endswith("_long")
    )
    names = ("effect", "low", "high", "verdict")
    again, plain = reporting.judge(longest, short), rows["smoothed_beats_adversarial"]
    assert [again[name] for name in names] == [plain[name] for name in names]

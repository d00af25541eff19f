import itertools

import numpy as np
import pandas as pd
import pytest

from experiments import misaligned_predictions, training_heuristics
from hfc_keras import reporting
from hfc_keras.reporting.effects import misaligned
from hfc_keras.reporting.effects.misaligned import misaligned_effect, resampled
from hfc_keras.reporting.figures import gallery
from hfc_keras.reporting.figures.gallery import component_gallery
from hfc_keras.reporting.figures.misaligned import (
    contingency_table,
    misaligned_curves,
    misaligned_table,
)

OUTCOMES = list(itertools.product(misaligned.PAIR, repeat=3))
RADII = [4.0, 8.0, 12.0, 16.0]
VANILLA = {"recipe": "vanilla", "bn_statistics": "none"}


@pytest.fixture
def table():
    """Two recipes, three seeds, four radii, two decompositions; each count is another one."""
    recipes = [("vanilla", "none"), ("batch_norm", "batch")]
    keys = itertools.product(recipes, range(3), ["fourier", "svd"], RADII, enumerate(OUTCOMES))
    rows = []
    for (recipe, statistics), seed, decomposition, radius, (place, outcome) in keys:
        count = 10 + place + seed + (5 if (decomposition, place) == ("fourier", 2) else 0)
        rows.append([recipe, seed, statistics, decomposition, radius, *outcome, count])
    table = pd.DataFrame(rows, columns=[*misaligned.KEYS, "count"])
    examples = table.groupby(misaligned.KEYS[:5])["count"].transform("sum")
    return table.assign(examples=examples, share=table["count"] / examples, chance=10 / examples)


def test_tables_hold_mean_and_spread_of_counts(table):
    found = misaligned_table(table)
    assert list(found.columns) == ["vanilla", "batch_norm (batch)"]
    kinds = [f"{kind} {radius:g}" for kind in ("fourier", "svd") for radius in RADII]
    assert list(found.index) == [kind + end for kind in kinds for end in ("", ", chance")]
    assert found.loc["svd 8", "vanilla"] == "13 +- 1"
    assert found.loc["fourier 8, chance", "vanilla"] == "10 +- 0"
    whole = contingency_table(table[table["seed"] == 1], 12)
    assert list(whole.index) == [", ".join(outcome) for outcome in OUTCOMES]
    assert whole["vanilla"].tolist() == ["11", "12", "18", "14", "15", "16", "17", "18"]


def test_curves_draw_share_and_chance_of_each_decomposition(table):
    figure = misaligned_curves(table, {"vanilla": "Vanilla"})
    assert [axes.get_title() for axes in figure.axes] == ["Vanilla", "batch_norm (batch)"]
    lines = figure.axes[0].lines
    fits = np.all([table[name] == word for name, word in misaligned.PATTERN.items()], axis=0)
    for line, (kind, column) in zip(
        lines, itertools.product(["fourier", "svd"], ["share", "chance"]), strict=True
    ):
        own = table[fits & (table["decomposition"] == kind) & (table["recipe"] == "vanilla")]
        np.testing.assert_allclose(line.get_ydata(), own.groupby("radius")[column].mean())
        assert line.get_linestyle() == ("-" if column == "share" else ":")
    assert len({line.get_color() for line in lines}) == 2
    assert len(figure.legends[0].get_texts()) == 4


def test_effects_and_their_bootstrap(table, rng):
    where = {"decomposition": "fourier", **VANILLA}
    effect = misaligned_effect(table, 12.0, **where)
    expected = [(17 + seed - 10) / (8 * (10 + seed) + 28 + 5) for seed in range(3)]
    np.testing.assert_allclose(effect, expected)
    one = table[table["seed"] == 0]
    share, chance = resampled(one, rng, 12.0, 4000, **where)
    n, p = 113, 17 / 113
    assert share.mean() == pytest.approx(p, abs=0.002)
    assert share.std() == pytest.approx(np.sqrt(p * (1 - p) / n), rel=0.05)
    # Among the 30 images that are right and wrong from low, 10 in 30 are right by chance.
    assert chance.mean() == pytest.approx(10 / n, abs=0.002)
    assert np.corrcoef(share, chance)[0, 1] > 0.3


def test_the_bootstrap_draws_seeds_and_images(table, rng):
    where = {"decomposition": "fourier", **VANILLA}
    # A hundred times as many images leave a tenth of their deviation.
    many = table.assign(count=table["count"] * 100)
    share, _ = resampled(many, rng, 12.0, 2000, **where)
    shares = [(17 + seed) / (8 * (10 + seed) + 28 + 5) for seed in range(3)]
    few, _ = resampled(table, rng, 12.0, 2000, **where)
    assert share.mean() == pytest.approx(np.mean(shares), abs=0.002)
    images = few.mean() * (1 - few.mean()) / 118
    between = np.var(shares, ddof=1) / 3
    assert share.var() == pytest.approx(between + images / 100, rel=0.15)
    assert few.var() == pytest.approx(between + images, rel=0.15)


def test_claims_are_judged_from_the_table(table):
    claims = {
        claim.id: claim
        for claim in misaligned_predictions.EXPERIMENT.claims
        if "count" not in claim.id and claim.item != "Corollary 1"
    }
    assert len(claims) == 6
    rows = {name: reporting.judge(claim, table) for name, claim in claims.items()}
    found = {name: row for name, row in rows.items() if "svd" not in name}
    assert {row["verdict"] for row in found.values()} == {"supported"}
    row = rows["misaligned"]
    assert row["image_low"] < row["effect"] < row["image_high"]
    options = {"radius": 12.0, **VANILLA}
    fourier, svd = (
        misaligned_effect(table, decomposition=name, **options) for name in ("fourier", "svd")
    )
    assert rows["misaligned_svd"]["effect"] == pytest.approx((fourier - 2 * svd).mean())
    lucky = table.assign(chance=table["share"])
    rows = {name: reporting.judge(claim, lucky) for name, claim in claims.items()}
    assert {row["verdict"] for row in rows.values()} == {"refuted"}


@pytest.fixture
def shown(rng):
    parts = {name: rng.random((9, 8, 8, 1)) for name in gallery.TITLES}
    probabilities = {name: rng.dirichlet(np.ones(4), 9) for name in gallery.TITLES}
    return parts, probabilities, rng.integers(0, 4, 9), ["cat", "dog", "bird", "a" * 30]


@pytest.mark.few(2)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 3, 9])
def test_gallery_draws_parts_and_the_three_largest_confidences(shown, count, channels, tmp_path):
    parts, probabilities, labels, names = shown
    parts = {name: part[:count].repeat(channels, axis=3) for name, part in parts.items()}
    probabilities = {name: values[:count] for name, values in probabilities.items()}
    figure = component_gallery(parts, probabilities, labels[:count], names, "Heading")
    axes, drawn = figure.axes, min(count, 8)
    assert len(axes) == 6 * drawn
    high = axes[4].images[0].get_array()
    expected = np.clip(parts["high"][0] + 0.5, 0, 1)
    np.testing.assert_allclose(high, expected[..., 0] if channels == 1 else expected)
    widths = [bar.get_width() for bar in axes[5].patches]
    np.testing.assert_allclose(widths, np.sort(probabilities["high"][0])[:0:-1])
    bold = {
        text.get_text()
        for each in axes[1:6:2]
        for text in each.texts
        if text.get_fontweight() == "bold" and "%" not in text.get_text()
    }
    assert bold <= {names[labels[0]][:15] + "…" if labels[0] == 3 else names[labels[0]]}
    assert "mid-gray added" in figure.get_supxlabel()
    paths = reporting.save_figure(figure, tmp_path / "gallery")
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, q, y, n: ({"original": p["original"]}, q, y, n), "`images` must have the keys"),
        (lambda p, q, y, n: (p, {**q, "low": q["low"][:2]}, y, n), "must all have the shape"),
        (lambda p, q, y, n: (p, q, y, n[:2]), r"`probabilities` must all.*\(9, 2\)"),
        (lambda p, q, y, n: (p, q, y + 4, n), "from 0 to 3"),
        (
            lambda p, q, y, n: ({k: v.repeat(2, axis=3) for k, v in p.items()}, q, y, n),
            "channels 1 or 3",
        ),
    ],
)
def test_wrong_examples_are_refused(shown, change, message):
    with pytest.raises(ValueError, match=message):
        component_gallery(*change(*shown))


@pytest.mark.parametrize(
    ("draw", "change", "message"),
    [
        (misaligned_curves, lambda t: t.drop(columns="chance"), r"missing=\['chance'\]"),
        (misaligned_table, lambda t: pd.concat([t, t.iloc[:1]]), "stand in a table once"),
        (lambda t: contingency_table(t, 5), lambda t: t, "Received: radius=5"),
        (
            lambda t: resampled(t, np.random.default_rng(0), 4.0, decomposition="svd"),
            lambda t: t[(t["recipe"] == "vanilla") & (t["low"] == "wrong")],
            "eight rows.*rows=4",
        ),
    ],
)
def test_damaged_tables_are_refused(table, draw, change, message):
    with pytest.raises(ValueError, match=message):
        draw(change(table))


def test_the_experiment_writes_table_and_figures(tmp_path, capsys):
    small = "--examples 200 100 --epochs 6 --model small_cnn --radii 1 2".split()
    paths = ["--results", str(tmp_path), "--store", str(tmp_path / "store")]
    misaligned_predictions.EXPERIMENT.main([*small, *paths])
    folder = tmp_path / "smoke" / "digits"
    table = pd.read_csv(folder / "misaligned_predictions.csv")
    assert table.columns[:8].tolist() == misaligned_predictions.EXPERIMENT.keys
    sizes = table.groupby(["recipe", "bn_statistics"]).size().to_dict()
    both = {("batch_norm", "batch"): 32, ("batch_norm", "population"): 32}
    assert sizes == {("vanilla", "none"): 32, **both}
    assert (table.groupby(misaligned.KEYS[:5])["count"].sum() == 100).all()
    assert (folder / "misaligned_predictions.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "misaligned_predictions_gallery.svg").exists()
    printed = capsys.readouterr().out
    assert "svd 2, chance" in printed and "at radius 2" in printed


def test_the_gallery_takes_classes_by_turns():
    labels = np.array([6, 6, 6, 2, 6, 2, 9])
    order = misaligned_predictions._by_turns(labels)
    assert order.tolist() == [0, 3, 6, 1, 5, 2, 4]


def test_the_networks_are_those_of_other_experiments():
    settings = {"profile": "quick", "dataset": "cifar10"}
    others = training_heuristics.EXPERIMENT.recipes(training_heuristics.Settings(**settings))
    own = misaligned_predictions.recipes(misaligned_predictions.Settings(**settings))
    assert own == {name: others[name] for name in own}

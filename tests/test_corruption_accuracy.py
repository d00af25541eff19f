import functools

import keras
import numpy as np
import pandas as pd
import pytest
from own.linear import linear_logits, linear_model

from hfc_keras.analysis.changed_accuracy import changed_accuracy
from hfc_keras.analysis.corruption_accuracy import (
    ALEXNET_ERRORS,
    corruption_accuracy,
    mean_corruption_error,
)
from hfc_keras.analysis.patch_shuffle_accuracy import patch_shuffle_accuracy
from hfc_keras.data import Split
from hfc_keras.data.corruptions import CORRUPTIONS, corrupt
from hfc_keras.data.patches import patch_shuffle
from hfc_keras.data.published_corruptions import PUBLISHED

EXAMPLES, CLASSES = 45, 5
WEIGHTS = np.random.default_rng(1).normal(size=(8, 8, 1, CLASSES)).astype("float32")


# Published and not generated.
SPATTER = "spatter"


def predicted(images):
    return linear_logits(images, WEIGHTS).argmax(axis=1)


@pytest.fixture
def model():
    return linear_model(WEIGHTS)


@pytest.fixture
def images(rng):
    return rng.random((EXAMPLES, 8, 8, 1), "float32")


@pytest.fixture
def labels(images):
    """Right for all images but every fifth."""
    labels = predicted(images)
    labels[::5] = (labels[::5] + 1) % CLASSES
    return labels


@pytest.mark.parametrize("batch_size", [7, 45, 256])
def test_accuracy_is_that_of_the_corrupted_images(model, images, labels, batch_size):
    table = corruption_accuracy(model, images, labels, None, [5, 1], 3, batch_size)
    assert list(table) == ["corruption", "severity", "accuracy", "examples", "source"]
    pairs = [("none", 0), *((name, severity) for name in CORRUPTIONS for severity in (5, 1))]
    assert list(zip(table["corruption"], table["severity"], strict=True)) == pairs
    assert (table["examples"] == EXAMPLES).all()
    assert table["source"].tolist() == ["images"] + ["generated"] * 2 * len(CORRUPTIONS)
    expected = [(predicted(images) == labels).mean()]
    for name, severity in pairs[1:]:
        changed = corrupt(images, name, severity, seed=3)
        expected.append((predicted(changed) == labels).mean())
    np.testing.assert_allclose(table["accuracy"], expected, atol=1e-12)
    assert expected[0] == pytest.approx(0.8) and len(set(expected)) > 3


def test_parameters_of_the_other_table(model, images, labels):
    table = corruption_accuracy(model, images, labels, ["contrast"], [5], parameters="imagenet")
    changed = corrupt(images, "contrast", 5, parameters="imagenet")
    assert table["accuracy"][1] == pytest.approx((predicted(changed) == labels).mean())


def test_one_hot_labels_and_other_seeds(model, images, labels):
    run = functools.partial(corruption_accuracy, model, images, names=["gaussian_noise"])
    whole, one_hot = run(labels), run(np.eye(CLASSES)[labels])
    pd.testing.assert_frame_equal(whole, one_hot)
    assert whole["severity"].tolist() == [0, 1, 2, 3, 4, 5]
    others = [run(labels, severities=[5], seed=seed)["accuracy"][1] for seed in range(6)]
    assert len(set(others)) > 1


def test_published_images_go_before_generated_ones(model, images, labels, rng):
    other = rng.integers(0, 256, (12, 8, 8, 1), dtype="uint8")
    targets = predicted((other / 255).astype("float32"))
    targets[:3] = (targets[:3] + 1) % CLASSES
    asked = []

    def published(name, severity):
        asked.append((name, severity))
        return Split(other, targets) if (name, severity) in (("fog", 2), (SPATTER, 2)) else None

    run = functools.partial(corruption_accuracy, model, images, labels, published=published)
    table = run(["fog", "contrast"], [2])
    assert asked == [("fog", 2), ("contrast", 2)]
    assert table["source"].tolist() == ["images", "cifar10_corrupted", "generated"]
    assert table["examples"].tolist() == [EXAMPLES, 12, EXAMPLES]
    assert table["accuracy"][1] == 0.75
    assert run([SPATTER], [2])["accuracy"][1] == 0.75
    with pytest.raises(ValueError, match="`name` must be one of .*Received: name='spatter"):
        run([SPATTER], [3])
    with pytest.raises(ValueError, match="`table` must be of one source.*'cifar10_corrupted'"):
        mean_corruption_error(table)


@pytest.mark.parametrize("batch_size", [1, 8, 100])
def test_patches_are_counted(model, images, labels, batch_size):
    table = patch_shuffle_accuracy(model, images, labels, seed=2, batch_size=batch_size)
    assert table["patches"].tolist() == [1, 2, 4] and (table["examples"] == EXAMPLES).all()
    expected = [(predicted(patch_shuffle(images, p, 2)) == labels).mean() for p in (1, 2, 4)]
    np.testing.assert_allclose(table["accuracy"], expected, atol=1e-12)
    assert expected[0] == pytest.approx(0.8) and len(set(expected)) == 3


def test_a_change_sees_each_image_once_and_where_it_stands(model, images, labels):
    seen = []

    def change(batch, start):
        seen.extend(range(start, start + len(batch)))
        return 1 - batch

    accuracy = changed_accuracy(model, images, labels, change, batch_size=16)
    assert seen == list(range(EXAMPLES))
    assert accuracy == pytest.approx((predicted(1 - images) == labels).mean())


def table_of(accuracies, **columns):
    rows = [(name, severity, value) for (name, severity), value in accuracies.items()]
    return pd.DataFrame(rows, columns=["corruption", "severity", "accuracy"]).assign(**columns)


def alexnet(share, names=tuple(ALEXNET_ERRORS)):
    """Five severities around a share of the errors of AlexNet."""
    steps = {1: 0.02, 2: -0.02, 3: 0.0, 4: 0.01, 5: -0.01}
    return table_of(
        {(n, s): 1 - share * ALEXNET_ERRORS[n] - d for n in names for s, d in steps.items()}
    )


def test_mean_error_by_hand():
    table = table_of(
        {("none", 0): 0.9, ("fog", 1): 0.8, ("fog", 3): 0.6, ("snow", 1): 0.5, ("snow", 3): 0.1}
    )
    assert mean_corruption_error(table) == pytest.approx((0.2 + 0.4 + 0.5 + 0.9) / 4)
    assert mean_corruption_error(table, relative=True) == pytest.approx(0.5 - 0.1)
    shuffled = table.sample(frac=1, random_state=0)
    assert mean_corruption_error(shuffled, relative=True) == pytest.approx(0.4)
    assert mean_corruption_error(table[1:]) == pytest.approx(0.5)


def test_normalised_error_is_the_ratio_to_alexnet():
    assert tuple(ALEXNET_ERRORS) == PUBLISHED[:15] == CORRUPTIONS
    # AlexNet's own mean error of the fifteen.
    assert mean_corruption_error(alexnet(1)) == pytest.approx(0.7889, abs=1e-4)
    assert mean_corruption_error(alexnet(1), normalize=True) == pytest.approx(1)
    half = pd.concat([alexnet(0.5, ["fog", "snow"]), alexnet(0.2, ["elastic"])])
    assert mean_corruption_error(half, normalize=True) == pytest.approx((0.5 + 0.5 + 0.2) / 3)


GOOD = {("none", 0): 0.9, ("fog", 1): 0.8, ("snow", 1): 0.5}
FIVE = {("spatter", severity): 0.5 for severity in range(1, 6)}


@pytest.mark.parametrize(
    "table, options, match",
    [
        (table_of(GOOD).drop(columns="accuracy"), {}, "missing=.'accuracy'"),
        (pd.concat([table_of(GOOD)] * 2), {}, "each measurement once.*'none'"),
        (table_of({**GOOD, ("fog", 2): 0.1}), {}, "missing=..'snow', 2"),
        (table_of({**GOOD, ("fog", 1): 80.0}), {}, "accuracies in .*'fog'"),
        (table_of({**GOOD, ("fog", 1): np.nan}), {}, "accuracies in .*'fog'"),
        (table_of({("none", 0): 0.9}), {}, "must hold a corruption"),
        (table_of(GOOD)[1:], {"relative": True}, "row of corruption 'none'"),
        (table_of(GOOD), {"normalize": True}, "severities 1 to 5.*severities=.1."),
        (table_of(FIVE), {"normalize": True}, "Received: corruption='spatter'"),
        (table_of(GOOD), {"normalize": True, "relative": True}, "must not both be true"),
    ],
)
def test_wrong_tables_are_refused(table, options, match):
    with pytest.raises(ValueError, match=match):
        mean_corruption_error(table, **options)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"names": ["fgo"]}, "`names` must be one of .*nearest: 'fog'"),
        ({"names": [SPATTER]}, "Received: names='spatter'"),
        ({"parameters": "imagenet_c"}, "Received: parameters='imagenet_c'"),
        ({"names": ["frost"], "frost_textures": "/nowhere"}, "a folder with image files"),
        ({"names": ["fog", "fog"]}, "`names` must be .*none twice"),
        ({"names": []}, "`names` must be .*at least one"),
        ({"names": "fog"}, "`names` must be a sequence"),
        ({"severities": [0]}, "severities=0"),
        ({"severities": [6]}, "severities=6"),
        ({"severities": []}, "`severities` must be .*at least one"),
        ({"severities": [2, 2]}, "`severities` .*none twice"),
        ({"seed": -1}, "seed=-1"),
        ({"batch_size": 0}, "batch_size=0"),
    ],
)
def test_wrong_corruptions_are_refused(options, match, model, images, labels):
    with pytest.raises(ValueError, match=match):
        corruption_accuracy(model, images, labels, **options)


@pytest.mark.parametrize(
    "patches, match",
    [([3], "divide the sides 8 and 8"), ([2, 2], "none twice"), ([], "one"), (2, "a sequence")],
)
def test_wrong_patches_are_refused(patches, match, model, images, labels):
    with pytest.raises(ValueError, match=match):
        patch_shuffle_accuracy(model, images, labels, patches)


@pytest.mark.parametrize("measure", [corruption_accuracy, patch_shuffle_accuracy, changed_accuracy])
def test_models_images_and_labels_that_do_not_fit_are_refused(measure, images, labels):
    plain = linear_model(WEIGHTS)
    wrong = [
        (linear_model(WEIGHTS, keras.layers.Softmax()), images, labels, "must return logits"),
        (plain, (images * 255).astype("int32"), labels, "must be float pixels"),
        (plain, images[:, :4], labels, "the model's input shape"),
        (plain, images, labels[:3], "one label for each of 45 images"),
        (plain, images, labels + 1, "from 0 to 4"),
    ]
    for model, pixels, targets, match in wrong:
        with pytest.raises(ValueError, match=match):
            measure(model, pixels, targets)
    plain = linear_model(WEIGHTS * np.nan)
    with pytest.raises(ValueError, match="must return finite logits.*images without=45"):
        measure(plain, images, labels)

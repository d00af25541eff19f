import colorsys
import io
import itertools
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from hfc_keras.data import Split
from hfc_keras.data.corruptions import CORRUPTIONS, PARAMETERS, corrupt, disk_kernel, plasma
from hfc_keras.data.patches import patch_shuffle
from hfc_keras.data.published_corruptions import PUBLISHED, corrupted_split

LEVEL = 1 / 255
RANDOM = ("gaussian_noise", "shot_noise", "impulse_noise", "fog")


def pictures(rng, *shape):
    """Random pixels on whole levels, as data sets have them."""
    return rng.integers(0, 256, shape).astype("float32") / 255


def grey(value, examples=4, side=64):
    return np.full((examples, side, side, 1), value)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (3, 5, 9, 3), (2, 33, 16, 3), (2, 1, 1, 1)])
def test_every_corruption_keeps_form_range_and_levels(name, shape, rng):
    images = pictures(rng, *shape)
    kept = images.copy()
    for severity in range(1, 6):
        changed = corrupt(images, name, severity)
        assert changed.shape == shape and changed.dtype == "float32"
        assert 0 <= changed.min() and changed.max() <= 1
        whole = Split(np.rint(255 * changed).astype("uint8"), np.zeros(len(images), int))
        np.testing.assert_array_equal(changed, whole.images)
    np.testing.assert_array_equal(images, kept)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severities_grow(name, rng):
    coarse = rng.random((200, 16, 16, 3))
    images = (coarse + np.roll(coarse, 1, 1) + np.roll(coarse, 1, 2)) / 3
    changes = [np.abs(corrupt(images, name, severity) - images).mean() for severity in range(1, 6)]
    assert len(PARAMETERS[name]) == 5 and changes[0] > 0
    assert (np.diff(changes) > 0).all(), changes


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_answer_does_not_depend_on_the_split_into_calls(name, rng):
    images = pictures(rng, 7, 8, 8, 3)
    whole = corrupt(images, name, 2, seed=5)
    parts = [corrupt(images[a:b], name, 2, seed=5, start=a) for a, b in ((0, 3), (3, 4), (4, 7))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    tensor = keras.ops.convert_to_tensor(images)
    np.testing.assert_array_equal(corrupt(tensor, name, 2, seed=5), whole)


@pytest.mark.parametrize("name", RANDOM)
def test_noise_differs_from_image_to_image_and_seed_to_seed(name):
    images = grey(0.5, examples=3, side=16)
    drawn = [*corrupt(images, name, 5), *corrupt(images, name, 5, seed=1)]
    for one, other in itertools.combinations(drawn, 2):
        assert np.abs(one - other).mean() > 0.01
    names = [corrupt(images, other, severity) for other in RANDOM[:2] for severity in (2, 3)]
    for one, other in itertools.combinations(names, 2):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.15


@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("level", [0.3, 0.6])
def test_noise_has_mean_and_variance_of_its_law(level, severity):
    expected = {
        "gaussian_noise": PARAMETERS["gaussian_noise"][severity - 1] ** 2,
        "shot_noise": level / PARAMETERS["shot_noise"][severity - 1],
    }
    for name, variance in expected.items():
        changed = corrupt(grey(level), name, severity).astype("float64")
        assert changed.mean() == pytest.approx(level, abs=4 * (variance / changed.size) ** 0.5)
        # Rounding to levels adds their variance.
        assert changed.var() == pytest.approx(variance + LEVEL**2 / 12, rel=0.05)
        neighbours = np.corrcoef(changed[:, 1:].ravel(), changed[:, :-1].ravel())[0, 1]
        assert abs(neighbours) < 0.03


def test_impulse_noise_replaces_values_by_black_and_white(rng):
    images = pictures(rng, 8, 32, 32, 3) * 0.5 + 0.2
    images = (np.rint(images * 255) / 255).astype("float32")
    for severity, share in enumerate(PARAMETERS["impulse_noise"], 1):
        changed = corrupt(images, "impulse_noise", severity)
        hit = changed != np.rint(images * 255).astype("float32") / np.float32(255)
        assert set(np.unique(changed[hit])) == {0, 1}
        assert hit.mean() == pytest.approx(share, abs=4 * (share / hit.size) ** 0.5)
        assert changed[hit].mean() == pytest.approx(0.5, abs=2 / hit.sum() ** 0.5)
        assert hit.any(axis=-1).mean() > 2 * share


def test_brightness_is_added_to_the_value_of_hsv(rng):
    images = pictures(rng, 2, 6, 7, 3)
    images[0, 0] = 0
    for severity, addition in enumerate(PARAMETERS["brightness"], 1):
        changed = corrupt(images, "brightness", severity).reshape(-1, 3)
        for before, after in zip(images.reshape(-1, 3).tolist(), changed, strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*before)
            expected = colorsys.hsv_to_rgb(hue, saturation, min(value + addition, 1))
            np.testing.assert_allclose(after, expected, atol=0.51 * LEVEL)
    dark = corrupt(grey(0.1, side=2), "brightness", 4)
    np.testing.assert_allclose(dark, 0.3, atol=0.51 * LEVEL)


def test_contrast_shrinks_towards_the_mean_of_a_channel(rng):
    images = pictures(rng, 3, 5, 8, 3)
    for severity, factor in enumerate(PARAMETERS["contrast"], 1):
        changed = corrupt(images, "contrast", severity)
        for image, channel in itertools.product(range(3), range(3)):
            plane = images[image, :, :, channel].astype("float64")
            expected = plane.mean() * (1 - factor) + factor * plane
            np.testing.assert_allclose(changed[image, :, :, channel], expected, atol=0.51 * LEVEL)


def lens(radius, blur):
    """Kernel of a disk and its blurred rim, sum by sum."""
    points = [p for p in itertools.product(range(-2, 3), repeat=2) if np.hypot(*p) <= radius]
    near = list(itertools.product((-1, 0, 1), repeat=2))
    taps = {p: np.exp(-(np.hypot(*p) ** 2) / 2 / blur**2) for p in near}
    kernel = np.zeros((7, 7))
    for (row, column), (down, across) in itertools.product(points, taps):
        weight = taps[down, across] / sum(taps.values()) / len(points)
        kernel[row + down + 3, column + across + 3] += weight
    return kernel


@pytest.mark.parametrize("severity", range(1, 6))
def test_defocus_is_a_convolution_with_a_disk(severity, rng):
    radius, blur = PARAMETERS["defocus_blur"][severity - 1]
    kernel, side = lens(radius, blur), disk_kernel(radius, blur).shape[0]
    np.testing.assert_allclose(
        np.pad(disk_kernel(radius, blur), (7 - side) // 2), kernel, atol=1e-12
    )
    assert kernel.sum() == pytest.approx(1) and side == 2 * int(radius) + 3
    images = pictures(rng, 2, 6, 9, 3)
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="reflect").astype("float64")
    expected = np.zeros(images.shape)
    for row, column in np.ndindex(7, 7):
        expected += kernel[row, column] * padded[:, row : row + 6, column : column + 9]
    changed = corrupt(images, "defocus_blur", severity)
    np.testing.assert_allclose(changed, expected, atol=0.51 * LEVEL)


def fractal(noise, decay):
    """Diamond-square map of one image, point by point."""
    side = len(noise)
    heights, step, size = {(0, 0): 0.0}, side, 1.0
    while step > 1:
        half = step // 2
        corners = [(-half, -half), (-half, half), (half, -half), (half, half)]
        cross = [(-half, 0), (half, 0), (0, -half), (0, half)]
        for offsets, starts in ((corners, [(half, half)]), (cross, [(0, half), (half, 0)])):
            for down, across in starts:
                for row, column in itertools.product(
                    range(down, side, step), range(across, side, step)
                ):
                    around = [heights[(row + i) % side, (column + j) % side] for i, j in offsets]
                    heights[row, column] = np.mean(around) + size * noise[row, column]
        step, size = half, size / decay / decay
    values = np.array([heights[point] for point in np.ndindex(side, side)])
    return ((values - values.min()) / np.ptp(values)).reshape(side, side)


@pytest.mark.parametrize("side, decay", [(2, 3), (8, 1.5), (16, 2.5)])
def test_plasma_is_diamond_square(side, decay, rng):
    noise = rng.uniform(-1, 1, (3, side, side))
    expected = [fractal(one, decay) for one in noise]
    np.testing.assert_allclose(plasma(noise, decay), expected, atol=1e-12)
    assert plasma(np.ones((2, 1, 1)), 2).tolist() == [[[0]], [[0]]]


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_fog_lightens_by_its_plasma_and_keeps_the_brightest_level(severity):
    strength, _ = PARAMETERS["fog"][severity - 1]
    white = corrupt(grey(1.0, side=32), "fog", severity).astype("float64")
    heights = (white * (1 + strength) - 1) / strength
    half_level = 0.51 * LEVEL * (1 + strength) / strength
    assert heights.min() == pytest.approx(0, abs=half_level)
    assert heights.max() == pytest.approx(1, abs=half_level)
    half = corrupt(grey(0.5, side=32), "fog", severity)
    expected = (0.5 + strength * heights) * 0.5 / (0.5 + strength)
    np.testing.assert_allclose(half, expected, atol=2 * half_level)
    assert corrupt(grey(0.0), "fog", severity).max() == 0


def by_pillow(image, change):
    levels = np.rint(image * 255).astype("uint8")
    picture = Image.fromarray(
        levels.reshape(levels.shape[:2] if levels.shape[2] == 1 else levels.shape)
    )
    return np.asarray(change(picture), "float32").reshape(image.shape) / 255


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("severity", [1, 3, 5])
def test_pixelate_and_jpeg_are_those_of_pillow(channels, severity, rng):
    images = pictures(rng, 2, 20, 32, channels)
    scale, quality = (PARAMETERS[n][severity - 1] for n in ("pixelate", "jpeg_compression"))
    box = Image.Resampling.BOX

    def shrink(picture):
        return picture.resize((int(32 * scale), int(20 * scale)), box).resize((32, 20), box)

    def store(picture):
        picture.save(file := io.BytesIO(), format="JPEG", quality=quality)
        return Image.open(io.BytesIO(file.getvalue()))

    for name, change in (("pixelate", shrink), ("jpeg_compression", store)):
        expected = np.stack([by_pillow(image, change) for image in images])
        np.testing.assert_allclose(corrupt(images, name, severity), expected, atol=1e-6)
    blocks = corrupt(images, "pixelate", severity)
    assert len(np.unique(blocks[0], axis=0)) <= int(20 * scale)
    assert len(np.unique(blocks[0], axis=1)[0]) <= int(32 * scale)


@pytest.mark.parametrize(
    "changes, match",
    [
        ({"name": "gausian_noise"}, "nearest: 'gaussian_noise'.*Received: name='gausian_noise'"),
        ({"severity": 0}, "`severity` must be a whole number from 1 up to 5.*severity=0"),
        ({"severity": 6}, "severity=6"),
        ({"severity": 2.5}, "severity=2.5"),
        ({"seed": -1}, "`seed` must be .* from 0. Received: seed=-1"),
        ({"start": -3}, "`start` must be .* from 0. Received: start=-3"),
        ({"images": np.zeros((1, 8, 8, 3), "uint8")}, "divide uint8 by 255.*uint8"),
        ({"images": np.full((1, 8, 8, 3), 2.0)}, "images.max=2.0"),
        ({"images": np.full((1, 8, 8, 3), np.nan)}, "must be finite"),
        ({"images": np.zeros((1, 8, 8, 4))}, r"one or three channels.*\(1, 8, 8, 4\)"),
        ({"images": np.zeros((0, 8, 8, 3))}, "at least one image"),
    ],
)
def test_wrong_corruptions_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        corrupt(**{"images": np.zeros((1, 8, 8, 3)), "name": "fog", **changes})


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: disk_kernel(-1, 0.1), "`radius` .*radius=-1"),
        (lambda: disk_kernel(1, 0), "`blur` .*blur=0"),
        (lambda: plasma(np.zeros((1, 6, 6)), 2), r"power of two. Received: .*\(1, 6, 6\)"),
        (lambda: plasma(np.zeros((1, 4, 8)), 2), "power of two"),
        (lambda: plasma(np.zeros((8, 8)), 2), "power of two"),
        (lambda: plasma(np.zeros((1, 8, 8)), 0), "`decay` .*decay=0"),
    ],
)
def test_wrong_kernels_and_maps_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def tiles(image, patches):
    """Patches of an image row by row, each as bytes."""
    bands = np.split(image, patches, axis=0)
    return [np.ascontiguousarray(t).tobytes() for b in bands for t in np.split(b, patches, axis=1)]


@pytest.mark.parametrize("patches", [1, 2, 4])
@pytest.mark.parametrize("shape", [(9, 8, 12, 3), (1, 4, 4, 1)])
def test_patches_change_places_and_nothing_else(patches, shape, rng):
    images = pictures(rng, *shape)
    moved = patch_shuffle(images, patches, seed=3)
    assert moved.shape == shape and moved.dtype == "float32"
    orders = set()
    for before, after in zip(images, moved, strict=True):
        old, new = tiles(before, patches), tiles(after, patches)
        assert sorted(old) == sorted(new)
        orders.add(tuple(map(old.index, new)) if len(set(old)) == len(old) else None)
    assert (len(orders) > 1) == (patches > 1 and shape[0] > 1)
    if patches == 1:
        np.testing.assert_array_equal(moved, images)


def test_permutations_are_uniform_and_each_images_own(rng):
    images = pictures(rng, 2400, 2, 2, 1)
    images[:] = np.arange(4).reshape(2, 2, 1) / 4
    moved = patch_shuffle(images, 2)
    _, counts = np.unique(moved.reshape(-1, 4), axis=0, return_counts=True)
    assert len(counts) == 24 and counts.min() > 60 and counts.max() < 145
    parts = [patch_shuffle(images[a:b], 2, start=a) for a, b in ((0, 7), (7, 8), (8, 2400))]
    np.testing.assert_array_equal(np.concatenate(parts), moved)
    assert (patch_shuffle(images, 2, seed=1) != moved).any(axis=(1, 2, 3)).mean() > 0.9


@pytest.mark.parametrize(
    "changes, match",
    [
        ({"patches": 3}, "`patches` must divide the sides 8 and 12 .*Received: patches=3"),
        ({"patches": 0}, "patches=0"),
        ({"patches": 12}, "`patches` must divide"),
        ({"seed": -1}, "seed=-1"),
        ({"start": 0.5}, "start=0.5"),
        ({"images": np.zeros((1, 8, 8, 1), "uint8")}, "divide uint8 by 255"),
    ],
)
def test_wrong_patches_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        patch_shuffle(**{"images": np.zeros((1, 8, 12, 1)), "patches": 2, **changes})


def write_published(folder, config, pixels, labels, version="1.0.0", split="test"):
    """Prepare a data set of the name and form of CIFAR-10-C, but of other images."""
    tfds = pytest.importorskip("tensorflow_datasets")

    class Fake(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = "cifar10_corrupted"
        VERSION = tfds.core.Version(version)
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=config, description=config)]

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=pixels.shape[1:]),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples()}

        def _generate_examples(self):
            for row, (image, label) in enumerate(zip(pixels, labels, strict=True)):
                yield row, {"image": image, "label": label}

    Fake(data_dir=folder).download_and_prepare()


@pytest.fixture
def published(tmp_path, rng):
    pixels = rng.integers(0, 256, (30, 8, 8, 3), dtype="uint8")
    labels = np.arange(30) % 10
    write_published(tmp_path, "fog_3", pixels[:5], labels[:5], version="1.0.0")
    write_published(tmp_path, "fog_3", pixels, labels, version="1.0.10")
    return tmp_path, {(p.tobytes(), label) for p, label in zip(pixels, labels, strict=True)}


@pytest.mark.tensorflow
def test_published_images_are_read_with_their_labels(published, monkeypatch):
    folder, expected = published
    split = corrupted_split("cifar10", "fog", 3, data_dir=folder)
    assert isinstance(split, Split) and split.images.dtype == "float32"
    found = {(p.tobytes(), label) for p, label in zip(split.pixels, split.labels, strict=True)}
    assert found == expected
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    some = corrupted_split("cifar10", "fog", examples=7, seed=1)
    found = {(p.tobytes(), label) for p, label in zip(some.pixels, some.labels, strict=True)}
    assert len(some) == 7 and found < expected
    assert corrupted_split("cifar10", "fog", 4) is None
    assert corrupted_split("cifar100", "fog", 3) is None


@pytest.mark.tensorflow
def test_a_preparation_without_test_split_is_refused(tmp_path, rng):
    pixels = rng.integers(0, 256, (3, 8, 8, 3), dtype="uint8")
    write_published(tmp_path, "snow_1", pixels, [0, 1, 2], split="train")
    with pytest.raises(ValueError, match="a split 'test'.*snow_1.*splits=.'train'"):
        corrupted_split("cifar10", "snow", 1, data_dir=tmp_path)


def test_what_is_not_on_disk_is_neither_fetched_nor_imported(tmp_path, monkeypatch):
    assert set(CORRUPTIONS) < set(PUBLISHED) and len(PUBLISHED) == 19
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    folder = tmp_path / "cifar10_corrupted" / "fog_3"
    for version, expected in (("1.0.0.incomplete1A2B", None), ("1.0.0", "pip install tensorflow")):
        (folder / version).mkdir(parents=True)
        (folder / version / "dataset_info.json").write_text("{}")
        if expected is None:
            assert corrupted_split("cifar10", "fog", 3, data_dir=tmp_path) is None
        else:
            with pytest.raises(ValueError, match=expected):
                corrupted_split("cifar10", "fog", 3, data_dir=tmp_path)


@pytest.mark.parametrize(
    "changes, match",
    [
        ({"name": "glass_blur"}, "nearest: .*'frosted_glass_blur'"),
        ({"severity": 6}, "severity=6"),
        ({"examples": 0}, "examples=0"),
    ],
)
def test_wrong_published_corruptions_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        corrupted_split(**{"dataset": "cifar10", "name": "fog", "severity": 1, **changes})

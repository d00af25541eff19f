import colorsys
import functools
import io
import itertools
import sys
import zlib

import keras
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from hfc_keras.data import Split
from hfc_keras.data.corruptions import (
    CORRUPTIONS,
    corrupt,
    disk_kernel,
    distortions,
    frost_texture,
    motion_kernel,
    nearby_sources,
    plasma,
)
from hfc_keras.data.corruptions import PARAMETERS as TABLES
from hfc_keras.data.patches import patch_shuffle
from hfc_keras.data.published_corruptions import PUBLISHED, corrupted_split

LEVEL = 1 / 255
RANDOM = ("gaussian_noise", "shot_noise", "impulse_noise", "fog")
GLASS = "frosted_glass_blur"
SHAPED = ("motion_blur", "snow", "frost", "elastic", GLASS)
PARAMETERS = TABLES["cifar10"]
# Severities that are published without a larger mean change than the one before, by table: twice
# the same blur; ice that darkens as it brightens; rougher fog; maps that distort less and fields
# that distort more; glass that moves pixels less often, or blurs more of what it has moved.
NO_LARGER = {
    "cifar10": {"motion_blur": {4}, "frost": {3, 4, 5}, "elastic": {2, 3, 4, 5}, GLASS: {3, 5}},
    "imagenet": {"frost": {2, 3, 4, 5}, "fog": {4}, "elastic": {3}, GLASS: {2, 4}},
}


def pictures(rng, *shape):
    """Random pixels on whole levels, as data sets have them."""
    return rng.integers(0, 256, shape).astype("float32") / 255


def grey(value, examples=16, side=32):
    return np.full((examples, side, side, 1), value)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (3, 5, 9, 3), (2, 33, 16, 3), (2, 1, 1, 1)])
def test_every_corruption_keeps_form_range_and_levels(name, shape, table, rng):
    images = pictures(rng, *shape)
    kept = images.copy()
    for severity in range(1, 6):
        changed = corrupt(images, name, severity, parameters=table)
        assert changed.shape == shape and changed.dtype == "float32"
        assert 0 <= changed.min() and changed.max() <= 1
        whole = Split(np.rint(255 * changed).astype("uint8"), np.zeros(len(images), int))
        np.testing.assert_array_equal(changed, whole.images)
    np.testing.assert_array_equal(images, kept)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severities_grow(name, table, rng):
    """By the mean change of the pixels, unless they are published otherwise."""
    coarse = rng.random((60, 24, 24, 3))
    images = ndimage.gaussian_filter(coarse, (0, 1.5, 1.5, 0), mode="wrap")
    images = np.clip(0.5 + 3 * (images - 0.5), 0, 1)
    changed = [corrupt(images, name, severity, parameters=table) for severity in range(1, 6)]
    changes = [np.abs(each - images).mean() for each in changed]
    assert len(TABLES[table][name]) == 5 and changes[0] > 0
    grown = [severity for severity in range(2, 6) if changes[severity - 1] > changes[severity - 2]]
    assert set(grown) >= {2, 3, 4, 5} - NO_LARGER[table].get(name, set()), changes


@pytest.mark.parametrize("table", TABLES)
def test_frost_covers_more_from_severity_to_severity(table, rng):
    """What is left of an image in its own contrast, by the frost's."""
    images = np.stack([np.full((16, 16, 3), level) for level in (0.2, 0.4)] * 2)
    weights = []
    for severity in range(1, 6):
        dark, light = corrupt(images, "frost", severity, parameters=table).astype("float64")[:2]
        image = (light - dark).mean() / 0.2
        weights.append(dark.std() / image)
    assert (np.diff(weights) > 0).all(), weights


def test_the_parameters_go_with_the_size(rng):
    for side, table in ((63, "cifar10"), (64, "imagenet")):
        images = pictures(rng, 1, side, 80, 3)
        for name in ("contrast", "motion_blur"):
            expected = corrupt(images, name, 2, parameters=table)
            np.testing.assert_array_equal(corrupt(images, name, 2), expected)
    large, small = (TABLES[table]["contrast"] for table in ("imagenet", "cifar10"))
    assert large == (0.4, 0.3, 0.2, 0.1, 0.05) and small[0] == 0.75
    np.testing.assert_allclose(
        224 * np.array(TABLES["imagenet"]["elastic"]),
        [[488, 170.8, 24.4], [488, 19.52, 48.8], [12.2, 2.44, 4.88], [17.08, 2.44, 4.88],
         [29.28, 2.44, 4.88]],
    )  # fmt: skip


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_answer_does_not_depend_on_the_split_into_calls(name, rng):
    images = pictures(rng, 7, 8, 8, 3)
    whole = corrupt(images, name, 2, seed=5)
    parts = [corrupt(images[a:b], name, 2, seed=5, start=a) for a, b in ((0, 3), (3, 4), (4, 7))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    tensor = keras.ops.convert_to_tensor(images)
    np.testing.assert_array_equal(corrupt(tensor, name, 2, seed=5), whole)


@pytest.mark.parametrize("name", SHAPED)
def test_shapes_differ_from_image_to_image_and_seed_to_seed(name, rng):
    images = np.repeat(pictures(rng, 1, 24, 24, 3), 3, axis=0)
    drawn = [*corrupt(images, name, 5), *corrupt(images, name, 5, seed=1)]
    for one, other in itertools.combinations(drawn, 2):
        assert np.abs(one - other).mean() > 0.005


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
    wide, rim = range(-int(radius), int(radius) + 1), 1 if radius <= 8 else 2
    points = [p for p in itertools.product(wide, repeat=2) if np.hypot(*p) <= radius]
    near = list(itertools.product(range(-rim, rim + 1), repeat=2))
    taps = {p: np.exp(-(np.hypot(*p) ** 2) / 2 / blur**2) for p in near}
    reach = int(radius) + rim
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for (row, column), (down, across) in itertools.product(points, taps):
        weight = taps[down, across] / sum(taps.values()) / len(points)
        kernel[row + down + reach, column + across + reach] += weight
    return kernel


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("severity", range(1, 6))
def test_defocus_is_a_convolution_with_a_disk(severity, table, rng):
    radius, blur = TABLES[table]["defocus_blur"][severity - 1]
    kernel = lens(radius, blur)
    np.testing.assert_allclose(disk_kernel(radius, blur), kernel, atol=1e-12)
    side = len(kernel)
    assert kernel.sum() == pytest.approx(1) and side == 2 * int(radius) + (3 if radius < 9 else 5)
    images = pictures(rng, 2, 16, 19, 3)
    margin = (side // 2, side // 2)
    padded = np.pad(images, ((0, 0), margin, margin, (0, 0)), mode="reflect").astype("float64")
    expected = np.zeros(images.shape)
    for row, column in np.ndindex(side, side):
        expected += kernel[row, column] * padded[:, row : row + 16, column : column + 19]
    changed = corrupt(images, "defocus_blur", severity, parameters=table)
    np.testing.assert_allclose(changed, expected, atol=0.51 * LEVEL)


def generator(name, *numbers, seed=0):
    """What is drawn from for an image, by its row alone or by severity and row."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), *numbers])


def nearest(image, deviation):
    """Gaussian of an image, cut off at four deviations; beyond its border its rim goes on."""
    reach = int(4 * deviation + 0.5)
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation**2))
    for axis in (0, 1):
        margins = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        padded = np.pad(image, margins, mode="edge")
        blur = functools.partial(np.convolve, taps / taps.sum(), mode="valid")
        image = np.apply_along_axis(blur, axis, padded)
    return image


def behind_glass(image, deviation, reach, times, draw):
    """Pixel by pixel, from the last to the first, as the released code has it."""
    image = nearest(image.astype("float64"), deviation)
    height, width = image.shape[:2]
    for _ in range(times):
        sides = (max(height - 2 * reach, 0), max(width - 2 * reach, 0))
        moves = draw.integers(-reach, reach, (2, *sides))
        for row in range(height - reach, reach, -1):
            for column in range(width - reach, reach, -1):
                down, across = moves[:, row - reach - 1, column - reach - 1]
                there = row + down, column + across
                # A swap of views of an array, which is a copy.
                image[row, column], image[there] = image[there], image[row, column]
    return nearest(image, deviation)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("severity", range(1, 6))
def test_behind_frosted_glass_pixels_take_the_values_of_others(severity, table, rng):
    images = pictures(rng, 2, 11, 14, 3)
    parameters = TABLES[table][GLASS][severity - 1]
    expected = [
        behind_glass(image, *parameters, generator(GLASS, severity, row, seed=4))
        for row, image in enumerate(images)
    ]
    changed = corrupt(images, GLASS, severity, seed=4, parameters=table)
    np.testing.assert_allclose(changed, expected, atol=0.51 * LEVEL)


@pytest.mark.parametrize("reach", [1, 3])
def test_what_is_behind_glass_comes_from_nearby_and_leaves_a_rim(reach):
    places = np.stack(np.indices((20, 17)), axis=-1).reshape(-1, 2)
    sources = nearby_sources(20, 17, reach, np.random.default_rng(0))
    moved = (places[sources] - places).reshape(20, 17, 2)
    assert (moved[: reach + 1] == 0).all() and (moved[:, : reach + 1] == 0).all()
    assert (moved[21 - reach :] == 0).all() and (moved[:, 18 - reach :] == 0).all()
    inner = moved[reach + 1 : 21 - reach, reach + 1 : 18 - reach]
    assert (inner != 0).any(axis=2).mean() > 0.6
    # What has moved before can move on, but most has moved once.
    assert (np.abs(inner) <= reach).all(axis=2).mean() > 0.5


def in_motion(image, radius, deviation, degrees):
    """Pixel by pixel, tap by tap."""
    height, width = image.shape[:2]
    weights = [np.exp(-(i**2) / 2 / deviation**2) for i in range(2 * radius + 1)]
    found = np.zeros(image.shape)
    for row, column in np.ndindex(height, width):
        for i, weight in enumerate(weights):
            angle = np.pi * degrees / 180
            down, across = np.ceil(i * np.sin(angle) - 0.5), np.ceil(i * np.cos(angle) - 0.5)
            at = min(max(row + down, 0), height - 1), min(max(column + across, 0), width - 1)
            found[row, column] += weight / sum(weights) * image[int(at[0]), int(at[1])]
    return found


@pytest.mark.parametrize("table, severity", [("cifar10", 1), ("cifar10", 5), ("imagenet", 5)])
def test_motion_takes_each_pixel_from_those_ahead(table, severity, rng):
    images = pictures(rng, 2, 9, 14, 3)
    parameters = TABLES[table]["motion_blur"][severity - 1]
    expected = [
        in_motion(image, *parameters, generator("motion_blur", row).uniform(-45, 45))
        for row, image in enumerate(images)
    ]
    changed = corrupt(images, "motion_blur", severity, parameters=table)
    np.testing.assert_allclose(changed, expected, atol=0.51 * LEVEL)


def test_a_motion_of_cifar_is_published_twice():
    (_, third), (_, fourth) = (motion_kernel(*PARAMETERS["motion_blur"][at], 0.3) for at in (2, 3))
    np.testing.assert_allclose(fourth[: len(third)], third, atol=1e-8)
    assert fourth[len(third) :].sum() < 1e-8


def zoomed(image, factor):
    """Middle of a picture as SciPy enlarges it."""
    cuts = [int(np.ceil(side / factor)) for side in image.shape[:2]]
    starts = [(side - cut) // 2 for side, cut in zip(image.shape, cuts, strict=False)]
    middle = image[starts[0] : starts[0] + cuts[0], starts[1] : starts[1] + cuts[1]]
    factors = (factor, factor, 1)[: image.ndim]
    large = ndimage.zoom(middle.astype("float64"), factors, order=1)
    ends = [(got - side) // 2 for got, side in zip(large.shape, image.shape, strict=True)]
    return large[ends[0] : ends[0] + image.shape[0], ends[1] : ends[1] + image.shape[1]]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (1, 17, 24, 1), (1, 3, 2, 1)])
def test_zoom_blur_is_a_mean_over_enlargements(table, shape, rng):
    images = pictures(rng, *shape)
    for severity, (end, step) in enumerate(TABLES[table]["zoom_blur"], 1):
        factors = np.arange(1, end, step)
        total = [image + sum(zoomed(image, each) for each in factors) for image in images]
        changed = corrupt(images, "zoom_blur", severity, parameters=table)
        expected = np.stack(total) / (len(factors) + 1)
        np.testing.assert_allclose(changed, expected, atol=0.51 * LEVEL)
    counts = [len(np.arange(1, *each)) for each in TABLES[table]["zoom_blur"]]
    assert counts == {"cifar10": [7, 12, 16, 21, 26], "imagenet": [12, 16, 11, 13, 11]}[table]


@pytest.mark.parametrize("table, severity", [("cifar10", 3), ("imagenet", 1), ("imagenet", 5)])
@pytest.mark.parametrize("channels", [1, 3])
def test_snow_lightens_and_falls(table, severity, channels, rng):
    images = pictures(rng, 2, 12, 15, channels)
    mean, deviation, zoom, threshold, radius, spread, weight = TABLES[table]["snow"][severity - 1]
    for row, image in enumerate(images.astype("float64")):
        draw = generator("snow", row, seed=4)
        layer = zoomed(draw.normal(mean, deviation, (12, 15)), zoom)
        layer[layer < threshold] = 0
        flakes = in_motion(np.minimum(layer, 1), radius, spread, draw.uniform(-135, -45))
        both = (flakes + np.rot90(flakes, 2))[..., None]
        gray = image if channels == 1 else (image @ [0.299, 0.587, 0.114])[..., None]
        expected = weight * image + (1 - weight) * np.maximum(image, 1.5 * gray + 0.5) + both
        changed = corrupt(images, "snow", severity, seed=4, parameters=table)[row]
        np.testing.assert_allclose(changed, np.clip(expected, 0, 1), atol=0.51 * LEVEL)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("channels", [1, 3])
def test_frost_is_a_weighted_sum(table, channels, rng):
    images = pictures(rng, 2, 10, 13, channels)
    for severity, (weight, strength) in enumerate(TABLES[table]["frost"], 1):
        changed = corrupt(images, "frost", severity, parameters=table)
        for row, image in enumerate(images):
            texture = frost_texture(10, 13, generator("frost", row))
            gray = (texture @ [0.299, 0.587, 0.114])[..., None]
            expected = weight * image + strength * (texture if channels == 3 else gray)
            np.testing.assert_allclose(changed[row], np.clip(expected, 0, 1), atol=0.51 * LEVEL)


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (64, 40)])
def test_generated_frost_has_film_and_crystals(size):
    draws = [frost_texture(*size, np.random.default_rng(seed)) for seed in range(8)]
    for texture in draws:
        assert texture.shape == (*size, 3) and 0.1 < texture.min() and texture.max() <= 1
        # Blue ice, of one hue.
        np.testing.assert_allclose(texture[..., 0] * 0.93, texture[..., 1] * 0.86)
    if size[0] > 8:
        assert min(texture.std() for texture in draws) > 0.05
        assert np.abs(draws[0] - draws[1]).mean() > 0.05


@pytest.mark.parametrize("table, shrunk", [("cifar10", 5), ("imagenet", 1)])
def test_photographs_of_frost_take_the_place_of_the_texture(table, shrunk, tmp_path, rng):
    ramp = np.arange(100, 200, dtype="uint8")
    picture = np.stack([np.tile(ramp[:, None], (1, 120)), *2 * [np.full((100, 120), 90)]], axis=-1)
    Image.fromarray(picture.astype("uint8")).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    images = np.zeros((6, 16, 12, 3))
    told = {"parameters": table, "frost_textures": tmp_path}
    weight = TABLES[table]["frost"][2][1]
    frost = corrupt(images, "frost", 3, **told).astype("float64") / weight
    np.testing.assert_allclose(frost[..., 1:], 90 / 255, atol=LEVEL / weight)
    # A contiguous piece: the ramp rises by as many levels a row as the picture was shrunk.
    steps = 255 * np.diff(frost[..., 0].mean(axis=2), axis=1)
    np.testing.assert_allclose(steps.mean(axis=1), shrunk, atol=0.4)
    assert len({each.tobytes() for each in frost}) > 1
    large = corrupt(np.zeros((1, 150, 90, 1)), "frost", 3, **told)
    assert large.shape == (1, 150, 90, 1) and large.min() > 0
    with pytest.raises(ValueError, match="a folder with image files. Received: frost_textures="):
        corrupt(images, "frost", frost_textures=tmp_path / "nothing")


def at(image, row, column, edge):
    """Value between pixels, bilinear, mirrored at the border with or without its edge twice."""
    low = int(np.floor(row)), int(np.floor(column))
    found = 0
    for down, across in itertools.product((0, 1), repeat=2):
        place = []
        for index, side in zip((low[0] + down, low[1] + across), image.shape, strict=False):
            period = 2 * side if edge else max(2 * side - 2, 1)
            index %= period
            place.append(index if index < side else 2 * side - 1 - index - (not edge))
        share = (1 - abs(row - low[0] - down)) * (1 - abs(column - low[1] - across))
        found = found + share * image[place[0], place[1]]
    return found


def smoothed(field, deviation):
    """Gaussian of a field, cut off at three deviations, mirrored with its edge twice."""
    reach = int(3 * deviation + 0.5)
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation**2 or 1))
    taps /= taps.sum()
    for axis in (0, 1):
        margins = [(reach, reach) if each == axis else (0, 0) for each in (0, 1)]
        padded = np.pad(field, margins, mode="symmetric")
        field = np.apply_along_axis(lambda line: np.convolve(line, taps, "valid"), axis, padded)
    return field


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("severity", [1, 2, 5])
def test_elastic_is_an_affine_map_and_a_smooth_field(table, severity, rng):
    images = pictures(rng, 2, 11, 14, 3)
    strength, smoothness, reach = 11 * np.array(TABLES[table]["elastic"][severity - 1])
    changed = corrupt(images, "elastic", severity, parameters=table)
    for row, image in enumerate(images.astype("float64")):
        draw = generator("elastic", row)
        corners = np.array([5.0, 7.0]) + 3 * np.array([[1, 1], [-1, 1], [-1, -1]])
        displaced = corners + draw.uniform(-reach, reach, (3, 2))
        # The map of the result's places follows the two edges from one corner.
        edges, own = (np.array([p[0] - p[1], p[2] - p[1]]) for p in (displaced, corners))
        turn = np.linalg.inv(edges) @ own
        places = np.stack(np.indices((11, 14)), axis=-1) - displaced[1]
        sources = places @ turn + corners[1]
        mapped = np.array([[at(image, *p, edge=False) for p in line] for line in sources])
        down, across = (smoothed(each, smoothness) for each in draw.uniform(-1, 1, (2, 11, 14)))
        expected = np.array(
            [
                [
                    at(mapped, r + strength * down[r, c], c + strength * across[r, c], edge=True)
                    for c in range(14)
                ]
                for r in range(11)
            ]
        )
        np.testing.assert_allclose(changed[row], expected, atol=0.52 * LEVEL)


def test_a_map_that_displaces_nothing_is_the_identity(rng):
    matrix = distortions._random_map(9, 16, 0.0, rng)
    np.testing.assert_allclose(matrix, [[1, 0], [0, 1], [0, 0]], atol=1e-12)


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
        ({"parameters": "cifar"}, "nearest: 'cifar10'.*Received: parameters='cifar'"),
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
        (lambda: motion_kernel(0, 1, 0), "`radius` .*radius=0"),
        (lambda: motion_kernel(1, 0, 0), "`deviation` .*deviation=0"),
        (lambda: motion_kernel(1, 1, np.nan), "`angle` .*angle=nan"),
        (lambda: nearby_sources(4, 4, 0, None), "`reach` .*reach=0"),
        (lambda: frost_texture(0, 4, None), "`height` .*height=0"),
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
    assert PUBLISHED[:15] == CORRUPTIONS and len(PUBLISHED) == 19
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

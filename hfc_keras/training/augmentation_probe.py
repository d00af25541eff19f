"""Whether a layer of anybody's can augment the images of a training, found out by calling it."""

import inspect
from typing import Any

import keras
import numpy as np
from keras import ops

from hfc_keras import checks, error_texts
from hfc_keras.data import draws, pipeline
from hfc_keras.types import Array, Floats, Tensor

# What random layers are tried with: seed states, images of noise, images of the data set.
DRAWS, NOISY, OWN = 4, 2, 3
# Interpolation may overshoot by as much, and a device add up in another order.
SLACK = 1e-5
NOISES = (keras.layers.GaussianNoise, keras.layers.GaussianDropout)
UNIT = (0.0, 1.0)


def probe_images(images: Array) -> Tensor:
    """Images on which a layer shows what it does to pixels.

    Args:
        images: array ``(batch, height, width, channels)``, uint8 or floats in [0, 1], at least
            one image.

    Returns:
        float32 tensor of black, white, two of noise and the first three of ``images``.

    Example:
        >>> probe_images(np.zeros((9, 4, 4, 1), "uint8")).shape == (7, 4, 4, 1)
        True
    """
    shape = images.shape[1:]
    noise = np.random.default_rng(0).random((NOISY, *shape), "float32")
    plain = np.stack([np.zeros(shape, "float32"), np.ones(shape, "float32")])
    own = ops.convert_to_numpy(pipeline.as_floats(images[:OWN]))
    return ops.convert_to_tensor(np.concatenate([plain, noise, own]))


def check(layer: keras.layers.Layer, twin: keras.layers.Layer, images: Tensor) -> None:
    """Refuse a layer that cannot augment images; build it and its twin.

    Args:
        layer: keras.layers.Layer.
        twin: keras.layers.Layer, another one of the same config.
        images: float32 tensor of ``probe_images``.

    Raises:
        ValueError: see ``augmentation.built``.

    Example:
        >>> images = probe_images(np.zeros((1, 4, 4, 1)))
        >>> check(*(keras.layers.Rescaling(255.0) for _ in range(2)), images)
        Traceback (most recent call last):
        ...
        ValueError: `augmentation` must hold layers that keep pixels in [0, 1]: clip them, as keras.layers.Pipeline([layer, keras.layers.ReLU(max_value=1.0)]) does. Received: layer='Rescaling', output.min=0.0, output.max=255.0
    """  # noqa: E501
    _check_value_range(layer)
    for each in (layer, twin):
        pipeline.compute_in_full(each)
        _called(each, images)
    _check_variables(layer)
    first = _outputs(layer, images)
    _check_pixels(layer, first)
    _check_content(layer, first)
    for other in (layer, twin):
        apart = float(np.abs(_outputs(other, images) - first).max())
        checks.require(
            apart <= SLACK,
            "`augmentation` must hold layers that return the same output for the same seeds: draw "
            "by keras.random with seed=self.seed_generator, a keras.random.SeedGenerator that the "
            "layer makes in __init__, and let nothing depend on earlier calls",
            layer=_name(layer),
            difference=apart,
        )


def _called(layer: keras.layers.Layer, images: Tensor) -> Array:
    """What a layer makes of images, refused unless it is images as well."""
    try:
        # A copy: with PyTorch, layers such as RandomBrightness write into what they are given.
        output: Any = pipeline.augmented(layer, ops.copy(images))
        shape, dtype = tuple(output.shape), keras.backend.standardize_dtype(output.dtype)
        found = ops.convert_to_numpy(output)
    # Whatever a user's own code raises.
    except Exception as error:
        raise ValueError(
            "`augmentation` must hold layers that can be called on images in [0, 1] "
            f"({type(error).__name__}: {error_texts.reason(error)}). "
            f"Received: layer={_name(layer)!r}"
        ) from error
    checks.require(
        shape == tuple(images.shape),
        "`augmentation` must hold layers that keep the shape of images",
        layer=_name(layer),
        **{"output shape": shape},
    )
    checks.require(
        keras.backend.is_float_dtype(dtype),
        "`augmentation` must hold layers that return floats in [0, 1]",
        layer=_name(layer),
        **{"output dtype": dtype},
    )
    return found


def _outputs(layer: keras.layers.Layer, images: Tensor) -> Floats:
    """What a layer makes of images for a few states of its random generators."""
    states, found = draws.seed_states(layer), []
    for draw in range(DRAWS):
        for state, key in zip(states, draws.seed_keys(len(states), draw), strict=True):
            state.assign(key)
        found.append(_called(layer, images).astype("float32"))
    finite = np.isfinite(found)
    checks.require(
        finite.all(),
        "`augmentation` must hold layers that return finite numbers, even for all-black and "
        "all-white images",
        layer=_name(layer),
        output=float(np.asarray(found)[~finite][0]) if not finite.all() else None,
    )
    return np.stack(found)


def _check_value_range(layer: keras.layers.Layer) -> None:
    """Refuse a layer of Keras that takes pixels for 0-255: some make all of [0, 1] black."""
    known = type(layer).__module__.partition(".")[0] == "keras"
    wrong = known and _takes_value_range(layer) and not _takes_unit(layer)
    checks.require(
        not wrong,
        "`augmentation` must hold layers for pixels in [0, 1]; create this one with "
        "value_range=(0, 1)",
        layer=_name(layer),
        value_range=getattr(layer, "value_range", None),
    )


def _check_variables(layer: keras.layers.Layer) -> None:
    """Refuse weights, and all else that training would change and no file would keep."""
    states = {id(state) for state in draws.seed_states(layer)}
    kept = [each.name for each in layer.variables if id(each) not in states]
    checks.require(
        not kept,
        "`augmentation` must hold layers without weights, which no config keeps",
        layer=_name(layer),
        weights=kept,
    )


def _check_pixels(layer: keras.layers.Layer, found: Floats) -> None:
    low, high = float(found.min()), float(found.max())
    remedy = "clip them, as keras.layers.Pipeline([layer, keras.layers.ReLU(max_value=1.0)]) does"
    if isinstance(layer, NOISES):
        remedy = "hfc_keras.layers.PixelNoise clips its noise"
    elif _takes_value_range(layer) and not _takes_unit(layer):
        remedy = "create this one with value_range=(0, 1)"
    checks.require(
        -SLACK <= low and high <= 1 + SLACK,
        f"`augmentation` must hold layers that keep pixels in [0, 1]: {remedy}",
        layer=_name(layer),
        **{"output.min": low, "output.max": high},
    )


def _check_content(layer: keras.layers.Layer, found: Floats) -> None:
    """Refuse a layer that makes every image of noise a single color, as one for 0-255 may."""
    noise = found[:, 2 : 2 + NOISY]
    checks.require(
        np.ptp(noise, axis=(2, 3)).max() > SLACK,
        "`augmentation` must hold layers that keep something of an image; Keras layers for pixels "
        "from 0 to 255 take value_range=(0, 1)",
        layer=_name(layer),
    )


def _takes_value_range(layer: keras.layers.Layer) -> bool:
    return "value_range" in inspect.signature(type(layer).__init__).parameters


def _takes_unit(layer: keras.layers.Layer) -> bool:
    return np.array_equal(getattr(layer, "value_range", UNIT), UNIT)


def _name(layer: keras.layers.Layer) -> str:
    return type(layer).__name__

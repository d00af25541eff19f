"""Residual networks as PyTorch names them: random weights, and what they compute, in NumPy."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def convolutions(stages, bottleneck=False, large_stem=False, shortcut=None):
    """Name of each convolution and its normalization, input and output channels, side."""
    start = 64 if len(stages) == 4 else 16
    found, width = [("conv1", "bn1", 3, start, 7 if large_stem else 3)], start
    for stage, blocks in enumerate(stages, start=1):
        own = start * 2 ** (stage - 1)
        out = 4 * own if bottleneck else own
        inner = [(own, 1), (own, 3), (out, 1)] if bottleneck else [(own, 3), (own, 3)]
        for block in range(blocks):
            name, before = f"layer{stage}.{block}", width
            for number, (channels, side) in enumerate(inner, start=1):
                pair = f"{name}.conv{number}", f"{name}.bn{number}"
                found.append((*pair, before, channels, side))
                before = channels
            if shortcut and (width != out or (block == 0 and stage > 1)):
                pair = f"{name}.{shortcut}.0", f"{name}.{shortcut}.1"
                found.append((*pair, width, out, 1))
            width = out
    return found


def state_dict(stages=(1, 1, 1), head="linear", classes=10, seed=0, **form):
    """State dict of a network with weights that leave its outputs at the size of its inputs."""
    rng, arrays = np.random.default_rng(seed), {}
    for convolution, normalization, inputs, outputs, side in convolutions(stages, **form):
        shape = (outputs, inputs, side, side)
        kernel = rng.standard_normal(shape, "float32")
        arrays[f"{convolution}.weight"] = kernel * np.float32((2 / (side * side * inputs)) ** 0.5)
        for name, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -0.5, 0.5),
            ("running_mean", -0.5, 0.5),
            ("running_var", 0.5, 1.5),
        ):
            arrays[f"{normalization}.{name}"] = rng.uniform(low, high, outputs)
    arrays[f"{head}.weight"] = rng.normal(0, outputs**-0.5, (classes, outputs))
    arrays[f"{head}.bias"] = rng.normal(0, 0.3, classes)
    return {name: array.astype("float32") for name, array in arrays.items()}


def logits(images, arrays, mean=MEAN, std=STD):
    """Logits of a network, written down from the papers; its form is read off the names."""
    x = np.moveaxis((images - mean) / std, 3, 1)
    large = arrays["conv1.weight"].shape[-1] == 7
    x = np.maximum(_normalized(x, arrays, "conv1", "bn1", 2 if large else 1), 0)
    if large:
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
        x = sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2].max(axis=(4, 5))
    for stage in range(1, 5):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in arrays:
            strides = 2 if stage > 1 and block == 0 else 1
            x = _block(x, arrays, f"layer{stage}.{block}", strides)
            block += 1
    head = "linear" if "linear.weight" in arrays else "fc"
    return x.mean(axis=(2, 3)) @ arrays[f"{head}.weight"].T + arrays[f"{head}.bias"]


def _block(x, arrays, name, strides):
    last = 3 if f"{name}.conv3.weight" in arrays else 2
    y = x
    for number in range(1, last + 1):
        # Of a bottleneck the convolution of 3 x 3 has the stride, else the first one.
        own = strides if number == last - 1 else 1
        y = _normalized(y, arrays, f"{name}.conv{number}", f"{name}.bn{number}", own)
        y = np.maximum(y, 0) if number < last else y
    for shortcut in ("shortcut", "downsample"):
        if f"{name}.{shortcut}.0.weight" in arrays:
            pair = f"{name}.{shortcut}.0", f"{name}.{shortcut}.1"
            return np.maximum(_normalized(x, arrays, *pair, strides) + y, 0)
    if strides == 2:
        x = x[:, :, ::2, ::2]
        quarter = y.shape[1] // 4
        x = np.pad(x, ((0, 0), (quarter, quarter), (0, 0), (0, 0)))
    return np.maximum(x + y, 0)


def _normalized(x, arrays, convolution, normalization, strides):
    """Convolution with zeros around the image, and batch normalization of epsilon 1e-5."""
    kernel = arrays[f"{convolution}.weight"]
    side = kernel.shape[-1]
    padded = np.pad(x, ((0, 0), (0, 0), (side // 2, side // 2), (side // 2, side // 2)))
    windows = sliding_window_view(padded, (side, side), axis=(2, 3))[:, :, ::strides, ::strides]
    x = np.moveaxis(np.tensordot(windows, kernel, ((1, 4, 5), (1, 2, 3))), 3, 1)
    weight, bias, mean, variance = (
        arrays[f"{normalization}.{each}"][:, None, None]
        for each in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * weight + bias

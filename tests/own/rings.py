"""Rings, shares and penalties in float64, from their definitions."""

import numpy as np


def distance(height, width):
    """Distance of each coefficient to the zero frequency."""
    rows, columns = np.fft.fftfreq(height, 1 / height), np.fft.fftfreq(width, 1 / width)
    return np.array([[np.sqrt(u * u + v * v) for v in columns] for u in rows])


def power(planes):
    """Power on the rings 0, 1, ... of planes ``(batch, height, width)``, by complex transform."""
    index = np.round(distance(*planes.shape[1:]))
    squares = np.abs(np.fft.fft2(planes.astype("float64"), norm="ortho")) ** 2
    return np.stack([squares[:, index == k].sum(axis=1) for k in range(int(index.max()) + 1)], 1)


def shares(planes, rings="sum"):
    """Shares of the rings from 1 on."""
    found = power(planes)[:, 1:]
    if rings == "mean":
        index = np.round(distance(*planes.shape[1:]))
        found = found / [(index == k).sum() for k in range(1, int(index.max()) + 1)]
    return found / found.sum(axis=1, keepdims=True)


def penalty(gradients, kind):
    """The four penalties, and that of a band ``(inner, outer)``."""
    curve = shares(np.mean(gradients.astype("float64"), axis=3)).mean(axis=0)
    side = min(gradients.shape[1:3])
    if kind == "all":
        flat = curve[: side // 2] / curve[: side // 2].sum()
        return (flat * np.log2(flat)).sum()
    limits = {"low": (0, side // 6), "mid": (side // 6, side // 3), "high": (side // 3, np.inf)}
    inner, outer = limits[kind] if isinstance(kind, str) else kind
    ring = np.arange(1, len(curve) + 1)
    return curve[(ring <= inner) | (ring > outer)].sum()

"""Fourier sensitivity of a trained network on test images."""

from typing import Any

import keras
import pandas as pd

from hfc_keras import analysis
from hfc_keras.lab.tested_networks import Network

# Test images of the smallest profile whose gradients are taken.
FEWER = {"smoke": 100}


def rows(network: Network, channels: str = "mean", rings: str = "sum") -> pd.DataFrame:
    """Fourier sensitivity of a network on test images.

    Args:
        network: tested_networks.Network.
        channels: str, see ``analysis.fourier_sensitivity``.
        rings: str, likewise.

    Returns:
        DataFrame of ``analysis.fourier_sensitivity`` with the columns bn_statistics and image_size,
        the smaller side.
    """
    cell = network.cell
    count = cell.settings.final_examples(FEWER)
    options: dict[str, Any] = {"channels": channels, "rings": rings}

    def compute(model: keras.Model) -> pd.DataFrame:
        test = cell.test_images(count)
        return analysis.fourier_sensitivity(model, test.images, test.labels, **options)

    table = network.measured("fourier_sensitivity", {**options, "examples": count}, compute)
    return table.assign(image_size=min(cell.dataset().image_shape[:2]))

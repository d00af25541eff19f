"""What the experiments on Fourier sensitivity share: rows and claims' numbers."""

import functools

from hfc_keras import analysis, reporting

PAPER = "Krishnamachari et al. 2022"
# By profile: test images whose gradients are taken; None is all.
IMAGES = {"smoke": 100, "quick": None, "standard": None, "full": None, "paper": None}


def rows(cell, model, channels="mean", rings="sum"):
    """Fourier sensitivity of a network on test images.

    Args:
        cell: runner.Cell, trained.
        model: its keras.Model.
        channels: str, as of ``analysis.fourier_sensitivity``.
        rings: str, likewise.

    Returns:
        DataFrame of ``analysis.fourier_sensitivity`` with the column image_size, the smaller side.
    """
    count = IMAGES[cell.settings.profile]
    options = {"channels": channels, "rings": rings}
    compute = functools.partial(_measured, cell, model, count, options)
    table = cell.measured("fourier_sensitivity", {**options, "examples": count}, compute)
    return table.assign(image_size=min(cell.dataset().image_shape[:2]))


def number(name, table, recipe):
    """One number of ``reporting.sensitivity_numbers`` of a recipe, Series by seed."""
    return reporting.sensitivity_effect(table, name, recipe=recipe)


def shift(name, table, recipe, reference="vanilla"):
    """A recipe's number minus that of another, Series by seed."""
    return reporting.difference(number(name, table, recipe), number(name, table, reference))


def _measured(cell, model, count, options):
    test = cell.test_images(count)
    return analysis.fourier_sensitivity(model, test.images, test.labels, **options)

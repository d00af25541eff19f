"""A table of measures that others published: whose it is, which networks and measures it holds."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pandas as pd

from hfc_keras import checks, csv_files, files
from hfc_keras.types import PathLike

# Tells where the table is where the command line does not.
VARIABLE = "HFC_PUBLISHED_TABLE"
FILE = "biases_vs_generalization.csv"
SOURCE = (
    "Gavrikov and Keuper, Can Biases in ImageNet Models Explain Generalization?, CVPR 2024 "
    "(arXiv:2404.01509), raw data of paulgavrikov/biases_vs_generalization"
)
LICENCE = "CC BY-SA 4.0"
# The 15 of ImageNet-C, each at five severities.
NOISE = ("gaussian_noise", "shot_noise", "impulse_noise")
BLUR = ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur")
OTHERS = ("snow frost fog brightness contrast elastic_transform pixelate jpeg_compression").split()
CLEAN, PGD = "top1_acc/imagenet", "top1_acc/PGD-40/low"
UNTRAINED = "resnet50_untrained"
# Called ResNet-50, but not among the 48 that the authors compare: other architectures, other
# training images, or measures that are missing.
OTHER_RESNET50 = (
    "vonenet_resnet50 nf_resnet50 lambda_resnet50ts resnet50_gn ssl_resnet50 swsl_resnet50 "
    "resnet50_lpmix resnet50_freqmix resnet50_diffusionnoise resnet50_diffusionnoise_fixed"
).split()
# What stands on an axis, by measure.
MEASURES = {
    "clean": "clean accuracy",
    "pgd": "accuracy under PGD-40",
    "high": "high-frequency / clean accuracy",
    "higher": "upper-half / clean accuracy",
    "low": "low-frequency / clean accuracy",
    "corruptions": "corrupted / clean accuracy",
    "noise": "noisy / clean accuracy",
    "blur": "blurred / clean accuracy",
    "band": "critical band: width (octaves)",
    "centre": "critical band: centre (cycles)",
    "shape": "shape bias",
    "entropy": "variance entropy of kernels",
}


def measures(table: pd.DataFrame) -> pd.DataFrame:
    """The measures that questions are about, one row per network.

    Accuracies on components are shares of the clean one in the table already, and the authors'
    components are cut out by a square, to its half a side, and clipped to [0, 1]. ``high`` leaves
    out the lowest tenth of the frequencies (HFC 0.9), ``higher`` the lower half (HFC 0.5), and
    ``low`` keeps the lowest fifth (LFC 0.2).

    Args:
        table: DataFrame, as published.

    Returns:
        DataFrame with the columns model and ``MEASURES``; NaN where there is no measurement.
    """
    clean = table[CLEAN] / 100
    found = {
        "model": table["model"],
        "clean": clean,
        "pgd": table[PGD] / 100,
        "high": table["metric/bandpass/HFC/0.9"],
        "higher": table["metric/bandpass/HFC/0.5"],
        "low": table["metric/bandpass/LFC/0.2"],
        "corruptions": _corrupted(table, (*NOISE, *BLUR, *OTHERS)) / clean,
        "noise": _corrupted(table, NOISE) / clean,
        "blur": _corrupted(table, BLUR) / clean,
        "band": table["metric/criticalband/bw_norm"],
        "centre": table["metric/criticalband/cf_norm"],
        "shape": table["shape-bias"],
        "entropy": table["metric/quality/ve_wmean"],
    }
    return pd.DataFrame(found)


def columns() -> list[str]:
    """Columns of the table that ``measures`` reads.

    Returns:
        list of str.
    """
    corrupted = [
        f"top1_acc/{name}_{severity}"
        for name in (*NOISE, *BLUR, *OTHERS)
        for severity in range(1, 6)
    ]
    others = (
        "metric/bandpass/HFC/0.9 metric/bandpass/HFC/0.5 metric/bandpass/LFC/0.2 "
        "metric/criticalband/bw_norm metric/criticalband/cf_norm shape-bias "
        "metric/quality/ve_wmean"
    ).split()
    return ["model", CLEAN, PGD, *others, *corrupted]


def _corrupted(table: pd.DataFrame, names: Iterable[str]) -> pd.Series:
    """Mean accuracy over corruptions and severities; NaN where one is missing."""
    wanted = [f"top1_acc/{name}_{severity}" for name in names for severity in range(1, 6)]
    return table[wanted].mean(axis=1, skipna=False) / 100


def groups(models: pd.Series) -> dict[str, pd.Series]:
    """Groups of networks that a question is asked of.

    Args:
        models: Series of str, names of all networks.

    Returns:
        dict from name to bool Series.
    """
    robust, untrained = models.str.startswith("robust_"), models == UNTRAINED
    resnet50 = models.str.contains("resnet50") & ~models.isin([UNTRAINED, *OTHER_RESNET50])
    return {
        "all": ~untrained,
        "all_but_robust": ~untrained & ~robust,
        "resnet50": resnet50,
        "resnet50_but_robust": resnet50 & ~robust,
        "robust": robust,
    }


def find(path: PathLike | None = None) -> Path:
    """Path of the table.

    Args:
        path: str, Path or None, the file; None is the environment's ``HFC_PUBLISHED_TABLE``.

    Returns:
        Path.

    Raises:
        ValueError: saying what it is, whose, and where it is from, if it is not there.
    """
    path = path or os.environ.get(VARIABLE)
    checks.require(
        path is not None and Path(path).is_file(),
        f"`table` must be the file {FILE}: measures of 70 ImageNet networks, of {SOURCE}, license "
        f"{LICENCE}; get it at https://github.com/paulgavrikov/biases_vs_generalization and name "
        f"it by --table PATH or the environment's {VARIABLE}",
        table=None if path is None else str(path),
    )
    return Path(cast(PathLike, path))


def read(path: PathLike) -> pd.DataFrame:
    """Read the table.

    Args:
        path: str or Path.

    Returns:
        DataFrame.

    Raises:
        UnusableFileError: if it is no table, or a column is missing that ``measures`` reads or
            holds what is no number, or a network stands twice; the first one is named.
    """
    table = csv_files.read(Path(path), "bring the published file back").frame
    for name in columns():
        number = name == "model" or (name in table and pd.api.types.is_numeric_dtype(table[name]))
        if name not in table or not number:
            raise files.UnusableFileError(
                f"A published table must have the column {name!r}"
                f"{' of numbers' if name in table else ''}. Received: path={str(path)!r}"
            )
    twice = table.loc[table["model"].duplicated(), "model"].tolist()
    if twice:
        raise files.UnusableFileError(
            "A published table must hold each network once. "
            f"Received: model={twice[0]!r}, path={str(path)!r}"
        )
    return table

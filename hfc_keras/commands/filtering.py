"""Low and high frequencies of image files, as image files."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from keras import ops
from PIL import Image

from hfc_keras import checks, files, spectrum
from hfc_keras.data import image_files, image_sets
from hfc_keras.data.folder_layout import contents
from hfc_keras.reporting.drawing.figure import Figure
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE, rendered
from hfc_keras.types import Floats

# Of high components, so that zero is mid-gray.
SHIFTS = {"low": 0.0, "high": 0.5}
SHEET = "sheet.png"
# Of a float32 transform.
TOLERANCE = 1e-5
MOST_ON_SHEET = 12


class Written(NamedTuple):
    """What was written.

    Args:
        files: list of Path, the sheet last.
        notes: list of str, what must be said of the images.
        clipped: dict from ``"low"`` and ``"high"`` to float, mean share of the values of an image
            that left the range of pixels.
    """

    files: list[Path]
    notes: list[str]
    clipped: dict[str, float]


def write(
    given: Sequence[Path], radius: float, out: Path, skip_unreadable: bool = False, **options: Any
) -> Written:
    """Filter image files and write both components of each, and a sheet of the first ones.

    Args:
        given: list of Path, files or folders of them.
        radius: float from 0, in the unit of the options.
        out: Path of a folder.
        skip_unreadable: bool, whether to leave out files that cannot be read.
        **options: inclusive, mask and unit, see ``spectrum.split``.

    Returns:
        Written.

    Raises:
        ValueError: for no image, a file that cannot be read, another radius, or a folder that
            cannot be written or where an image that was given would be overwritten.
    """
    radius = checks.number("radius", radius, minimum=0)
    members, notes, written, shown, shares = _members(given), [], [], {}, []
    emptied = 0
    names = _names(members)
    _keep_inputs(members, names, out)
    folder = files.writable_folder(out, "out")
    for file, name in zip(members, names, strict=True):
        try:
            image = _read(file, notes)
        except files.UnusableFileError as error:
            if not skip_unreadable:
                raise
            notes.append(f"left out, cannot be read: {file} ({image_files.reason(file, error)})")
            continue
        parts = _components(image, radius, **options)
        emptied += bool(abs(parts["high"] - SHIFTS["high"]).max() < TOLERANCE)
        for kind, part in parts.items():
            content = _png(part)
            written.append(files.write_whole(folder / f"{name}_{kind}.png", content))
        shares.append({kind: _outside(part) for kind, part in parts.items()})
        if len(shown) < MOST_ON_SHEET:
            shown[name] = {"image": image, **parts}
    checks.require(shown, "`images` must hold at least one that can be read", images=len(members))
    if emptied:
        notes.append(
            f"{emptied} of {len(shares)} images have no frequency beyond r = {radius:g}: their low "
            "frequencies are the image itself, the high ones gray"
        )
    unit = " of Nyquist" if options.get("unit") == "nyquist" else ""
    sheet = rendered(_sheet(shown, f"{radius:g}{unit}"), "png")
    written.append(files.write_whole(folder / SHEET, sheet))
    clipped = {kind: float(np.mean([each[kind] for each in shares])) for kind in SHIFTS}
    return Written(written, notes, clipped)


def _keep_inputs(members: Sequence[Path], names: Sequence[str], out: Path) -> None:
    """Refuse to write over an image that was given."""
    inputs = {_identity(each) for each in members}
    planned = [out / f"{name}_{kind}.png" for name in names for kind in SHIFTS]
    for path in (*planned, out / SHEET):
        checks.require(
            not path.exists() or _identity(path) not in inputs,
            f"`out` must be another folder: {path.name} there is one of the images and would be "
            "overwritten",
            out=str(out),
        )


def _identity(path: Path) -> tuple[int, int]:
    """What tells files apart, however they are spelled."""
    found = path.stat()
    return found.st_dev, found.st_ino


def _components(image: Floats, radius: float, **options: Any) -> dict[str, Floats]:
    """Low and high frequencies of an image, shifted to where they are seen."""
    parts = spectrum.split(image[None], radius, **options)
    return {
        kind: ops.convert_to_numpy(part)[0] + shift
        for (kind, shift), part in zip(SHIFTS.items(), parts, strict=True)
    }


def _outside(part: Floats) -> float:
    """Share of values that are no pixels, beyond rounding."""
    return float(((part < -TOLERANCE) | (part > 1 + TOLERANCE)).mean())


def _members(given: Sequence[Path]) -> list[Path]:
    """Files of what was given, folders' images in order of their names."""
    known, found = image_files.endings(), []
    for path in given:
        checks.require(
            path.exists(), "`images` must be files or folders that exist", path=str(path)
        )
        found += contents(path, known).images if path.is_dir() else [path]
    checks.require(
        found,
        "`images` must name at least one image, or a folder that holds some itself: folders in it "
        "are not looked into (FOLDER/* names them all)",
        images=[str(path) for path in given],
    )
    return found


def _names(members: Sequence[Path]) -> list[str]:
    """Names of what is written: the files' own, with a number where two are alike."""
    names: list[str] = []
    for file in members:
        name, count = file.stem, 2
        while name in names:
            name, count = f"{file.stem}-{count}", count + 1
        names.append(name)
    return names


def _read(file: Path, notes: list[str]) -> Floats:
    """Pixels of an image in [0, 1]; notes get what is odd about it."""
    header = image_files.header(file)
    pixels, transparent = image_files.read(file, header.grey, header.size)
    odd = image_sets.oddities({file: header}, [file] * transparent)
    notes += [f"{file}: {text}" for found, text in odd if found]
    return np.divide(pixels, np.float32(255), dtype="float32")


def _png(image: Floats) -> bytes:
    levels = np.rint(255 * np.clip(image, 0, 1)).astype("uint8")
    buffer = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels).save(buffer, "PNG")
    return buffer.getvalue()


def _sheet(shown: dict[str, dict[str, Floats]], radius: str) -> Figure:
    """Images with their components, one row per image."""
    titles = ("image", f"up to r = {radius}", f"beyond r = {radius}")
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(PAGE * 0.75, 1.75 * len(shown) + 0.3), layout="constrained")
        grid = figure.subplots(len(shown), 3, squeeze=False)
        for row, (name, parts) in zip(grid, shown.items(), strict=True):
            for axes, part in zip(row, parts.values(), strict=True):
                picture = np.clip(part, 0, 1)
                picture = picture[..., 0] if picture.shape[2] == 1 else picture
                axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
            row[0].set_ylabel(name if len(name) < 20 else f"{name[:19]}…", parse_math=False)
        for axes, title in zip(grid[0], titles, strict=True):
            axes.set_title(title)
    return figure

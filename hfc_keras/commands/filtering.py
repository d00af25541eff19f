"""Low and high frequencies of image files, as image files."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from keras import ops
from matplotlib.figure import Figure
from PIL import Image

from hfc_keras import checks, files, spectrum
from hfc_keras.data import image_files, image_sets
from hfc_keras.data.folder_layout import contents
from hfc_keras.reporting.drawing.panels import PAGE
from hfc_keras.reporting.drawing.style import STYLE, rendered
from hfc_keras.types import Floats

# Of high components, so that zero is gray.
SHIFTS = {"image": 0.0, "low": 0.0, "high": 0.5}
MOST_ON_SHEET = 12


def write(
    given: Sequence[Path],
    radius: float,
    out: Path,
    inclusive: bool = True,
    skip_unreadable: bool = False,
) -> tuple[list[Path], list[str]]:
    """Filter image files and write both components of each, and a sheet of the first ones.

    Args:
        given: list of Path, files or folders of them.
        radius: float from 0, cycles per image.
        out: Path of a folder.
        inclusive: bool, whether the rim belongs to the low frequencies.
        skip_unreadable: bool, whether to leave out files that cannot be read.

    Returns:
        ``(written, notes)``: list of Path, the sheet last; and what must be said of the images,
        list of str.

    Raises:
        ValueError: for no image, a file that cannot be read, another radius, or a folder that
            cannot be written.
    """
    radius = checks.number("radius", radius, minimum=0)
    members, notes, written, shown = _members(given), [], [], {}
    corners: list[float] = []
    folder = files.writable_folder(out, "out")
    for file, name in zip(members, _names(members), strict=True):
        try:
            image = _read(file, notes)
        except files.UnusableFileError as error:
            if not skip_unreadable:
                raise
            notes.append(f"left out, cannot be read: {file} ({image_files.reason(file, error)})")
            continue
        corners.append(float(np.hypot(*(side // 2 for side in image.shape[:2]))))
        low, high = (
            ops.convert_to_numpy(part)[0] for part in spectrum.split(image[None], radius, inclusive)
        )
        for kind, part in (("low", low), ("high", high)):
            content = _png(part + SHIFTS[kind])
            written.append(files.write_whole(folder / f"{name}_{kind}.png", content))
        if len(shown) < MOST_ON_SHEET:
            shown[name] = {"image": image, "low": low, "high": high}
    checks.require(shown, "`images` must hold at least one that can be read", images=len(members))
    notes += _beyond(radius, corners)
    sheet = rendered(_sheet(shown, radius), "png")
    return [*written, files.write_whole(folder / "sheet.png", sheet)], notes


def _beyond(radius: float, corners: Sequence[float]) -> list[str]:
    """A note of images whose highest frequency is no higher than the radius."""
    whole = sum(radius >= corner for corner in corners)
    if not whole:
        return []
    return [
        f"{whole} of {len(corners)} images have no frequency beyond r = {radius:g}, the highest is "
        f"{max(corners):.3g}: their low frequencies are the image itself, the high ones gray"
    ]


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


def _sheet(shown: dict[str, dict[str, Floats]], radius: float) -> Figure:
    """Images with their components, a row each."""
    titles = {"image": "image", "low": f"up to r = {radius:g}", "high": f"beyond r = {radius:g}"}
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(PAGE * 0.75, 1.75 * len(shown) + 0.3), layout="constrained")
        grid = figure.subplots(len(shown), 3, squeeze=False)
        for row, (name, parts) in zip(grid, shown.items(), strict=True):
            for axes, (kind, part) in zip(row, parts.items(), strict=True):
                picture = np.clip(part + SHIFTS[kind], 0, 1)
                picture = picture[..., 0] if picture.shape[2] == 1 else picture
                axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
            row[0].set_ylabel(name if len(name) < 20 else f"{name[:19]}…", parse_math=False)
        for axes, title in zip(grid[0], titles.values(), strict=True):
            axes.set_title(title)
    return figure

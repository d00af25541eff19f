"""Many image files: their one size, their pixels in one array, and what is odd about them."""

import collections
import pathlib
from collections.abc import Mapping, Sequence

from hfc_keras.data import image_files
from hfc_keras.data.dataset import MixedSizesError
from hfc_keras.data.memory import pixel_array
from hfc_keras.types import Integers, Size

Found = Sequence[pathlib.Path]


def one_size(headers: Mapping[pathlib.Path, image_files.Header]) -> Size:
    """Return the size that all images have, or refuse.

    Args:
        headers: dict from files to their headers.

    Returns:
        ``(height, width)`` in pixels.

    Raises:
        MixedSizesError: naming a file of each of two sizes.

    Example:
        >>> one_size({pathlib.Path("a.png"): image_files.Header(True, (4, 6), False, False)})
        (4, 6)
    """
    sizes = {header.size: file for file, header in headers.items()}
    if len(sizes) > 1:
        named = ", ".join(f"{str(file)!r}: {size}" for size, file in list(sizes.items())[:2])
        raise MixedSizesError(
            "images must have one size, or `image_size` must be given (--image-size on a command "
            f"line). Received: {named}"
        )
    return next(iter(sizes))


def decoded(chosen: Found, grey: bool, size: Size) -> tuple[Integers, list[pathlib.Path]]:
    """Decode files into one array.

    Args:
        chosen: list of Path.
        grey: bool, whether to one channel instead of three.
        size: ``(height, width)`` in pixels.

    Returns:
        uint8 ``(files, height, width, channels)``, and the files with transparent pixels.

    Example:
        >>> decoded([], True, (4, 6))[0].shape
        (0, 4, 6, 1)
    """
    pixels = pixel_array((len(chosen), *size, 1 if grey else 3), images=len(chosen))
    transparent = []
    for row, file in enumerate(chosen):
        pixels[row], seen_through = image_files.read(file, grey, size)
        if seen_through:
            transparent.append(file)
    return pixels, transparent


def oddities(
    headers: Mapping[pathlib.Path, image_files.Header], transparent: Found
) -> list[tuple[Found, str]]:
    """Files that are not as they may seem, and what was made of them.

    Args:
        headers: dict from files to their headers.
        transparent: list of Path, see ``decoded``.

    Returns:
        list of pairs of files, perhaps none, and a phrase.

    Example:
        >>> [found for found, _ in oddities({}, [pathlib.Path("a.png")]) if found]
        [[PosixPath('a.png')]]
    """
    several = [file for file, header in headers.items() if header.several]
    damaged = [file for file, header in headers.items() if header.damaged]
    return [
        (several, "of several frames or pages: the first is taken"),
        (transparent, "with transparent pixels: the colors stored there are taken"),
        (damaged, "with EXIF data that cannot be read in full: perhaps not upright"),
    ]


def counted(found: Found) -> str:
    """Count files by their endings.

    Args:
        found: list of Path, at least one.

    Returns:
        str.

    Example:
        >>> counted([pathlib.Path("a.png"), pathlib.Path("b.png")])
        '2 files (.png 2)'
    """
    kinds = collections.Counter(path.suffix.lower() or "no ending" for path in found)
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    return f"{len(found)} file{'s' * (len(found) > 1)} ({listed})"

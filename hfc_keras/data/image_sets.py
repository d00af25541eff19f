"""Many image files: their one size, their pixels in one array, and what is odd about them."""

import collections
import pathlib
from collections.abc import Mapping, Sequence

from hfc_keras.data import image_files
from hfc_keras.data.dataset import MixedSizesError
from hfc_keras.data.memory import pixel_array
from hfc_keras.data.printable_names import printable
from hfc_keras.types import Integers, Size

Found = Sequence[pathlib.Path]
# Files that are named, of those that are counted.
MOST_NAMED = 10


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


def left_aside(found: Found, root: pathlib.Path) -> list[tuple[Found, str]]:
    """Files and folders that belong to no class, and what was made of them.

    Args:
        found: list of Path.
        root: Path of the folder that they are in.

    Returns:
        list of pairs of paths, perhaps none, and a phrase.

    Example:
        >>> root = pathlib.Path("top")
        >>> left_aside([root / "notes.txt"], root)[0][1]
        'ignored: not images of a class (notes.txt)'
    """
    folders = [path for path in found if path.is_dir()]
    others = [path for path in found if not path.is_dir()]
    return [
        (others, f"ignored: not images of a class ({named(others, root)})"),
        (folders, f"ignored: neither class nor split ({named(folders, root)})"),
    ]


def counted(found: Found) -> str:
    """Count files by their endings, or folders.

    Args:
        found: list of Path, at least one, either all files or all folders.

    Returns:
        str.

    Example:
        >>> counted([pathlib.Path("a.png"), pathlib.Path("b.png")])
        '2 files (.png 2)'
    """
    several = "s" * (len(found) > 1)
    if found[0].is_dir():
        return f"{len(found)} folder{several}"
    kinds = collections.Counter(path.suffix.lower() or "no ending" for path in found)
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    return f"{len(found)} file{several} ({listed})"


def named(found: Found, root: pathlib.Path) -> str:
    """Name some files or folders.

    Args:
        found: list of Path.
        root: Path of the folder that they are in.

    Returns:
        str, the first of their paths within the folder.

    Example:
        >>> named([pathlib.Path("top", "cat", name) for name in "ab"], pathlib.Path("top"))
        'cat/a, cat/b'
    """
    listed = [printable(path.relative_to(root).as_posix()) for path in found[:MOST_NAMED]]
    return ", ".join(listed + ["..."] * (len(found) > MOST_NAMED))

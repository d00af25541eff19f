"""One image file: what its header says, and its pixels, upright and in 8 bits."""

import contextlib
import dataclasses
import functools
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile

from hfc_keras import files
from hfc_keras.types import Integers, Size

GREY_MODES = {"1", "L", "LA"}
COLOUR_MODES = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
# A film; and a drawing, for which Pillow starts another program.
NOT_READ = {"MPEG", "EPS"}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WHOLE = "image files must be whole images that can be read"
LATE_CHUNKS = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}


@dataclasses.dataclass(frozen=True)
class Header:
    """What is known of an image before it is decoded.

    Args:
        grey: bool, whether it has no color; a palette counts as color.
        size: ``(height, width)`` in pixels, upright.
        several: bool, whether there are more frames or pages than the first.
        damaged: bool, whether it has EXIF data that cannot be read.
    """

    grey: bool
    size: Size
    several: bool
    damaged: bool


def endings() -> set[str]:
    """Return the endings of the image files that Pillow reads here, plugins included.

    Returns:
        set of str in lower case. Left out are formats that Pillow only recognizes, films, and
        EPS, for which it runs Ghostscript.

    Example:
        >>> {".png", ".jpg", ".webp", ".tif", ".gif"} <= endings(), ".txt" in endings()
        (True, False)
    """
    formats = set(_formats())
    # Pillow counts the MPO of cameras, pictures in JPEG's form, as JPEG.
    formats |= {"MPO"} if "JPEG" in formats else set()
    return {ending for ending, kind in Image.registered_extensions().items() if kind in formats}


def header(file: Path) -> Header:
    """Return what the header of an image file says.

    Args:
        file: Path.

    Returns:
        Header.

    Raises:
        UnusableFileError: if it is no image that can be read, larger than Pillow's limit, or has
            more than 8 bits per channel.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "wide.png")
        >>> Image.new("L", (20, 10)).save(file)
        >>> header(file)
        Header(grey=True, size=(10, 20), several=False, damaged=False)
    """
    with _opened(file) as image:
        mode = image.mode
        # Pillow would cut 16 bits of a color channel to 8 without a word.
        deep = any(";16" in str(tile[3]) for tile in image.tile)
        several = bool(getattr(image, "is_animated", False))
        if image.format == "PNG" and _speaks_late(file):
            image.load()
        turn, damaged = _orientation(image)
        # Newer versions of Pillow turn the size of a TIFF, and not of other formats.
        size = _stored_size(image)
    if deep or mode not in GREY_MODES | COLOUR_MODES:
        raise files.UnusableFileError(
            "images must be gray or color of 8 bits per channel. "
            f"Received: file={str(file)!r}, mode={mode.removesuffix(';16') + ';16' * deep!r}"
        )
    return Header(
        mode in GREY_MODES, size if turn in (5, 6, 7, 8) else (size[1], size[0]), several, damaged
    )


def read(file: Path, grey: bool, size: Size) -> tuple[Integers, bool]:
    """Return the pixels of an image file, turned upright as its EXIF orientation says.

    The first frame of several is read. Transparency is left out: each pixel has the color that
    is stored for it, whatever its alpha.

    Args:
        file: Path.
        grey: bool, one channel instead of red, green and blue.
        size: ``(height, width)`` in pixels to which it is resized (bilinear, antialiased).

    Returns:
        uint8 array ``(height, width, channels)``; whether any pixel is transparent, bool.

    Raises:
        UnusableFileError: if it cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "1.png")
        >>> Image.new("LA", (8, 8), (7, 0)).save(file)
        >>> pixels, transparent = read(file, grey=True, size=(4, 4))
        >>> pixels.shape, int(pixels.max()), transparent
        ((4, 4, 1), 7, True)
    """
    with _opened(file) as image:
        image.load()
        turn, _ = _orientation(image)
        seen_through = image.has_transparency_data and _transparent(image)
        # Without this Pillow warns of what is wanted here.
        image.info.pop("transparency", None)
        image = image.convert("L" if grey else "RGB")
        if turn in TURNS:
            image = image.transpose(TURNS[turn])
        if image.size != (size[1], size[0]):
            image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        pixels = np.asarray(image, "uint8")
    return pixels.reshape(*size, -1), seen_through


def reason(file: Path, error: files.UnusableFileError) -> str:
    """Return why a file cannot be read, without its name.

    Args:
        file: Path.
        error: UnusableFileError that ``header`` or ``read`` raised.

    Returns:
        str.

    Example:
        >>> try:
        ...     header(Path("none.png"))
        ... except files.UnusableFileError as error:
        ...     reason(Path("none.png"), error)
        'not there, or no file'
    """
    expected, _, received = str(error).partition(". Received: ")
    name = repr(str(file))
    detail = received.removeprefix(f"file={name}, ").replace(f" {name}", "").rstrip(":")
    return detail if expected == WHOLE else f"{expected}: {detail}"


def _formats() -> list[str]:
    """Names of the formats whose pixels Pillow can read."""
    Image.init()
    return _with_pixels(tuple(Image.ID))


@functools.lru_cache(maxsize=1)
def _with_pixels(known: tuple[str, ...]) -> list[str]:
    return [name for name in known if name not in NOT_READ and not _is_stub(name)]


def _is_stub(name: str) -> bool:
    """Whether Pillow recognizes a format and leaves reading it to others."""
    factory = Image.OPEN[name][0]
    return isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[ImageFile.ImageFile]:
    """Open an image while a block runs; whatever fails there ends in the file's name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # The folder's own warning counts these.
            warnings.filterwarnings("ignore", "(Possibly c|C)orrupt EXIF data", UserWarning)
            # Opening a pipe would wait for what is never written.
            if not file.is_file():
                raise OSError("not there, or no file")
            with Image.open(file, formats=_formats()) as image:
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise files.UnusableFileError(
            f"an image must have at most {Image.MAX_IMAGE_PIXELS:,} pixels, or "
            "PIL.Image.MAX_IMAGE_PIXELS must be set higher where such images are meant. "
            f"Received: file={str(file)!r}, {error}"
        ) from error
    # Pillow has no error of its own: OSError, SyntaxError, ValueError, struct.error all occur.
    except Exception as error:
        raise files.UnusableFileError(f"{WHOLE}. Received: file={str(file)!r}, {error}") from error


def _orientation(image: ImageFile.ImageFile) -> tuple[int, bool]:
    """Return the EXIF orientation, 1 to 8, and whether EXIF data could not be read in full."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            # Opening a JPEG may have tried, and Pillow does not say twice that it failed.
            Image.Exif().load(image.info.get("exif", b""))
            # The method of PNG files would decode each one that has no EXIF data.
            turn = Image.Image.getexif(image).get(ExifTags.Base.Orientation)
        # As above: what damaged EXIF data raise is left to chance.
        except Exception:
            return 1, True
    return (turn if turn in TURNS else 1), bool(caught)


def _stored_size(image: Any) -> tuple[int, int]:
    """``(width, height)`` before it is turned, of which only TIFF files have tags."""
    return (image.tag_v2[256], image.tag_v2[257]) if image.format == "TIFF" else image.size


def _speaks_late(file: Path) -> bool:
    """Whether a PNG has text or EXIF data behind its pixels, where opening does not see them."""
    behind = False
    with open(file, "rb") as stream:
        stream.seek(8)
        while len(start := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", start)
            if behind and kind in LATE_CHUNKS:
                return True
            behind |= kind == b"IDAT"
            # Behind each chunk stands a checksum of four bytes.
            stream.seek(length + 4, 1)
    return False


def _transparent(image: Image.Image) -> bool:
    levels: Any = image.convert("RGBA").getchannel("A").getextrema()
    return levels[0] < 255

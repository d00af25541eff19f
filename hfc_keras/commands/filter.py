"""What do low and high frequencies of my images look like?"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from hfc_keras.commands.options import FLAG, told


@dataclasses.dataclass(frozen=True)
class Filter:
    """Write the low and the high frequencies of images as PNG, and one sheet of them all.

    High frequencies have mean zero: half of white is added to them, so that gray is zero. What
    leaves the range of pixels is clipped in the files. Exit status: 0, or 2 if an image cannot be
    used.
    """

    images: Annotated[tuple[Path, ...], tyro.conf.Positional, told("IMAGE|FOLDER ...")]
    """Image files, or folders of them."""
    radius: float
    """Radius in cycles per image: low is up to it, high beyond it."""
    out: Path = Path("filtered")
    """Folder for <name>_low.png, <name>_high.png and sheet.png."""
    strict: FLAG = False
    """Leave the rim itself to the high frequencies (<, not <=)."""
    skip_unreadable: FLAG = False
    """Leave out image files that cannot be read."""

    def execute(self) -> int:
        """Filter the images and write them.

        Returns:
            int, the exit status.
        """
        from hfc_keras.commands import filtering

        written, notes = filtering.write(
            self.images, self.radius, self.out, not self.strict, self.skip_unreadable
        )
        for note in notes:
            print(note)
        print(f"wrote {written[-1]} and {len(written) - 1} images beside it")
        return 0

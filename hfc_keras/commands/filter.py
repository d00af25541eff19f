"""What do low and high frequencies of my images look like?"""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from hfc_keras.commands.options import FLAG, told


@dataclasses.dataclass(frozen=True)
class Filter:
    """Write the low and the high frequencies of images as PNG, and one sheet of them all.

    High frequencies have mean zero: 0.5 is added to them, so mid-gray means zero. Values beyond
    black or white are clipped in the files, and how many is printed; `spectrum.split` in Python
    returns them unclipped. Exit status: 0, or 2 if an image cannot be used.
    """

    images: Annotated[tuple[Path, ...], tyro.conf.Positional, told("IMAGE|FOLDER ...")]
    """Image files, or folders of them."""
    radius: float
    """Radius in the unit of --unit: low is up to it, high beyond it."""
    out: Path = Path("filtered")
    """Folder for <name>_low.png, <name>_high.png and sheet.png; refused if one of IMAGES would be \
overwritten."""
    mask: Literal["disc", "square"] = "disc"
    """Shape of the low frequencies; the radius of a square is half its side."""
    unit: Literal["cycles", "nyquist"] = "cycles"
    """Unit of the radius: cycles per image, or share of the Nyquist frequency (1 is the highest \
frequency along each axis)."""
    strict: FLAG = False
    """Count frequencies at exactly the radius as high (<, not <=)."""
    skip_unreadable: FLAG = False
    """Leave out image files that cannot be read."""

    def execute(self) -> int:
        """Filter the images and write them.

        Returns:
            int, the exit status.
        """
        from hfc_keras.commands import filtering

        written = filtering.write(
            self.images,
            self.radius,
            self.out,
            self.skip_unreadable,
            inclusive=not self.strict,
            mask=self.mask,
            unit=self.unit,
        )
        for note in written.notes:
            print(note)
        shares = " and ".join(
            f"{share:.1%} of {kind}-frequency" for kind, share in written.clipped.items()
        )
        print(f"clipped to black or white: {shares} values")
        print(
            f"wrote {written.files[-1]} and {len(written.files) - 1} more images in the same folder"
        )
        return 0

"""What is measured: the cells of the table, and their operations and bytes."""

import dataclasses
from typing import Literal

TASKS = ("training", "pgd", "standard", "filter", "heat_map", "sensitivity")
TITLES = {
    "training": "plain training step",
    "pgd": "adversarial training step, PGD-10",
    "standard": "standard evaluation",
    "filter": "filter",
    "heat_map": "heat map",
    "sensitivity": "Fourier sensitivity",
}
PGD_STEPS, EPSILON = 10, 8 / 255
# A forward pass and one of its size back to the images; a training step, one more to the weights.
GRADIENT, STEP = 2, 3
FLOAT = 4


@dataclasses.dataclass(frozen=True)
class Cell:
    """A task on a network and a size of images.

    Args:
        task: str, one of ``TASKS``.
        network: str.
        side: int, height and width in pixels.
        batch: int, images at once.
        width: float, factor of the network's filters.
        waves: int, frequencies of a heat map along an axis; see ``max_frequency``.
        queries: int, of the standard evaluation's last attack.
        compiled: bool, whether PyTorch goes through ``torch.compile``.
    """

    task: str
    network: str
    side: int
    batch: int
    width: float = 1.0
    waves: int = 3
    queries: int = 500
    compiled: bool = True

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return f"{TITLES[self.task]}, {self.network}, {self.side} x {self.side}"

    @property
    def bound(self) -> Literal["matrix", "copy", ""]:
        """Rate of the card that limits it; none where the work depends on what is found."""
        if self.task == "filter":
            return "copy"
        return "" if self.task == "standard" else "matrix"

    def operations(self, forward: int) -> float:
        """Operations of one call, of those of a forward pass of one image.

        Args:
            forward: int.
        """
        passes = {
            "training": STEP,
            "pgd": GRADIENT * PGD_STEPS + STEP,
            "heat_map": self.frequencies,
            "sensitivity": GRADIENT,
        }
        return float(passes.get(self.task, 0) * forward * self.batch)

    @property
    def frequencies(self) -> int:
        """Waves of the heat map: half of a square of frequencies, and the zero frequency."""
        return ((2 * self.waves + 1) ** 2 + 1) // 2

    @property
    def bytes(self) -> int:
        """Bytes that a filter must move: the images once in, both components out."""
        return 3 * FLOAT * self.batch * self.side**2 * 3

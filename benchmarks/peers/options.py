"""What the comparisons are asked to do."""

import dataclasses

OFTEN = 9


@dataclasses.dataclass(frozen=True)
class Options:
    """Sizes of the comparisons.

    Args:
        threads: int, cores that every package has.
        examples: int or None, images in one call; None is each task's own number.
        repeats: int, calls of each way after the first.
        fast: bool, whether it is a trial of a few minutes, whose numbers mean little.
    """

    threads: int
    examples: int | None = None
    repeats: int = 5
    fast: bool = False

    @property
    def often(self) -> int:
        """Calls of what takes a second or so, beside which noise of the machine is large."""
        return self.repeats if self.fast else max(self.repeats, OFTEN)

    def images(self, usual: int, fast: int) -> int:
        """Images in one call of a task.

        Args:
            usual: int, where nothing is asked.
            fast: int, in a trial.
        """
        return self.examples or (fast if self.fast else usual)

"""Options that say where the cells of a run are measured."""

import dataclasses
from pathlib import Path
from typing import Literal

from hfc_keras import checks


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spread:
    """Where the cells of a run are measured; the last digits alone depend on it."""

    jobs: int | None = None
    """Cells at once on this machine, each in a process of its own with its share of the cores \
unless TF_NUM_INTRAOP_THREADS is set; the number of threads decides the last digits. Default: one \
after the other, in this process."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers measure the cells."""
    scheduler_file: Path | None = None
    """The same scheduler by the file that it wrote: dask scheduler --scheduler-file FILE."""
    gpu: Literal["yes", "no"] | None = None
    """Whether cells go only to those workers of the scheduler that offer a GPU: dask worker \
--resources GPU=1. Default: yes for the profile paper."""

    @property
    def is_spread(self) -> bool:
        """Whether cells are measured in other processes."""
        return self.has_scheduler or (self.jobs or 1) > 1

    @property
    def has_scheduler(self) -> bool:
        """Whether the workers of a scheduler measure them."""
        return self.scheduler is not None or self.scheduler_file is not None

    @property
    def wants_gpu(self) -> bool:
        """Whether a cell goes to workers with a GPU only."""
        return self.gpu == "yes" or (self.gpu is None and getattr(self, "profile", "") == "paper")

    def check_spread(self) -> None:
        """Refuse options that cannot be meant.

        Raises:
            ValueError: naming the option.
        """
        if self.jobs is not None:
            checks.number("jobs", self.jobs, minimum=1, whole=True)
        checks.require(
            self.jobs is None or not self.has_scheduler,
            "`jobs` must be left out with a scheduler, whose workers say how many cells there are "
            "at once",
            jobs=self.jobs,
        )
        checks.require(
            self.gpu is None or self.has_scheduler,
            "`gpu` must be left out without a scheduler, whose workers say what they offer",
            gpu=self.gpu,
        )
        checks.require(
            self.scheduler is None or self.scheduler_file is None,
            "`scheduler` must be left out with `scheduler_file`, which holds the address",
            scheduler=self.scheduler,
            scheduler_file=str(self.scheduler_file),
        )


# Options that say nothing of what is measured.
SPREAD = tuple(field.name for field in dataclasses.fields(Spread))

"""Is everything there that the package needs?"""

import dataclasses
from pathlib import Path

from hfc_keras.commands.options import DATA_DIR


@dataclasses.dataclass(frozen=True)
class Doctor:
    """Report what is installed, and how to fix what is missing.

    Compares versions with the tested ones; lists backend, devices, threads, data sets, trained
    networks, memory and disk. Exit status: 0, or 1 if there is a problem that must be fixed first.
    """

    data_dir: DATA_DIR = None
    """Where TFDS keeps its data sets. Default: TFDS_DATA_DIR, or TFDS' own default."""
    published: Path = Path("results/models")
    """Folder of the project's trained networks."""

    def execute(self) -> int:
        """Print one line per finding.

        Returns:
            int, the exit status.
        """
        from hfc_keras.commands import findings

        found = findings.all_findings(self.data_dir, self.published)
        for each in found:
            print(each)
        failed = sum(each.status == "fail" for each in found)
        warned = sum(each.status == "warn" for each in found)
        print(f"\n{_counted(failed, 'problem')}, {_counted(warned, 'warning')}")
        return 1 if failed else 0


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"

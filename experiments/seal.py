"""Add the checksums that are written today to tables and models of earlier versions.

Records made before version 0.6 cannot reveal a changed number, because they carry no checksums.
This command reads and checks each table under <results>/ that has a record, as far as that is
possible, and opens each model of <results>/models; then it adds checksums to their records, whose
other content stays as it is. Tables and models do not change, and what has a checksum is left
alone. Exit status: 0, or 2 if something is damaged; the rest still gets its checksums.
"""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hfc_keras import checks, files, records, reporting
from hfc_keras.lab import command_line, failed_cells
from hfc_keras.reporting.table_files import checksums
from hfc_keras.training import published

REMEDY = "restore it"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of this command."""

    results: Path = Path("results")
    """Folder of the results: <results>/<profile>/<dataset>/ and <results>/models/."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Seal what has no checksums, from the command line.

    Args:
        arguments: list of str or None; None is the process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with command_line.ending():
        options = command_line.parsed(Settings, "python -m experiments.seal", __doc__, arguments)
        if not options.results.is_dir():
            text = f"`results` must be a folder. Received: results={str(options.results)!r}"
            sys.exit(command_line.refused(text))
        done, damaged = seal_all(options.results)
        print(f"sealed: {len(done)}, damaged: {len(damaged)}")
        for error in damaged:
            command_line.refused(error)
        if damaged:
            sys.exit(2)


def seal_all(results: Path) -> tuple[list[Path], list[Exception]]:
    """Seal every table and model of a folder.

    Args:
        results: Path.

    Returns:
        ``(done, damaged)``: paths that were sealed, and an error for each that could not be.
    """
    done, damaged = [], []
    tables = [each for each in sorted(results.glob("*/*/*.csv")) if not failed_cells.is_one(each)]
    found = [(path, seal_table) for path in tables]
    found += [(path, published.seal) for path in sorted(results.glob("models/*.keras"))]
    for path, seal in found:
        try:
            if seal(path):
                done.append(path)
        except ValueError as error:
            damaged.append(error)
    return done, damaged


def seal_table(path: Path) -> bool:
    """Add checksums to the record of a table.

    Args:
        path: Path of the table.

    Returns:
        bool, whether the record was written; not if it has a checksum.

    Raises:
        ValueError: if the table or the record is damaged, or there is no record.
    """
    record = path.with_suffix(".json")
    content = records.read(record, REMEDY)
    cells = content.get("cells")
    if not isinstance(cells, dict):
        checks.require(False, "A record must have cells", path=str(record))
    if all(records.SEAL in cell for cell in cells.values()):
        return False
    reporting.read_table(path, ("recipe", "seed"))
    found = checksums(path.read_text(encoding="utf-8"))
    checks.require(
        set(found) == set(cells), "A table must have the cells of its record", path=str(path)
    )
    for label, checksum in found.items():
        cells[label][records.SEAL] = checksum
    files.write_whole(record, json.dumps(records.sealed(content), indent=1))
    return True


if __name__ == "__main__":
    main()

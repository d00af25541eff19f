"""The table of faults names tests that are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAP = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
ROWS = [row.strip("| \n").split(" | ") for row in MAP.splitlines() if re.match(r"\| \d", row)]
NODE = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def functions_of(path):
    """Tests of a file as pytest names them."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{each.name}" for each in node.body if hasattr(each, "name"))


def test_every_fault_has_a_row():
    assert [int(row[0]) for row in ROWS] == list(range(1, 36))
    assert all(len(row) == 4 and all(row) for row in ROWS)


def test_every_row_names_tests_that_are_there():
    missing = []
    for number, _, _, tests in ROWS:
        named = NODE.findall(tests)
        assert named and len(named) == tests.count("::test_"), number
        assert sorted(NODE.sub("", tests)) == [" "] * (len(named) - 1)
        there = {path: set(functions_of(path)) for path, _ in named}
        missing += [(number, path, name) for path, name in named if name not in there[path]]
    assert missing == []


def test_every_test_of_a_fault_is_in_the_table():
    named = set(NODE.findall(MAP))
    own = {
        (f"tests/faults/{path.name}", name)
        for path in Path(__file__).parent.glob("test_*.py")
        for name in functions_of(f"tests/faults/{path.name}")
        if name.rpartition("::")[2].startswith("test_") and path.name != Path(__file__).name
    }
    assert own - named == set()

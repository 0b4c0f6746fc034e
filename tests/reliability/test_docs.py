"""docs/reliability.md names tests that exist, one or more for every fault."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAULTS = 40


def rows():
    """Number of the fault -> its row in the table."""
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    return {int(line.split("|")[1]): line for line in text.splitlines() if re.match(r"\|\s*\d+\s*\|", line)}


def named(row):
    """The (file, function) of every pytest id in a row, written as `file.py::test_name`, relative to tests/."""
    return re.findall(r"`([\w/]+\.py)::(test_\w+)`", row)


def test_every_fault_has_tests():
    assert sorted(rows()) == list(range(1, FAULTS + 1))
    for number, row in rows().items():
        assert named(row), number


def test_every_named_test_exists():
    functions = {}
    for row in rows().values():
        for file, function in named(row):
            if file not in functions:
                tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
                functions[file] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert function in functions[file], f"{file}::{function}"


def test_nothing_else_in_the_table_looks_like_a_test():
    """A name that is spelled in another way would escape the check above."""
    for number, row in rows().items():
        assert row.count("test_") == len(re.findall(r"test_", " ".join(f"{a} {b}" for a, b in named(row)))), number

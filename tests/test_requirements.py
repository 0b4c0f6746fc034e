"""The files of requirements name every package that the programs import when they start."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OURS = ("src", "pytorch")
PACKAGE_OF = {"cv2": "opencv-python-headless", "PIL": "Pillow", "yaml": "PyYAML", "typing_extensions": "pydantic"}
PROGRAMS = {
    "requirements-read.txt": ["predict.py", "src/reader/command.py"],
    "pytorch/requirements.txt": sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pytorch").glob("*.py")),
}


def imports_at_start(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Names of what a module imports when it is imported: not those inside functions, or for type checkers only."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, FUNCTIONS) and not (isinstance(node, ast.If) and is_for_checkers(node.test)):
            yield from imports_at_start(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))


def is_for_checkers(test: ast.expr) -> bool:
    return ast.unparse(test) == "TYPE_CHECKING"


def packages(programs: Iterable[str]) -> set[str]:
    """Packages of others that `programs` and all of ours that they import need to start."""
    waiting, seen, found = [ROOT / program for program in programs], set(), set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports_at_start(ast.parse(path.read_text(encoding="utf-8")).body):
            top = name.partition(".")[0]
            if top in OURS:
                place = ROOT.joinpath(*name.split("."))
                files = (place.with_suffix(".py"), place.parent.with_suffix(".py"), place / "__init__.py")
                waiting += [file for file in files if file.is_file()]
            elif top not in sys.stdlib_module_names:
                found.add(PACKAGE_OF.get(top, top))
    return found


@pytest.mark.parametrize("file", PROGRAMS)
def test_what_a_program_imports_is_required(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    required = {match[0].lower() for line in lines if (match := re.match(r"[A-Za-z][\w-]*", line))}
    missing = {name for name in packages(PROGRAMS[file]) if name.lower() not in required}
    assert not missing

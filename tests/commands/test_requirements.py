"""What the commands import at their start is in the file of requirements that their pages name."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODULES = {"opencv-python-headless": "cv2", "pillow": "PIL", "pyyaml": "yaml"}  # where the name is another one
OURS = ("src", "pytorch")
WITH_OTHERS = {"typing_extensions"}  # pydantic brings it along
# label_words.py runs in an environment of its own, with RapidOCR.
COMMANDS = {
    "requirements-read.txt": [ROOT / "predict.py"],
    "pytorch/requirements.txt": sorted({*(ROOT / "pytorch").glob("*.py")} - {ROOT / "pytorch" / "label_words.py"}),
}


def listed(file: str) -> set[str]:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    names = [match[0] for line in lines if (match := re.match(r"[\w-]+", line))]
    return {MODULES.get(name.lower(), name.lower()) for name in names}


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those that run when a module is imported; what only a type checker sees is left out."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        for inner in ("body", "orelse", "handlers"):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield from statements(getattr(node, inner, []))


def imports(path: Path) -> Iterator[str]:
    for node in statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(commands: list[Path]) -> set[str]:
    """The packages of others that these files import, and the files of ours that they import."""
    found, waiting, seen = set(), list(commands), set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports(path):
            top = name.partition(".")[0]
            if top in OURS:
                parts = name.split(".")
                places = [ROOT.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
                files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
                waiting += [file for file in files if file.is_file()]
            elif top not in sys.stdlib_module_names:
                found.add(top)
    return found


@pytest.mark.parametrize("file", COMMANDS)
def test_everything_that_is_imported_is_listed(file):
    found = packages(COMMANDS[file])
    assert "numpy" in found or "pydantic" in found
    assert sorted(found - listed(file) - WITH_OTHERS) == []


def test_checks_before_a_commit_need_no_network():
    """pre-commit would clone the repository of any hook that is not local."""
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    assert {hook["language"] for hook in repositories[0]["hooks"]} == {"system"}

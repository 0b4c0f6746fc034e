"""The rules of docs/architecture.md: imports go one way, and importing anything does nothing."""

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# A folder imports from folders of lower levels only; folders of one level do not know each other.
LEVELS = (
    {"common"},
    {"layers", "text_connector", "metrics", "visualize", "data"},
    {"ctpn", "crnn"},
    {"weights"},
    {"export"},
    {"engines"},
    {"training", "evaluation", "reader"},
    {"postprocess"},
)
# The same inside src/data.
DATA_LEVELS = ({"images", "loading"}, {"detection", "synthesis"}, {"recognition"})
# The only place that reads arguments, the environment or YAML. It stands above all levels, so nothing
# but entry points imports it.
FRONT_DESK = "model_utils"
MODULES = sorted((ROOT / "src").rglob("*.py"))


@functools.cache
def imported_modules(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return names + [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]


def folders_of(paths: Iterable[Path], depth: int) -> dict[str, set[str]]:
    """Name of each folder at `depth` below the repository -> names of those beside it that it imports from."""
    found: dict[str, set[str]] = {}
    for path in paths:
        place = path.relative_to(ROOT).parts
        if len(place) > depth + 1:
            prefix = ".".join(place[:depth]) + "."
            imported = {
                name[len(prefix) :].split(".")[0] for name in imported_modules(path) if name.startswith(prefix)
            }
            found.setdefault(place[depth], set()).update(imported - {place[depth]})
    return found


def check_levels(levels: Sequence[set[str]], imports: Mapping[str, set[str]]) -> None:
    below: set[str] = set()
    for level in levels:
        for folder in sorted(level):
            assert imports[folder] <= below, f"{folder} imports from {sorted(imports[folder] - below)}"
        below |= level


def test_arrows_go_one_way():
    imports = folders_of(MODULES, 1)
    assert set(imports) == set().union(*LEVELS) | {FRONT_DESK}
    check_levels((*LEVELS, {FRONT_DESK}), imports)


def test_arrows_go_one_way_inside_data():
    imports = folders_of((path for path in MODULES if path.is_relative_to(ROOT / "src" / "data")), 2)
    assert set(imports) == set().union(*DATA_LEVELS)
    check_levels(DATA_LEVELS, imports)


def test_nothing_here_needs_a_tool_or_pytorch():
    for path in MODULES:
        foreign = {name.split(".")[0] for name in imported_modules(path)} & {
            "pytorch",
            "benchmarks",
            "tests",
            "torch",
        }
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def test_importing_does_nothing(tmp_path):
    """No module reads the arguments, prints, writes, or changes the environment."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES if path.name != "__init__.py"]
    program = f"""
import os, sys, importlib
before = dict(os.environ)
sys.argv = ["program", "--no_such_key", "1"]
for name in {names!r}:
    importlib.import_module(name)
changed = {{key for key in set(before) | set(os.environ) if before.get(key) != os.environ.get(key)}}
# Set by the libraries that are imported, not by this project.
allowed = (
    "PROTOCOL_BUFFERS", "KMP_", "OMP_", "MS_", "TF_", "GLOG", "LD_", "QT_", "CUDA", "PYTHON", "NCCL", "HCCL",
    "ASCEND", "OPENCV",
)
print(sorted(key for key in changed if not key.startswith(allowed)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "GLOG_v": "3"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []


def test_only_a_program_that_runs_starts_a_command():
    """It takes Ctrl-C and unexpected errors for itself: an import that did so once ended the tests."""
    programs = [
        path for folder in ("", "src", "pytorch", "benchmarks", "examples") for path in (ROOT / folder).glob("*.py")
    ]
    starting = [path for path in programs if "start_command()" in path.read_text(encoding="utf-8")]
    assert len(starting) > 20
    for path in starting:
        assert "\nstart_command()" not in path.read_text(encoding="utf-8"), path.relative_to(ROOT)

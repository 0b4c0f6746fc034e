"""The rules of the house: imports go one way, and importing anything does nothing."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WORK = {"ctpn", "crnn", "data", "metrics", "text_connector"}
# Modules beside the packages that all of them may import; one leaf may import another.
LEAVES = {"errors", "atomic_file", "max_pool", "bidirectional_lstm", "onnx_graph"}
# A package may import from itself, from the leaves, and from these.
ALLOWED = {
    **{package: set() for package in WORK},
    "training": WORK,
    "inference": WORK | {"training"},
    "model_utils": set(),
}
MODULES = sorted((ROOT / "src").rglob("*.py"))


def imported_modules(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return names + [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]


def imported_packages(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported_modules(path) if name.startswith("src.")} - LEAVES


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_arrows_go_one_way(package):
    for path in sorted((ROOT / "src" / package).rglob("*.py")):
        foreign = imported_packages(path) - ALLOWED[package] - {package}
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_leaves_import_nothing_of_ours(leaf):
    assert not imported_packages(ROOT / "src" / f"{leaf}.py")


def test_nothing_here_needs_a_tool_or_pytorch():
    for path in MODULES:
        foreign = {name.split(".")[0] for name in imported_modules(path)} & {"tools", "benchmarks", "tests", "torch"}
        assert not foreign, f"{path.relative_to(ROOT)} imports {sorted(foreign)}"


def test_every_package_has_its_rule():
    packages = {path.name for path in (ROOT / "src").iterdir() if (path / "__init__.py").is_file()}
    assert packages == set(ALLOWED)


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
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "GLOG_v": "3"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []

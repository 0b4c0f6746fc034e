"""Pythons that the tests are not run on: their wheels exist, and every file compiles for them."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("3.10", "3.12", "3.13")
# The newest Python of each file of requirements, and the names that decide about it: a look-up takes seconds.
NEWEST = {
    "requirements-read.txt": (
        "3.13",
        ("numpy", "opencv-python-headless", "Pillow", "simplejpeg", "onnxruntime", "openvino"),
    ),
    "requirements.txt": ("3.12", ("mindspore", "numpy", "opencv-python-headless")),
}
INDEX = [sys.executable, "-m", "pip", "--disable-pip-version-check", "index", "versions", "--only-binary=:all:"]
UNREACHABLE = re.compile("connection|network|resolution|timed out|proxy", re.IGNORECASE)


def requirements(name: str) -> list[Requirement]:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def lacks_a_wheel(requirement: Requirement, version: str) -> bool:
    """Whether no release that is asked for has a wheel for this Python. Skips without a package index."""
    done = subprocess.run(
        [*INDEX, "--python-version", version, requirement.name],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip("no package index within reach")
    found = re.search(r"Available versions: (.*)", done.stdout)
    return not found or not any(map(requirement.specifier.contains, found[1].split(", ")))


@pytest.mark.parametrize("file", NEWEST)
def test_wheels_exist(file):
    version, names = NEWEST[file]
    wanted = [requirement for requirement in requirements(file) if requirement.name in names]
    assert len(wanted) == len(names)
    with ThreadPoolExecutor(4) as pool:
        lacking = list(pool.map(lambda requirement: lacks_a_wheel(requirement, version), wanted))
    assert not [str(requirement) for requirement, lacks in zip(wanted, lacking, strict=True) if lacks]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_compiles(version):
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-V"], capture_output=True, check=False).returncode:
        pytest.skip(f"no python{version} at hand")
    folders = ("src", "pytorch", "scripts", "benchmarks", "examples")
    files = [*ROOT.glob("*.py"), *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    program = "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"
    done = subprocess.run([python, "-W", "error", "-c", program, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""The tests that are written in C++, run by ctest with the address and undefined-behavior sanitizers."""

import re
from pathlib import Path

from infer_builds import ROOT, run

UNITS = sorted(path.stem for path in Path(__file__).with_name("unit").glob("test_*.cpp"))


def test_all_unit_tests_pass(sanitized):
    done = run("ctest", "--output-on-failure", cwd=sanitized)
    assert done.returncode == 0, done.stdout
    assert re.search(f"100% tests passed, 0 tests failed out of {len(UNITS)}", done.stdout)
    assert "runtime error" not in done.stdout and "AddressSanitizer" not in done.stdout


def test_a_check_that_does_not_hold_fails(sanitized):
    """The tests can fail: an unknown file of tests is an error, not an empty success."""
    assert run(sanitized / "tests" / "unit_tests", "test_nothing").returncode == 2


def test_the_sanitizers_are_in_the_build(sanitized):
    for program in ("main", "tests/show_pixels"):
        libraries = run("ldd", sanitized / program).stdout
        assert "libasan" in libraries and "libubsan" in libraries


def test_sources_are_short_and_listed():
    sources = sorted((ROOT / "ascend310_infer" / "src").glob("*.cpp"))
    listed = (ROOT / "ascend310_infer" / "CMakeLists.txt").read_text()
    for path in sources:
        assert f"src/{path.name}" in listed
        assert len(path.read_text().splitlines()) < 250, path.name

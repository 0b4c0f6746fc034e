"""Builds of the C++ application and ways to run it, shared by its tests.

The builds stay below ascend310_infer/build, which git ignores, so that a second run of the tests compiles only what
has changed. Nothing is downloaded; what is missing skips the tests and says so.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "ascend310_infer" / "build"
SANITIZED = BUILD / "for tests"  # with a space, as a user's folder may have
STAND_IN = Path(__file__).with_name("lite_stand_in")
LITE_HOME = BUILD / "lite stand-in"


def environment(**more):
    """Sanitizers say where, and do not look for leaks, which they cannot where processes may not be traced."""
    sanitizers = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return {**os.environ, "PYTHON": sys.executable, "LITE_HOME": str(LITE_HOME), **sanitizers, **more}


def run(*command, **options):
    """A finished process with its outputs as text."""
    return subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        **{"env": environment(), **options},
    )


def need_tools():
    """Skip where there is no compiler, no cmake, or no libjpeg and libpng to build with."""
    for tool in ("c++", "cmake"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: the C++ application is not tested")
    source = "#include <cstdio>\n#include <jpeglib.h>\n#include <png.h>\n"
    done = run("c++", "-E", "-x", "c++", "-", "-o", os.devnull, input=source)
    if done.returncode != 0:
        pytest.skip("the headers of libjpeg or libpng are not installed: the C++ application is not tested")


def build(backend, folder, *options):
    need_tools()
    done = run("bash", ROOT / "ascend310_infer" / "build.sh", backend, folder, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning:" not in done.stdout + done.stderr, done.stdout + done.stderr
    return folder


def make_lite_home():
    """A folder as MindSpore Lite is unpacked to, with the stand-in's headers and library."""
    need_tools()
    library = LITE_HOME / "runtime" / "lib" / "libmindspore-lite.so"
    shutil.copytree(STAND_IN / "include", LITE_HOME / "runtime" / "include", dirs_exist_ok=True)
    sources = [path for path in STAND_IN.rglob("*") if path.is_file()]
    if library.exists() and library.stat().st_mtime > max(path.stat().st_mtime for path in sources):
        return LITE_HOME
    library.parent.mkdir(parents=True, exist_ok=True)
    done = run(
        "c++",
        "-std=c++17",
        "-shared",
        "-fPIC",
        f"-I{LITE_HOME / 'runtime'}",
        STAND_IN / "model.cpp",
        "-o",
        library,
    )
    assert done.returncode == 0, done.stderr
    return LITE_HOME


def build_sanitized():
    make_lite_home()
    return build(
        "mindspore_lite",
        SANITIZED,
        "-DINFER_SANITIZE=ON",
        "-DINFER_TESTS=ON",
        "-DCMAKE_BUILD_TYPE=None",  # no optimization: compiling takes longer than running
        *_openvino_options(),
    )


def _openvino_options():
    """Where OpenVINO is, for the sanitized application that runs it; nothing where it is not installed."""
    found = importlib.util.find_spec("openvino")
    return [f"-DOpenVINO_DIR={Path(found.origin).parent / 'cmake'}"] if found and found.origin else []


def build_openvino():
    pytest.importorskip("openvino")
    return build("openvino", BUILD / "openvino") / "main"

"""The C++ application, built once for all tests: with checks while running, and for OpenVINO as it is used."""

import infer_builds
import pytest


@pytest.fixture(scope="session")
def sanitized():
    """Folder of the build with the stand-in for MindSpore Lite, sanitizers, ctest and `show_pixels`."""
    return infer_builds.build_sanitized()


@pytest.fixture(scope="session")
def openvino_main():
    """The application for OpenVINO, built as a user builds it."""
    return infer_builds.build_openvino()

"""Shared by the tests of training."""

import pytest


@pytest.fixture(scope="module")
def graph_mode():
    """MindSpore in graph mode on CPU."""
    ms = pytest.importorskip("mindspore")
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    yield
    ms.set_context(mode=before)

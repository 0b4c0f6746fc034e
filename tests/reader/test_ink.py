"""Ink and ground of gray images, beside NumPy on the pixels themselves."""

import numpy as np
import pytest

from src.reader.ink import ground_level, ink_contrast, is_ink

RNG = np.random.default_rng(0)
PARTS = {
    "noise": RNG.integers(0, 256, (20, 30), np.uint8),
    "two pixels": np.array([[3, 8]], np.uint8),
    "one pixel": np.array([[7]], np.uint8),
    "few levels": RNG.choice(np.array([0, 90, 255], np.uint8), (9, 14)),
    "every second column, mirrored": RNG.integers(0, 256, (20, 30), np.uint8)[::3, ::-2],
}


@pytest.mark.parametrize("gray", PARTS.values(), ids=PARTS.keys())
def test_they_are_what_sorting_all_pixels_gives(gray):
    ground = ground_level(gray)
    deviations = np.abs(gray.astype(float) - np.median(gray))
    assert ground == np.median(gray)
    assert ink_contrast(gray, ground) == pytest.approx(np.percentile(deviations, 97))
    assert np.array_equal(is_ink(gray, ground, 24.0), deviations > 24)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_of_no_pixels_none_is_ink(shape):
    found = is_ink(np.zeros(shape, np.uint8), 128.0, 24.0)
    assert found.shape == shape and found.dtype == bool

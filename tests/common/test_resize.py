"""Images in another size."""

import cv2
import numpy as np
import pytest

from src.common.resize import resized

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("size", [(24, 70), (30, 31), (61, 140), (200, 300), (60, 200)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_the_size_is_the_one_asked_for(size, channels):
    assert resized(np.zeros((121, 283, *channels), np.uint8), size).shape == (*size, *channels)


def test_less_than_half_is_averaged_first():
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 64))  # of a pixel each: sampled, they would be 0 or 255
    small = resized(stripes, (12, 24))
    assert small.min() >= 127 and small.max() <= 128


def test_more_than_half_is_interpolated_and_the_same_size_is_the_same_image():
    image = RANDOM.integers(0, 256, (90, 120), np.uint8)
    assert resized(image, (90, 120)) is image
    assert (resized(image, (50, 70)) == cv2.resize(image, (70, 50))).all()
    area = cv2.resize(image, (70, 50), interpolation=cv2.INTER_AREA)
    assert (resized(image, (50, 70), cv2.INTER_AREA) == area).all()


def test_it_is_near_to_the_mean_of_what_each_pixel_covers():
    image = cv2.GaussianBlur(RANDOM.integers(0, 256, (400, 640), np.uint8), (0, 0), 6)
    exact = cv2.resize(image, (110, 70), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(resized(image, (70, 110)) - exact).mean() < 0.5

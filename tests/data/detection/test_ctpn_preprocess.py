import cv2
import numpy as np
import pytest

from src.data.detection.preprocess import MEAN, STD, preprocess

RNG = np.random.default_rng(0)


def test_equals_resize_then_normalize():
    image = RNG.integers(0, 256, (50, 90, 3), dtype=np.uint8)
    planes, scale = preprocess(image, (64, 96))
    resized = cv2.resize(image, (96, 64), interpolation=cv2.INTER_LINEAR).astype(np.float64)
    np.testing.assert_allclose(planes, ((resized - MEAN) / STD).transpose(2, 0, 1), atol=1e-5)
    assert planes.dtype == np.float32
    assert planes.flags.c_contiguous
    assert scale == (96 / 90, 64 / 50)


def test_channels_stay_rgb():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, :, 0] = 255
    planes, _ = preprocess(image, (16, 16))
    assert planes[0].min() > 2
    assert planes[2].max() < -1


@pytest.mark.parametrize(("size", "inner"), [((40, 40), (64, 64)), ((10, 96), (10, 96)), ((300, 30), (64, 6))])
def test_keep_ratio_fills_the_upper_left(size, inner):
    image = np.full((*size, 3), 255, np.uint8)
    planes, scale = preprocess(image, (64, 96), keep_ratio=True)
    assert planes.shape == (3, 64, 96)
    assert (planes[:, : inner[0], : inner[1]] > 2).all()
    assert not planes[:, inner[0] :].any()
    assert not planes[:, :, inner[1] :].any()
    assert scale == (inner[1] / size[1], inner[0] / size[0])


def test_a_sliver_keeps_a_pixel():
    planes, _ = preprocess(np.full((1, 5000, 3), 9, np.uint8), (64, 96), keep_ratio=True)
    assert planes[:, 0].all()
    assert not planes[:, 1:].any()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="RGB uint8"):
        preprocess(image, (32, 32))

"""From an image to the input of CTPN, the same for training, evaluation and exported networks."""

import cv2
import numpy as np

MEAN = (123.675, 116.28, 103.53)  # RGB, ImageNet
STD = (58.395, 57.12, 57.375)
# What each of the 256 values of a channel becomes, (3, 256): to look it up takes less time than to compute it.
NORMALIZED = np.stack(
    [
        np.arange(256, dtype=np.uint8) * np.float32(1 / std) - np.float32(mean / std)
        for mean, std in zip(MEAN, STD, strict=True)
    ]
)


def fitted_size(size: tuple[int, int], image_size: tuple[int, int], keep_ratio: bool) -> tuple[int, int]:
    """Size (height, width) that an image of `size` gets inside an input of `image_size`."""
    if not keep_ratio:
        return image_size
    height, width = size
    scale = min(image_size[0] / height, image_size[1] / width)
    return (
        min(max(round(height * scale), 1), image_size[0]),
        min(max(round(width * scale), 1), image_size[1]),
    )


def preprocess(
    image: np.ndarray, image_size: tuple[int, int], keep_ratio: bool = False
) -> tuple[np.ndarray, tuple[float, float]]:
    """RGB uint8 (H, W, 3) -> normalized float32 (3, *image_size) and the scale (x, y).

    The scale is input pixels per image pixel. Bilinear resize to exactly `image_size`; with `keep_ratio` the
    image keeps its proportions and fills the upper left, the rest is zero (the mean color).

    Raises:
        ValueError: any other kind of array.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"expected an RGB uint8 image (H, W, 3), got {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    rows, columns = fitted_size((height, width), image_size, keep_ratio)
    if (rows, columns) != (height, width):
        image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    if (rows, columns) == tuple(image_size):
        planes = np.empty((3, rows, columns), np.float32)
    else:
        planes = np.zeros((3, *image_size), np.float32)
    for plane, values, normalized in zip(planes[:, :rows, :columns], cv2.split(image), NORMALIZED, strict=True):
        cv2.LUT(values, normalized, dst=plane)
    return planes, (columns / width, rows / height)

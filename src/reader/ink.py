"""Ink and ground of a part of a gray image. OpenCV counts gray values many times as fast as NumPy sorts pixels."""

import cv2
import numpy as np

from src.common.quantiles import counted_quantile

LEVELS = np.arange(256)  # gray values
STRONGEST = 0.97  # share of the pixels that differ less from the ground than the strokes of text do
CONTRAST, FAINT = 0.4, 24  # share of the contrast of text, and gray values, by which ink differs from its ground
SEEN = (32, 256)  # rows and columns of a line from which its ground and contrast are taken, at most


def ground_level(gray: np.ndarray) -> float:
    """The median of uint8 (H, W), which holds a pixel at least."""
    return counted_quantile(LEVELS, _counts(gray), 0.5)


def ink_contrast(gray: np.ndarray, ground: float) -> float:
    """By how many gray values the text in uint8 (H, W), of a pixel at least, differs from its ground."""
    deviations = np.abs(LEVELS - ground)
    order = np.argsort(deviations, kind="stable")
    return counted_quantile(deviations[order], _counts(gray)[order], STRONGEST)


def least_contrast(of_text: float) -> float:
    """By how many gray values ink differs from its ground at least, where text differs by `of_text`."""
    return max(FAINT, CONTRAST * of_text)


def ground_and_contrast(line: np.ndarray) -> tuple[float, float]:
    """The ground of a line, uint8 (H, W), of a pixel at least, and the least contrast of ink beside its text."""
    seen = line[:: -(-line.shape[0] // SEEN[0]), :: -(-line.shape[1] // SEEN[1])]
    ground = ground_level(seen)
    return ground, least_contrast(ink_contrast(seen, ground))


def is_ink(gray: np.ndarray, ground: float, contrast: float) -> np.ndarray:
    """(H, W) bool: what in uint8 (H, W) differs from the ground by more than `contrast`."""
    if not gray.size:
        return np.zeros(gray.shape, bool)
    return cv2.LUT(gray, (np.abs(LEVELS - ground) > contrast).astype(np.uint8)).view(bool)


def _counts(gray: np.ndarray) -> np.ndarray:
    return cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel().astype(np.int64)

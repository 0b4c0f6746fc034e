"""Texts beside their image: a page of the same size, on which each stands where its line does."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from src.visualize.fonts import FontChooser, one_line

PAPER, INK, OUTLINE = (255, 255, 255), (0, 0, 0), (208, 208, 208)
_SHARE = 0.9  # of the height of a line
_SMALLEST = 6  # pixels
_UPRIGHT = 1.0  # degrees


def with_side_panel(
    image: Image.Image, polygons: np.ndarray, texts: Sequence[str], fonts: FontChooser
) -> Image.Image:
    """The image at the left, and at the right white paper with `texts` in the places of `polygons` (M, 4, 2)."""
    panel = Image.new("RGB", image.size, PAPER)
    pen = ImageDraw.Draw(panel)
    for polygon in polygons:
        pen.polygon([tuple(corner) for corner in polygon.tolist()], outline=OUTLINE)
    for polygon, text in zip(polygons, map(one_line, texts), strict=True):
        if text.strip():
            _write(panel, polygon, text, fonts)
    both = Image.new("RGB", (2 * image.width, image.height), PAPER)
    both.paste(image, (0, 0))
    both.paste(panel, (image.width, 0))
    return both


def _write(panel: Image.Image, polygon: np.ndarray, text: str, fonts: FontChooser) -> None:
    """One text, as large as its line, turned as it is."""
    right, down = polygon[1] - polygon[0], polygon[3] - polygon[0]
    wide, high = float(np.hypot(*right)), float(np.hypot(*down))
    size = max(_SMALLEST, min(round(high * _SHARE), panel.height))
    font = fonts.choose(text, size)
    length = max(1.0, font.getlength(text))
    if length > wide:
        size = max(_SMALLEST, math.floor(size * wide / length))
        font = fonts.choose(text, size)
        length = max(1.0, font.getlength(text))
    if length > 4 * panel.width:  # it would not fit however small
        return
    tile = Image.new("L", (math.ceil(length) + 2, math.ceil(size * 1.4) + 2))
    ImageDraw.Draw(tile).text((1, tile.height / 2), text, fill=255, font=font, anchor="lm")
    angle = math.degrees(math.atan2(-right[1], right[0]))
    center = polygon.mean(axis=0) + (right / max(wide, 1e-6)) * (length - wide) / 2
    if abs(angle) > _UPRIGHT:
        tile = tile.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    place = (round(center[0] - tile.width / 2), round(center[1] - tile.height / 2))
    panel.paste(INK, place, tile)

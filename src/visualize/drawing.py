"""Images of what was found: lines with texts on a photograph, sheets of many small images, and their files.

Images are uint8 RGB (H, W, 3). Found lines are orange, ground truth is blue, which people who confuse red
and green distinguish too; each line has a dark rim, so that it shows on any background. M lines.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from src.common.atomic_file import replacing
from src.common.boxes import box_corners
from src.visualize.fonts import FontChooser, one_line, shorten, texts_or_none
from src.visualize.labels import RIM_COLOR, Box, Labels
from src.visualize.side_panel import with_side_panel

TextsAt = Literal["lines", "side", "auto"]
FOUND_COLOR = (255, 121, 0)
TRUTH_COLOR = (0, 168, 255)
IGNORED_COLOR = (176, 176, 176)

_LONGEST_SIDE = 65_000  # JPEG ends there


def draw_lines(
    image: np.ndarray,
    lines: np.ndarray,
    texts: Sequence[str] | None = None,
    scores: Sequence[float] | np.ndarray | None = None,
    ground_truth: np.ndarray | None = None,
    *,
    ignored: np.ndarray | None = None,
    fonts: FontChooser | str | Path | None = None,
    texts_at: TextsAt = "lines",
) -> np.ndarray:
    """Draw text lines on a copy of an image. A text never covers a line.

    Args:
        image: (H, W, 3) uint8 RGB.
        lines: (M, 4) boxes or (M, P, 2) polygons, in pixels; what lies outside the image is not drawn.
        texts: M texts, written beside their lines in any script the font has.
        scores: M scores, written after the texts.
        ground_truth: boxes or polygons to draw as well; a legend then names both.
        ignored: one flag a ground truth; those are gray.
        fonts: where to find a font with the needed letters; None = Pillow's own, which is Latin.
        texts_at: "lines" writes texts and scores beside their lines, where there is room; "side" writes the texts on
            a page beside the image; "auto" does so when one of them has no room at its line.

    Returns:
        (H, W, 3) uint8, a new array; (H, 2 W, 3) with the page.

    Raises:
        ValueError: an image of another kind, or as many texts, scores or flags as there are no lines.
    """
    canvas = Image.fromarray(_checked_image(image))
    found, truths = _polygons(lines), _polygons(np.empty((0, 4)) if ground_truth is None else ground_truth)
    texts = texts_or_none(texts, len(found))
    if scores is not None and len(scores) != len(found):
        raise ValueError(f"there are {len(found)} shapes, but {len(scores)} scores")
    flags = np.zeros(len(truths), bool) if ignored is None else np.asarray(ignored, dtype=bool)
    if len(flags) != len(truths):
        raise ValueError(f"there are {len(truths)} ground truths, but {len(flags)} ignored flags")

    thickness = max(2, round(math.sqrt(canvas.width * canvas.height) / 300))
    pen = ImageDraw.Draw(canvas)
    for polygon, flag in zip(truths, flags, strict=True):
        _outline(pen, polygon, IGNORED_COLOR if flag else TRUTH_COLOR, thickness)
    for polygon in found:
        _outline(pen, polygon, FOUND_COLOR, thickness)

    chooser = fonts if isinstance(fonts, FontChooser) else FontChooser(fonts)
    if texts_at == "side":
        return np.asarray(with_side_panel(canvas, found, texts, chooser))
    outlined = canvas.copy() if texts_at == "auto" else canvas
    labels = Labels(pen, canvas.size, chooser, [*found, *truths], "".join(texts))
    if ground_truth is not None:
        labels.legend(_legend(has_ignored=bool(flags.any())))
    for polygon, label in zip(found, _labels(texts, scores), strict=True):
        if label:
            labels.beside(label, _bounds(polygon), FOUND_COLOR)
    if texts_at == "auto" and labels.without_room:
        return np.asarray(with_side_panel(outlined, found, texts, chooser))
    return np.asarray(canvas).copy()


def _legend(has_ignored: bool) -> list[tuple[str, tuple[int, int, int]]]:
    entries = [("found", FOUND_COLOR), ("ground truth", TRUTH_COLOR)]
    return [*entries, ("ignored", IGNORED_COLOR)] if has_ignored else entries


def _labels(texts: Sequence[str], scores: Sequence[float] | np.ndarray | None) -> list[str]:
    """Text and score of each line, as far as there are any."""
    shown = [[one_line(text)] if text else [] for text in texts]
    if scores is not None:
        shown = [[*parts, f"{score:.2f}"] for parts, score in zip(shown, scores, strict=True)]
    return [" ".join(parts) for parts in shown]


def contact_sheet(
    tiles: Sequence[np.ndarray],
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    tile_size: tuple[int, int] = (64, 200),
    fonts: FontChooser | str | Path | None = None,
) -> np.ndarray:
    """Many small images with captions on one white sheet, for looking through mistakes.

    Args:
        tiles: images, uint8 (H, W), (H, W, 1) or (H, W, 3), of any sizes; each is scaled to fit its place.
        captions: one a tile; line ends begin a new line, what does not fit is cut with an ellipsis.
        columns: tiles in a row; None = as makes the sheet about square.
        tile_size: (height, width) of the place of a tile.
        fonts: as in `draw_lines`.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: no tiles, not as many captions as tiles, or a size below 1.
    """
    if not len(tiles):
        raise ValueError("a contact sheet needs at least one tile")
    captions = texts_or_none(captions, len(tiles))
    height, width = tile_size
    if min(height, width) < 1 or (columns is not None and columns < 1):
        raise ValueError(f"sizes must be at least 1, got tile_size {tile_size}, columns {columns}")
    chooser = fonts if isinstance(fonts, FontChooser) else FontChooser(fonts)
    size = max(12, round(width / 14))
    rows_of_text = max(caption.count("\n") + 1 if caption else 0 for caption in captions)
    line_height = math.ceil(size * 1.35)
    margin = max(4, size // 2)
    cell_width, cell_height = width + margin, height + rows_of_text * line_height + margin
    if columns is None:
        columns = round(math.sqrt(len(tiles) * cell_height / cell_width))
    columns = min(max(columns, 1), len(tiles))
    rows = math.ceil(len(tiles) / columns)
    sheet = Image.new("RGB", (columns * cell_width + margin, rows * cell_height + margin), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    for index, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        row, column = divmod(index, columns)
        left, top = margin + column * cell_width, margin + row * cell_height
        image = Image.fromarray(_checked_image(tile))
        scale = min(width / image.width, height / image.height)
        fitted = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        pen.rectangle((left, top, left + width - 1, top + height - 1), fill=(224, 224, 224))
        sheet.paste(fitted, (left + (width - fitted.width) // 2, top + (height - fitted.height) // 2))
        for number, text in enumerate(map(one_line, caption.split("\n"))):
            font = chooser.choose(text, size)
            place = (left, top + height + number * line_height + line_height // 2)
            pen.text(place, shorten(text, width, font), fill=(0, 0, 0), font=font, anchor="lm")
    return np.asarray(sheet).copy()


def _outline(pen: ImageDraw.ImageDraw, polygon: np.ndarray, color: tuple[int, int, int], thickness: int) -> None:
    closed = [tuple(corner) for corner in polygon[[*range(len(polygon)), 0, 1]].tolist()]
    pen.line(closed, fill=RIM_COLOR, width=thickness + 2, joint="curve")
    pen.line(closed, fill=color, width=thickness, joint="curve")


def _checked_image(image: np.ndarray) -> np.ndarray:
    """Any uint8 image as contiguous RGB (H, W, 3)."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=2)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"an image must be uint8 (H, W, 3) and not empty, got {image.dtype} {image.shape}")
    return np.ascontiguousarray(image)


def _polygons(shapes: np.ndarray) -> np.ndarray:
    """(M, 4) boxes or (M, P, 2) polygons to (M, P, 2); a box becomes its four corners."""
    shapes = np.asarray(shapes, dtype=np.float64)
    if not shapes.size:
        return np.empty((0, 4, 2))
    if shapes.ndim == 2 and shapes.shape[1] == 4:
        shapes = box_corners(shapes)
    if shapes.ndim != 3 or shapes.shape[1] < 3 or shapes.shape[2] != 2 or not np.isfinite(shapes).all():
        raise ValueError(f"lines must be finite (M, 4) boxes or (M, P, 2) polygons, got shape {shapes.shape}")
    # Far outside of an image nothing shows, and Pillow's coordinates are 32-bit.
    return np.clip(shapes, -1e6, 1e6)


def _bounds(polygon: np.ndarray) -> Box:
    return (*polygon.min(axis=0).tolist(), *polygon.max(axis=0).tolist())


def write_image(path: Path, image: np.ndarray) -> None:
    """Write uint8 RGB (H, W, 3) as PNG if `path` ends in .png, else as JPEG.

    The file is the old one or the complete new one. UserError names it when it cannot be written.
    """
    drawn = Image.fromarray(image)
    if max(drawn.size) > _LONGEST_SIDE:
        drawn.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    with replacing(path, sync=False) as file:  # syncing a file for every image takes its time
        if path.suffix.lower() == ".png":
            drawn.save(file, "PNG")
        else:
            drawn.save(file, "JPEG", quality=90)

"""A single character all alone above or below the text of a page: its number.

No line is beside it, so nothing but the plain page around it shows that it is no leaf or window.
M lines, boxes x1, y1, x2, y2 in pixels of a level image.
"""

import numpy as np

from src.reader.ink import ground_level, is_ink

FEWEST = 8  # lines of a page
SHORTEST, TALLEST, WIDEST = 0.4, 1.4, 1.5  # line heights
APART = 0.3  # line heights from the text of the page
SPECK = 0.1  # line heights: what is smaller is dust


def page_marks(gray: np.ndarray, boxes: np.ndarray, contrast: float) -> list[tuple[float, float, float, float]]:
    """Boxes of the ink that is all there is above, or below, the lines of a page: as tall as a line, no wider.

    Args:
        gray: the image, uint8 (H, W). boxes: (M, 4).
        contrast: gray values by which ink differs from its ground at least.
    """
    if len(boxes) < FEWEST:
        return []
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    left, right = max(0, int(boxes[:, 0].min())), int(boxes[:, 2].max())
    top, bottom = int(boxes[:, 1].min() - APART * height), int(boxes[:, 3].max() + APART * height)
    found = []
    for first, part in ((0, gray[: max(0, top), left:right]), (bottom, gray[bottom:, left:right])):
        if min(part.shape) < 2 * height:
            continue
        ink = is_ink(part, ground_level(part[:: len(part) // 64 + 1]), contrast)
        rows, columns = (np.flatnonzero(ink.sum(axis=axis) > 0) for axis in (1, 0))
        if not len(rows):
            continue
        tall, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        inside = rows[0] > 0 and rows[-1] < len(part) - 1 and columns[0] > 0 and columns[-1] < part.shape[1] - 1
        if inside and SHORTEST * height <= tall <= TALLEST * height and SPECK * height <= wide <= WIDEST * height:
            middle = first + (rows[0] + rows[-1]) / 2
            x1, x2 = float(left + columns[0] - 1), float(left + columns[-1] + 1)
            found.append((x1, float(middle - height / 2), x2, float(middle + height / 2)))
    return found

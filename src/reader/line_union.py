"""Lines that several passes over one image found, made one set: none lost, none twice. Pure NumPy.

A coarse pass sees long and tall lines whole; a finer one sees small text and ends more exactly, but may break what is
large into pieces. M coarse and K fine lines; boxes are x1, y1, x2, y2 in pixels of the image.
"""

import numpy as np

from src.common.boxes import shared_areas
from src.reader.tilt import line_heights, slopes
from src.text_connector.detector import TextLines

ON = 0.5  # share of a line's area that lies on another, from which it is the same text
COVERED = 0.75  # share of a coarse line's length that fine lines must cover to stand for it
ROW = 0.65  # height of a fine line to that of a coarse one, below which the coarse one holds more than a row
SAME_ROW = 0.6  # share of the lower line's height that two pieces of one line have in common
TOUCHING = 0.5  # line heights that two pieces of one line overlap by
WELL_SEEN, CLEAR = 14, 20  # pixels of a pass's input: heights at which it sees a line well, and beyond doubt
SAME_TEXT = 0.5  # intersection over union of two lines that are one
SAME_STRIP = 0.5  # heights of the lower one by which the middle of one is off the other at most
GAP, SAME_HEIGHT = 0.6, 0.6  # between words of one line in line heights, and the ratio of the heights of its pieces


def unite(coarse: TextLines, fine: TextLines, scale: float) -> TextLines:
    """Both without repetitions.

    Args:
        scale: of the coarse pass, pixels of its input per pixel of the image.
    """
    if not len(coarse) or not len(fine):
        return coarse if len(coarse) else fine
    fine = TextLines(fine.boxes.copy(), fine.scores, fine.polygons.copy())
    shared = shared_areas(coarse.boxes, fine.boxes)  # (M, K)
    on_coarse = shared > ON * _areas(fine.boxes)
    on_fine = shared > ON * _areas(coarse.boxes)[:, None]
    heights = [lines.boxes[:, 3] - lines.boxes[:, 1] for lines in (coarse, fine)]
    widths = [lines.boxes[:, 2] - lines.boxes[:, 0] for lines in (coarse, fine)]
    seen, areas = heights[0] * scale, _areas(coarse.boxes)
    keep_coarse = np.ones(len(coarse), bool)
    keep_fine = np.ones(len(fine), bool)
    for i in range(len(coarse)):
        longer = on_fine[i] & (widths[1] > 1.15 * widths[0][i]) & (heights[1] > ROW * heights[0][i])
        if longer.any():  # the fine pass saw more of the line
            keep_coarse[i] = False
            continue
        pieces = np.flatnonzero(on_coarse[i])
        covered = _covered_length(coarse.boxes[i], fine.boxes[pieces])
        # Pieces in several rows, or lower than what a blurred pass took for their height.
        lower = len(pieces) > 0 and (heights[1][pieces] < ROW * heights[0][i]).all()
        rows = lower and len(pieces) > 1 and shared[i, pieces].sum() > ON * areas[i]
        blurred = covered >= COVERED and seen[i] < (CLEAR if lower else WELL_SEEN)
        if rows or blurred:
            keep_coarse[i] = False
            if not lower:
                _reach(fine, pieces, coarse.boxes[i])
        else:
            keep_fine[pieces] = False
    return join_pieces(coarse.take(keep_coarse), fine.take(keep_fine))


def join_pieces(first: TextLines, second: TextLines) -> TextLines:
    """Lines of both; where one of each are overlapping pieces of a line, the line."""
    boxes = np.concatenate([first.boxes, second.boxes])
    scores = np.concatenate([first.scores, second.scores])
    polygons = np.concatenate([first.polygons, second.polygons])
    alive = np.ones(len(boxes), bool)
    for i, j in zip(*np.nonzero(_are_pieces(first.boxes, second.boxes)), strict=True):
        a, b = i, len(first) + j
        if not (alive[a] and alive[b]):
            continue
        left, right = (a, b) if boxes[a, 0] <= boxes[b, 0] else (b, a)
        if boxes[right, 2] > boxes[left, 2]:
            polygons[a] = np.stack([polygons[left, 0], polygons[right, 1], polygons[right, 2], polygons[left, 3]])
        else:
            polygons[a] = polygons[left]
        low, high = np.minimum(boxes[a, :2], boxes[b, :2]), np.maximum(boxes[a, 2:], boxes[b, 2:])
        boxes[a] = np.concatenate([low, high])
        scores[a] = max(scores[a], scores[b])
        alive[b] = False
    return TextLines(boxes[alive], scores[alive], polygons[alive])


def _reach(fine: TextLines, pieces: np.ndarray, box: np.ndarray) -> None:
    """Lengthen the outer pieces of a line to where a coarse pass saw more of it: a letter that stands apart."""
    height = box[3] - box[1]
    for side, corners, index in (
        (0, (0, 3), pieces[np.argmin(fine.boxes[pieces, 0])]),
        (2, (1, 2), pieces[np.argmax(fine.boxes[pieces, 2])]),
    ):
        outward = (fine.boxes[index, side] - box[side]) * (1 if side == 0 else -1)
        if outward > GAP * height:
            fine.boxes[index, side] = box[side]
            fine.polygons[index, corners, 0] = box[side]


def join_neighbors(lines: TextLines) -> TextLines:
    """Lines that follow each other in a row no further apart than words do, made one."""
    boxes, scores, polygons = lines.boxes.copy(), lines.scores.copy(), lines.polygons.copy()
    widths = boxes[:, 2] - boxes[:, 0]
    alive = np.ones(len(boxes), bool)
    for left in np.argsort(boxes[:, 0], kind="stable"):
        while alive[left]:
            right = _next_in_row(boxes, alive, int(left))
            if right is None:
                break
            first, second = polygons[left], polygons[right]
            polygons[left] = np.stack([first[0], second[1], second[2], first[3]])
            low, high = np.minimum(boxes[left], boxes[right]), np.maximum(boxes[left], boxes[right])
            boxes[left] = [*low[:2], *high[2:]]
            share = widths[[left, right]] / max(float(widths[left] + widths[right]), 1e-6)
            scores[left] = float(scores[[left, right]] @ share)
            widths[left] += widths[right]
            alive[right] = False
    return TextLines(boxes[alive], scores[alive], polygons[alive])


def without_repeats(lines: TextLines) -> TextLines:
    """Of lines that are one text, as two rows of proposals over a huge letter are, the one that scores highest."""
    shared, areas = shared_areas(lines.boxes, lines.boxes), _areas(lines.boxes)
    same = shared > SAME_TEXT * (areas[:, None] + areas - shared)
    # The boxes of tilted lines overlap where the lines do not.
    middles, heights = lines.polygons.mean(axis=1), line_heights(lines.polygons)
    across, down = (middles[:, None, axis] - middles[:, axis] for axis in (0, 1))
    same &= np.abs(down - slopes(lines.polygons) * across) < SAME_STRIP * np.minimum(heights[:, None], heights)
    keep = np.ones(len(lines), bool)
    for index in np.argsort(-lines.scores, kind="stable"):
        if keep[index]:
            keep &= ~same[index]
            keep[index] = True
    return lines.take(keep)


def _next_in_row(boxes: np.ndarray, alive: np.ndarray, index: int) -> int | None:
    height = boxes[:, 3] - boxes[:, 1]
    own = height[index]
    lower, taller = np.minimum(height, own), np.maximum(height, own)
    common = np.minimum(boxes[:, 3], boxes[index, 3]) - np.maximum(boxes[:, 1], boxes[index, 1])
    gap = boxes[:, 0] - boxes[index, 2]
    fits = alive & (gap > -0.5 * lower) & (gap < GAP * lower) & (boxes[:, 2] > boxes[index, 2])
    fits &= (lower > SAME_HEIGHT * taller) & (common > SAME_ROW * taller)
    fits[index] = False
    return int(np.flatnonzero(fits)[np.argmin(gap[fits])]) if fits.any() else None


def _are_pieces(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(M, K) bool: of about one height, in one row, and overlapping at their ends."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = high - low
    tall = np.stack(np.broadcast_arrays((a[:, 3] - a[:, 1])[:, None], (b[:, 3] - b[:, 1])[None]))
    lower, taller = tall.min(axis=0), np.maximum(tall.max(axis=0), 1e-6)
    return (common[..., 1] > SAME_ROW * taller) & (common[..., 0] > TOUCHING * lower)


def _covered_length(box: np.ndarray, pieces: np.ndarray) -> float:
    """Share of the length of a line that pieces cover."""
    covered, reach = 0.0, float(box[0])
    for x1, _, x2, _ in pieces[np.argsort(pieces[:, 0], kind="stable")].tolist():
        begin, end = max(x1, reach), min(x2, float(box[2]))
        covered += max(0.0, end - begin)
        reach = max(reach, end)
    return covered / max(float(box[2] - box[0]), 1e-6)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)

"""How far text is tilted, measured in its ink. Pure NumPy and OpenCV.

Proposals of a detector tell the slope of a long line, not that of a short one, and too little of it. But the upper
and lower edges of letters lie on a few straight lines: at the right slope their pixels fall into few rows. The lines
of a page are measured together; in a photograph each has a slope of its own. A slope is pixels down per pixel to the
right; boxes are x1, y1, x2, y2.
"""

import cv2
import numpy as np

from src.common.resize import resized

STEEPEST = 0.14  # slope of eight degrees
STEP = 0.02  # between slopes that are tried first; then a third and a ninth of it around the best
HEIGHT = 24  # of a line when it is looked at, pixels
WIDEST, FIRST = 300, 120  # the same, of the part in its middle, and of that where all slopes are tried
LINES = 8  # so many of the longest are measured
LONG = 1.8  # width to height of a line that tells anything
EDGE = 0.3  # share of the strongest change in a line from which a pixel lies on an edge
BINS = 4  # of a row
GAIN = 1.02  # by how much more its rows must tell than those of the level image, for an image to be tilted
SHORTENED = 1.3  # how much steeper than its proposals a line is on average
REACH = 1.2  # line heights that the end of a line may be off the slope of its proposals
TRUST = 0.5  # share of what its rows tell that a line loses where its end is one line height off that slope
FIRST_STEPS, FINE_STEPS = np.linspace(-1, 1, 25), np.linspace(-1 / 12, 1 / 12, 7)  # shares of REACH
MANY, LEVEL = 6.0, 0.15  # line heights that a line is long, and that its ends differ, for its proposals to be right
BAND = 1.0  # line heights above and below the middle of a line where its ink is looked at


def ink_tilt(gray: np.ndarray, boxes: np.ndarray) -> float:
    """The slope that the text lines of an image have in common, 0 where level is as good.

    Args:
        gray: the image, uint8 (H, W). boxes: (M, 4) of its lines.
    """
    edges = [found for box in _longest(boxes) if (found := _edges(gray, box, box[3] - box[1])) is not None]
    if not edges:
        return 0.0
    middles = [(x[near], y[near]) for x, y in edges for near in [np.abs(x) <= FIRST / 2]]
    tried = np.arange(-STEEPEST, STEEPEST + STEP / 2, STEP)
    best = tried[np.argmax(_sharpness(middles, tried))]
    for step in (STEP, STEP / 3):
        tried = best + step * np.array([-2 / 3, -1 / 3, 0, 1 / 3, 2 / 3])
        values = _sharpness(edges, tried)
        best = tried[np.argmax(values)]
    level = _sharpness(edges, np.zeros(1))[0]
    # What still grows beyond the last slope that was tried first has no best one.
    return float(best) if values.max() > GAIN * level and abs(best) < STEEPEST + STEP / 2 else 0.0


def line_slopes(gray: np.ndarray, boxes: np.ndarray, heights: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """The slope of each line by its ink, near to the one its proposals give it.

    Args:
        gray: the image, uint8 (H, W). boxes: (M, 4). heights, slopes: (M,) of the lines by their proposals.

    Returns:
        (M,); what the proposals say where a line shows no edges.
    """
    found = np.array(slopes, np.float64)
    units = heights / np.maximum(boxes[:, 2] - boxes[:, 0], 1.0)
    # Many proposals that are level are right.
    for number in np.flatnonzero((units > 1 / MANY) | (np.abs(slopes) > LEVEL * units)):
        edges = _edges(gray, boxes[number], heights[number], slopes[number])
        if edges is not None:
            found[number] = _near(edges, slopes[number], units[number])
    return found


def _near(edges: tuple[np.ndarray, np.ndarray], slope: float, unit: float) -> float:
    """The slope that tells most, near to that of the proposals.

    Args:
        edges: of `_edges`. slope: by the proposals. unit: the slope at which the line rises by its height.
    """
    likely = SHORTENED * slope
    best, most = likely, 0.0
    for steps in (FIRST_STEPS, FINE_STEPS):
        tried = best + unit * REACH * steps
        told = _sharpness([edges], tried)
        most = most or max(told.max(), 1e-9)
        best = tried[np.argmax(told / most - TRUST * ((tried - likely) / unit) ** 2)]
    return float(best)


def _longest(boxes: np.ndarray) -> np.ndarray:
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    long = np.flatnonzero(sizes[:, 0] > LONG * sizes[:, 1])
    return boxes[long[np.argsort(-sizes[long, 0] / sizes[long, 1], kind="stable")[:LINES]]]


def _edges(
    gray: np.ndarray, box: np.ndarray, height: float, slope: float | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """x and y of pixels where a line's ink begins or ends from above, of both kinds one after another.

    With a slope, only those near to the middle of a line that has it.
    """
    more = 0.2 * height
    x1, y1, x2, y2 = np.maximum(np.round(box + np.array([0, -more, 1, more])), 0).astype(int)
    crop = gray[y1:y2, x1:x2]
    if min(crop.shape) < 4:
        return None
    scale = HEIGHT / max(height, 1.0)
    middle, half = crop.shape[1] / 2, WIDEST / scale / 2
    crop = crop[:, max(0, int(middle - half)) : int(middle + half) + 1]
    rows, columns = (max(4, round(side * scale)) for side in crop.shape)
    small = resized(crop, (rows, columns), cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    change = np.diff(small.astype(np.int16), axis=0)
    if slope is not None:
        down, right = np.arange(len(change)) - len(change) / 2, np.arange(columns) - columns / 2
        change[np.abs(down[:, None] - slope * right) > BAND * HEIGHT] = 0
    strongest = np.abs(change).max()
    if strongest < 16:
        return None
    ups, downs = np.nonzero(change > EDGE * strongest), np.nonzero(change < -EDGE * strongest)
    y = np.concatenate([ups[0], downs[0] + 3 * len(small)])  # the two kinds do not share rows
    return (np.concatenate([ups[1], downs[1]]) - columns / 2).astype(np.float32), y.astype(np.float32)


def _sharpness(edges: list[tuple[np.ndarray, np.ndarray]], slopes: np.ndarray) -> np.ndarray:
    """How unevenly the pixels of each line fall into its rows, if it had each of the slopes (S,): summed up, (S,)."""
    total = np.zeros(len(slopes))
    for x, y in edges:
        if not len(x):
            continue
        rows = np.rint(BINS * y - BINS * slopes[:, None].astype(np.float32) * x)
        rows -= rows.min() - BINS
        width = int(rows.max()) + 2 * BINS
        places = rows.astype(np.intp) + width * np.arange(len(slopes))[:, None]
        counts = np.bincount(places.ravel(), minlength=width * len(slopes)).reshape(len(slopes), width)
        # Rows of a pixel's height, or those of the level image would be the only ones without rounding.
        blurred = np.cumsum(counts, axis=1)
        blurred = blurred[:, BINS:] - blurred[:, :-BINS]
        total += (blurred.astype(np.float64) ** 2).sum(axis=1) / max(len(x), 1)
    return total

"""Text proposals of one image to text lines: the text connector of CTPN (Tian et al., ECCV 2016).

Steps: keep proposals that score above a minimum, best first; non-maximum suppression; link neighbors
(`get_successions`); make lines of the chains (`connect_text_lines`); clip to the image; drop lines that
are too tall for their width, too unsure or too short. Parameters are named as in the configuration file and
default to the published MindSpore model's.

Shapes: N proposals, M lines; coordinates in pixels of the image that `image_size` describes.
"""

from dataclasses import dataclass

import numpy as np

from src.common.boxes import box_corners
from src.text_connector.connect_text_lines import ConnectedLines, connect_text_lines
from src.text_connector.get_successions import chains, get_successions
from src.text_connector.narrow_lines import narrow_text
from src.text_connector.nms import by_score, suppress
from src.text_connector.options import ConnectorParams


@dataclass(frozen=True)
class TextLines:
    """Lines of one image, those with the best first proposal first.

    Attributes:
        boxes: (M, 4) float32, inside the image.
        scores: (M,) float32.
        polygons: (M, 4, 2) float32, clockwise from the top left corner: the corners of the box, or of the tilted
            line with `oriented`.
    """

    boxes: np.ndarray
    scores: np.ndarray
    polygons: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, index: np.ndarray) -> "TextLines":
        """Those of an array of numbers, in its order, or of a mask (M,)."""
        return TextLines(self.boxes[index], self.scores[index], self.polygons[index])

    @classmethod
    def none(cls) -> "TextLines":
        """Of an image without text."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 4, 2), np.float32))


def detect_text_lines(
    boxes: np.ndarray,
    scores: np.ndarray,
    image_size: tuple[int, int],
    params: ConnectorParams | None = None,
    dx: np.ndarray | None = None,
) -> TextLines:
    """Connect the text proposals of one image to text lines.

    Args:
        boxes: (N, 4) proposals (x1, y1, x2, y2). One that is inverted, or whose corners or score are not
            finite, is dropped; one that begins outside the image links as if it began in the edge column.
        scores: (N,) text scores.
        image_size: (height, width) of the image the boxes are in.
        params: the parameters; None = `ConnectorParams()`.
        dx: (N,) offset of the nearest line end from the proposal's center x1 + (w - 1) / 2, in widths
            w = `text_proposals_width`; required with `side_refinement`, unused without.

    Returns:
        The lines that pass the filters, clipped to the image.

    Raises:
        ValueError: shapes that do not fit together, an empty image, or `dx` missing.
    """
    params = params or ConnectorParams()
    boxes, scores, dx = _checked(boxes, scores, image_size, params, dx)
    # Coordinates near the largest float overflow to infinity or NaN, which no comparison below accepts.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        usable = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
        usable &= (boxes[:, 2] >= boxes[:, 0]) & (boxes[:, 3] >= boxes[:, 1])
        chosen = np.flatnonzero(usable & (scores > params.text_proposals_min_scores))
        chosen = chosen[by_score(scores[chosen])]
        chosen = chosen[suppress(boxes[chosen], scores[chosen], params.text_proposals_nms_thresh)]
        boxes, scores = boxes[chosen], scores[chosen]
        successor = get_successions(
            boxes,
            scores,
            image_size[1],
            max_gap=params.max_horizontal_gap,
            min_v_overlaps=params.min_v_overlaps,
            min_size_sim=params.min_size_sim,
        )
        side_x = None
        if dx is not None:
            width = params.text_proposals_width
            side_x = boxes[:, 0] + (width - 1) / 2 + dx[chosen] * width
        member, line = chains(successor)
        if params.narrow_lines:
            member, line = _with_lone_ones(member, line, len(boxes))
        lines = connect_text_lines(boxes, scores, member, line, side_x)
        return _finish(lines, np.bincount(line, minlength=len(lines.boxes)), image_size, params)


def _with_lone_ones(member: np.ndarray, line: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The chains, and one for each of `count` proposals that is in none."""
    lone = np.setdiff1d(np.arange(count), member)
    begin = int(line[-1]) + 1 if len(line) else 0
    return np.concatenate([member, lone]), np.concatenate([line, begin + np.arange(len(lone))])


def _checked(
    boxes: np.ndarray,
    scores: np.ndarray,
    image_size: tuple[int, int],
    params: ConnectorParams,
    dx: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The inputs as float64 arrays of the shapes that `detect_text_lines` documents."""
    boxes, scores = np.asarray(boxes, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if not boxes.size:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must have shape (N, 4), got {boxes.shape}")
    if scores.shape != (len(boxes),):
        raise ValueError(f"scores must have shape ({len(boxes)},) as there are boxes, got {scores.shape}")
    if min(image_size) < 1:
        raise ValueError(f"image_size must be (height, width), each at least 1, got {image_size}")
    if not params.side_refinement:
        return boxes, scores, None
    if dx is None:
        raise ValueError("side_refinement needs dx, the horizontal offset of each proposal")
    dx = np.asarray(dx, dtype=np.float64)
    if dx.shape != scores.shape:
        raise ValueError(f"dx must have shape ({len(boxes)},) as there are boxes, got {dx.shape}")
    return boxes, scores, dx


def _finish(
    lines: ConnectedLines, counts: np.ndarray, image_size: tuple[int, int], params: ConnectorParams
) -> TextLines:
    """Clip, filter, suppress among lines; `counts` (M,) are proposals of each."""
    height, width = image_size
    limit = np.array([width - 1, height - 1], dtype=np.float64)
    boxes = np.clip(lines.boxes, 0, np.tile(limit, 2))
    corners = np.clip(lines.corners, 0, limit)
    sides = boxes[:, 2:] - boxes[:, :2]
    sure = lines.scores > params.line_min_score
    wide = sides[:, 0] > params.text_proposals_width * params.min_num_proposals
    keep = sure & wide & (sides[:, 0] / sides[:, 1] > params.min_ratio)  # a fit that turned inside out fails here
    if params.narrow_lines:
        narrow = np.flatnonzero(sure & ~wide & (sides[:, 1] > 0))
        of_text = narrow_text(boxes[narrow], lines.scores[narrow], counts[narrow], boxes[keep], corners[keep])
        keep[narrow[of_text]] = True
    kept = np.flatnonzero(keep)
    if params.line_nms_thresh > 0:
        kept = np.sort(kept[suppress(boxes[kept], lines.scores[kept], params.line_nms_thresh)])
    boxes = boxes[kept].astype(np.float32)
    polygons = corners[kept].astype(np.float32) if params.oriented else box_corners(boxes)
    return TextLines(boxes, lines.scores[kept].astype(np.float32), polygons)

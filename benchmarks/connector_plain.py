"""The text connector as plain loops: what `src.text_connector` must equal, bit for bit.

Written from the description of the algorithm, box by box and pixel column by pixel column, with nothing
shared with the implementation it checks. Slow on purpose.
"""

import math

import numpy as np


def iou(a: list[float], b: list[float]) -> float:
    """Intersection over union of two boxes with inclusive corners."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    shared = width * height
    area_a = (a[2] - a[0] + 1) * (a[3] - a[1] + 1)
    area_b = (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
    return shared / (area_a + area_b - shared)


def plain_nms(boxes: list[list[float]], threshold: float) -> list[int]:
    """Indices kept of boxes that are sorted best first."""
    kept: list[int] = []
    for candidate in range(len(boxes)):
        if all(iou(boxes[winner], boxes[candidate]) < threshold for winner in kept):
            kept.append(candidate)
    return kept


def compatible(a: list[float], b: list[float], min_v_overlaps: float, min_size_sim: float) -> bool:
    """Whether two proposals can be neighbors in a line."""
    height_a, height_b = a[3] - a[1] + 1, b[3] - b[1] + 1
    shared = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    if shared / min(height_a, height_b) < min_v_overlaps:
        return False
    return min(height_a, height_b) / max(height_a, height_b) >= min_size_sim


def plain_successors(boxes, scores, image_width, params) -> list[int]:
    """Successor of each proposal or -1; proposals sorted best first."""
    max_gap = params.max_horizontal_gap
    table: list[list[int]] = [[] for _ in range(image_width)]
    column = [min(max(math.floor(box[0]), 0), image_width - 1) for box in boxes]
    for index, place in enumerate(column):
        table[place].append(index)

    def nearest(index: int, places: range) -> list[int]:
        for place in places:
            found = [
                other
                for other in table[place]
                if compatible(boxes[index], boxes[other], params.min_v_overlaps, params.min_size_sim)
            ]
            if found:
                return found
        return []

    successors = []
    for index, place in enumerate(column):
        after = nearest(index, range(place + 1, min(place + max_gap, image_width - 1) + 1))
        if not after:
            successors.append(-1)
            continue
        chosen = after[0]
        for other in after:
            if scores[other] > scores[chosen]:
                chosen = other
        before = nearest(chosen, range(column[chosen] - 1, max(column[chosen] - max_gap, 0) - 1, -1))
        successors.append(chosen if scores[index] >= max(scores[other] for other in before) else -1)
    return successors


def plain_chains(successors: list[int]) -> list[list[int]]:
    chains = []
    for start in range(len(successors)):
        if successors[start] != -1 and start not in successors:
            chain = [start]
            while successors[chain[-1]] != -1:
                chain.append(successors[chain[-1]])
            chains.append(chain)
    return chains


def plain_fit(xs: list[float], ys: list[float], at: tuple[float, float]) -> tuple[float, float]:
    """Least squares straight line through the points, read at two places."""
    mean_x = sum(xs, 0.0) / len(xs)
    mean_y = sum(ys, 0.0) / len(ys)
    spread = sum(((x - mean_x) * (x - mean_x) for x in xs), 0.0)
    together = sum(((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)), 0.0)
    slope = together / spread
    return mean_y + slope * (at[0] - mean_x), mean_y + slope * (at[1] - mean_x)


def plain_lines(boxes, scores, image_size, params) -> tuple[np.ndarray, np.ndarray]:
    """(M, 4) boxes and (M,) scores in double precision; `params` is a ConnectorParams without options."""
    height, width = image_size
    good = []
    corners = np.asarray(boxes, np.float64).reshape(-1, 4).tolist()
    for box, score in zip(corners, np.asarray(scores, np.float64).tolist(), strict=True):
        finite = all(math.isfinite(number) for number in [*box, score])
        if finite and box[0] <= box[2] and box[1] <= box[3] and score > params.text_proposals_min_scores:
            good.append((box, score))
    good.sort(key=lambda pair: -pair[1])  # stable
    kept = [good[index] for index in plain_nms([box for box, _ in good], params.text_proposals_nms_thresh)]
    boxes, scores = [box for box, _ in kept], [score for _, score in kept]
    successors = plain_successors(boxes, scores, width, params)
    lines, line_scores = [], []
    for chain in plain_chains(successors):
        members = [boxes[index] for index in chain]
        left, right = min(box[0] for box in members), max(box[2] for box in members)
        inset = (members[0][2] - members[0][0]) * 0.5
        xs = [box[0] for box in members]
        tops = plain_fit(xs, [box[1] for box in members], (left + inset, right - inset))
        bottoms = plain_fit(xs, [box[3] for box in members], (left + inset, right - inset))
        x1, x2 = (min(max(x, 0.0), width - 1) for x in (left, right))
        y1, y2 = (min(max(y, 0.0), height - 1) for y in (min(tops), max(bottoms)))
        score = sum((scores[index] for index in chain), 0.0) / len(chain)
        if y2 < y1 or score <= params.line_min_score:
            continue
        if x2 - x1 <= params.text_proposals_width * params.min_num_proposals:
            continue
        if y2 > y1 and (x2 - x1) / (y2 - y1) <= params.min_ratio:
            continue
        lines.append([x1, y1, x2, y2])
        line_scores.append(score)
    return np.array(lines, np.float64).reshape(-1, 4), np.array(line_scores, np.float64)

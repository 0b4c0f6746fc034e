"""The MindRecord of the detection sets: its schema, and annotation rows <-> boxes.

A MindRecord cannot hold an array without rows (it reads back as garbage), so an image without text has one
row of label 0, which stands for "nothing here" and is no box.
"""

from typing import Any

import numpy as np

from src.common.errors import UserError

TEXT, NO_TEXT, IGNORED = 1, 0, -1
SCHEMA: dict[str, dict[str, Any]] = {
    "image": {"type": "bytes"},  # decodes with cv2.imdecode to the upright 8-bit image
    "annotation": {"type": "int32", "shape": [-1, 5]},  # x1, y1, x2, y2, label
    "file_name": {"type": "string"},  # unique in its set; results are matched by it
    "image_size": {"type": "int32", "shape": [2]},  # height, width
}


def pack_annotation(boxes: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Boxes (K, 4) and ignored (K,) -> int32 (max(K, 1), 5)."""
    if len(boxes) == 0:
        return np.array([[0, 0, 0, 0, NO_TEXT]], dtype=np.int32)
    labels = np.where(ignored, IGNORED, TEXT)
    return np.concatenate([boxes, labels[:, None]], axis=1).astype(np.int32)


def parse_annotation(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Annotation rows (R, 5) or (5,) -> boxes float32 (K, 4), ignored bool (K,).

    Raises:
        UserError: rows of another width or an unknown label.
    """
    rows = np.asarray(rows)
    if rows.size == 0 or rows.shape[-1] != 5 or rows.ndim > 2:
        raise UserError(f"annotation of shape {rows.shape}; expected rows of x1, y1, x2, y2, label")
    rows = rows.reshape(-1, 5)
    labels = rows[:, 4]
    if not np.isin(labels, (TEXT, NO_TEXT, IGNORED)).all():
        found = sorted(set(labels.tolist()))
        raise UserError(f"annotation labels {found}; expected 1 text, 0 none, -1 ignored")
    boxes = rows[labels != NO_TEXT]
    return boxes[:, :4].astype(np.float32), boxes[:, 4] == IGNORED

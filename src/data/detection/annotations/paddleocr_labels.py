"""Label files of PaddleOCR: one file for all images, `path<TAB>[{"transcription": ..., "points": [[x, y], ...]}]`."""

import json
import os
from collections import Counter
from pathlib import Path

from src.data.detection.annotations.label_files import read_label_text
from src.data.detection.annotations.label_lines import is_ignored_text, label_lines
from src.data.detection.annotations.label_pairs import OUTSIDE, is_safe_name
from src.data.detection.annotations.labeled_image import (
    AnnotationError,
    LabeledImage,
    LabeledImages,
    RawBox,
    labeled_image,
    polygon_box,
)


def is_paddleocr(label_file: Path) -> bool:
    """Whether the first line of a file is one of a PaddleOCR label file."""
    lines = label_lines(read_label_text(label_file))
    return bool(lines) and _entries(lines[0]) is not None


def read_paddleocr(image_dir: Path, label_file: Path) -> LabeledImages:
    """One image per line. Its path, or the last parts of it, is looked for in `image_dir`.

    A region with "difficult": true or the text "###" or "*" is ignored, as PaddleOCR does.

    Raises:
        AnnotationError: no line is one of PaddleOCR.
    """
    images: list[LabeledImage] = []
    skipped: Counter = Counter()
    outside = ""
    for line in label_lines(read_label_text(label_file)):
        entries = _entries(line)
        name = line.partition("\t")[0].strip()
        if entries is None:
            skipped["not a line of PaddleOCR"] += 1
        elif (path := _find_image(Path(image_dir), name)) is None:
            skipped[OUTSIDE] += 1
            outside = outside or name
        else:
            raw, problems = _boxes(entries)
            images.append(labeled_image(path, path.relative_to(image_dir).as_posix(), raw, problems))
    if outside and not images:
        raise AnnotationError(f"'{label_file}': {outside[:200]!r} leads out of '{image_dir}', which holds the images")
    if not images:
        raise AnnotationError(f'\'{label_file}\': no line has the form path<TAB>[{{"transcription", "points"}}, ...]')
    return LabeledImages(images, "paddleocr", skipped)


def _entries(line: str) -> list[dict] | None:
    try:
        entries = json.loads(line.partition("\t")[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "points" in entry for entry in entries):
        return None
    return entries


def _boxes(entries: list[dict]) -> tuple[list[RawBox], Counter]:
    boxes = []
    problems: Counter = Counter()
    for entry in entries:
        try:
            values = [float(value) for x, y in entry["points"] for value in (x, y)]
        except (TypeError, ValueError, OverflowError):
            values = []
        if len(values) < 6:
            problems["region without three points"] += 1
            continue
        text = str(entry.get("transcription", ""))
        ignored = bool(entry.get("difficult")) or text == "*" or is_ignored_text(text)
        boxes.append(polygon_box(values, text, ignored))
    return boxes, problems


def _find_image(image_dir: Path, name: str) -> Path | None:
    """The image inside the folder; PPOCRLabel writes the folder's own name in front, others whole paths.

    None for a name that leads out of the folder, when nothing in it has the last parts of that name.
    """
    parts = name.replace("\\", "/").split("/")
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        if is_safe_name(tail) and os.path.isfile(found := image_dir / tail):
            return found
    return image_dir / name if is_safe_name(name) else None

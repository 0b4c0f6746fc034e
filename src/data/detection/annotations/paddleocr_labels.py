"""Label files of PaddleOCR: one file for all images, `path<TAB>[{"transcription": ..., "points": [[x, y], ...]}]`."""

import json
from collections import Counter
from pathlib import Path

from src.data.detection.annotations.label_files import read_label_text
from src.data.detection.annotations.label_lines import is_ignored_text, label_lines
from src.data.detection.annotations.label_pairs import is_safe_name
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
    """One image per line. Its path is looked for in `image_dir`, from the top of it or by its name alone.

    A region with "difficult": true or the text "###" is ignored.

    Raises:
        AnnotationError: no line is one of PaddleOCR.
    """
    images: list[LabeledImage] = []
    skipped: Counter = Counter()
    for line in label_lines(read_label_text(label_file)):
        entries = _entries(line)
        name = line.partition("\t")[0].strip()
        if entries is None:
            skipped["not a line of PaddleOCR"] += 1
        elif not is_safe_name(name):
            skipped["unsafe image name"] += 1
        else:
            raw, problems = _boxes(entries)
            path = _find_image(Path(image_dir), name)
            images.append(labeled_image(path, path.relative_to(image_dir).as_posix(), raw, problems))
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
        except (TypeError, ValueError):
            values = []
        if len(values) < 6:
            problems["region without three points"] += 1
            continue
        text = str(entry.get("transcription", ""))
        boxes.append(polygon_box(values, text, bool(entry.get("difficult")) or is_ignored_text(text)))
    return boxes, problems


def _find_image(image_dir: Path, name: str) -> Path:
    # PPOCRLabel writes the folder's own name in front.
    parts = Path(name).parts
    for start in range(len(parts)):
        if (found := image_dir.joinpath(*parts[start:])).is_file():
            return found
    return image_dir / name

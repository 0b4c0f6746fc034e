"""Label files of annotation tools, one per image: LabelMe (JSON) and Pascal VOC (XML, as labelImg writes it).

Such tools name a class, not a text. Where all regions of a set bear one name it is taken for a class, and the
transcriptions are empty; where the names differ they are the transcriptions. LabelMe has a description beside the
class: where a region of a set has one, the descriptions are the transcriptions.
"""

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from src.common.bounded_file import LARGE, read_bounded
from src.data.detection.annotations.label_files import NO_LABEL_FILE
from src.data.detection.annotations.label_lines import is_ignored_text
from src.data.detection.annotations.label_pairs import pair_labels
from src.data.detection.annotations.labeled_image import (
    AnnotationError,
    LabeledImages,
    RawBox,
    labeled_image,
    polygon_box,
)
from src.data.detection.annotations.svt_xml import parse_xml

Regions = tuple[list[tuple[RawBox, str]], Counter]  # each box, named by its class, with its description


def read_labelme(image_dir: Path, label_dir: Path) -> LabeledImages:
    """A folder of LabelMe files: polygons, rectangles and circles; other shapes are refused by reason."""
    return _read(Path(image_dir), Path(label_dir), ".json", "labelme", _labelme_regions)


def read_voc(image_dir: Path, label_dir: Path) -> LabeledImages:
    """A folder of Pascal VOC files; `difficult` objects are ignored regions."""
    return _read(Path(image_dir), Path(label_dir), ".xml", "pascal voc", _voc_regions)


def _read(
    image_dir: Path, label_dir: Path, suffix: str, layout: str, read: Callable[[Path], Regions]
) -> LabeledImages:
    pairs = pair_labels(image_dir, label_dir, suffix=suffix, recursive=True)
    regions = {label: read(label_dir / label) for label in pairs.labels}
    described = any(text for named, _ in regions.values() for _, text in named)
    names = {box.text for named, _ in regions.values() for box, _ in named if not is_ignored_text(box.text)}
    images = []
    for name, label in pairs.label_of.items():
        named, problems = regions[label] if label else ([], Counter())
        if described:
            boxes = [box._replace(text=text, ignored=box.ignored or is_ignored_text(text)) for box, text in named]
        else:
            boxes = [box._replace(text="") if len(names) == 1 else box for box, _ in named]
        missing = "" if label else NO_LABEL_FILE
        images.append(labeled_image(image_dir / name, name, boxes, problems, missing=missing))
    skipped = Counter({"label file without an image": pairs.without_image} if pairs.without_image else {})
    return LabeledImages(images, layout, skipped)


def _labelme_regions(path: Path) -> Regions:
    try:
        shapes = json.loads(read_bounded(path, LARGE))["shapes"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise AnnotationError(f"'{path}': is not a LabelMe file (JSON with 'shapes')") from None
    boxes = []
    problems: Counter = Counter()
    for shape in shapes if isinstance(shapes, list) else ():
        try:
            points = [(float(x), float(y)) for x, y in shape["points"]]
            kind, label = shape.get("shape_type") or "polygon", str(shape["label"] or "")
        except (TypeError, ValueError, OverflowError, KeyError, AttributeError):
            problems["shape without points and label"] += 1
            continue
        if kind == "rectangle" and len(points) == 2:
            (x1, y1), (x2, y2) = points
            points = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        elif kind == "circle" and len(points) == 2:  # its center, and a point of its edge
            (x, y), edge = points
            radius = math.dist((x, y), edge)
            points = [
                (x - radius, y - radius),
                (x + radius, y - radius),
                (x + radius, y + radius),
                (x - radius, y + radius),
            ]
        elif kind not in ("polygon", "rectangle") or len(points) < 3:
            problems[f"shape of the kind '{kind}'"] += 1
            continue
        box = polygon_box([value for point in _clockwise(points) for value in point], label, is_ignored_text(label))
        boxes.append((box, str(shape.get("description") or "")))
    return boxes, problems


def _voc_regions(path: Path) -> Regions:
    root = parse_xml(path)
    if root.tag != "annotation":
        raise AnnotationError(f"'{path}': the outer tag is '{root.tag}', Pascal VOC has 'annotation'")
    boxes = []
    problems: Counter = Counter()
    for entry in root.iter("object"):
        try:
            x1, y1, x2, y2 = (
                float(entry.findtext(f"bndbox/{key}") or "") for key in ("xmin", "ymin", "xmax", "ymax")
            )
        except ValueError:
            problems["object without xmin, ymin, xmax and ymax"] += 1
            continue
        text = (entry.findtext("name") or "").strip()
        ignored = is_ignored_text(text) or (entry.findtext("difficult") or "0").strip() == "1"
        boxes.append((RawBox((x1, y1, x2, y2), text, ignored), ""))
    return boxes, problems


def _clockwise(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points drawn by hand, four of them in the order of the other formats: clockwise from the top left."""
    if len(points) != 4:
        return points
    doubled_area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True))
    points = points if doubled_area >= 0 else points[::-1]
    first = min(range(4), key=lambda index: sum(points[index]))
    return points[first:] + points[:first]

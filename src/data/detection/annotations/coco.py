"""Labels in the standard layout of COCO: one JSON with `images`, `annotations` and maybe `categories`.

What annotation tools export, and what pycocotools indexes. COCO-Text's own layout is read by `coco_text`.
"""

import contextlib
import io
import os
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from pycocotools.coco import COCO

from src.data.detection.annotations.label_lines import is_ignored_text
from src.data.detection.annotations.label_pairs import is_safe_name
from src.data.detection.annotations.labeled_image import (
    AnnotationError,
    LabeledImages,
    RawBox,
    corners_of_size,
    labeled_image,
    polygon_box,
)

# Where a file has other categories as well, only those of such a name are text.
TEXT_CATEGORIES = frozenset({"text", "word", "words", "line", "text line", "textline", "text_line", "scene text"})
_TEXT_KEYS = ("utf8_string", "text", "transcription", "label")
_ILLEGIBLE = frozenset({"illegible", "false", "no", "0"})
_FEWEST_NUMBERS = 6  # of a polygon: three points


def read_coco(image_dir: Path, content: dict[str, Any], json_file: Path) -> LabeledImages:
    """Every image of the file, also those without text.

    An annotation counts by its polygon, else by its `bbox`. It is an ignored region when it is a crowd or marked
    `ignore` or illegible. Its text is `utf8_string`, or one of these under `attributes`: utf8_string, text,
    transcription, label.

    Args:
        image_dir: the folder that `file_name` starts from; the name alone is tried as well.
        content: the JSON of `json_file`, which messages name.

    Raises:
        AnnotationError: records without the entries that the layout requires.
    """
    index = COCO()
    try:
        numbered = [{"id": number, **item} for number, item in enumerate(content["annotations"])]
        categories = {"categories": content["categories"]} if content.get("categories") else {}
        index.dataset = {"images": content["images"], "annotations": numbered, **categories}
        with contextlib.redirect_stdout(io.StringIO()):  # it talks about its progress
            index.createIndex()
        text_categories = _text_categories(index.cats)
        names = {key: str(image["file_name"]) for key, image in index.imgs.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AnnotationError(f"'{json_file}': not COCO annotations ({type(error).__name__}: {error})") from None
    images = []
    skipped: Counter[str] = Counter()
    for key, name in names.items():
        if not is_safe_name(name):
            skipped["unsafe image name in the JSON"] += 1
            continue
        chosen = [item for item in index.imgToAnns.get(key, []) if _is_text(item, text_categories)]
        skipped["annotation of another category"] += len(index.imgToAnns.get(key, [])) - len(chosen)
        boxes, problems = _boxes(chosen)
        images.append(labeled_image(_find(image_dir, name), name, boxes, problems, stored_frame=True))
    return LabeledImages(images, "coco", +skipped)


def _text_categories(categories: dict[Any, dict[str, Any]]) -> set[Any] | None:
    """Ids of the categories that are text; None where all are, because no name excludes one."""
    named = {key for key, category in categories.items() if str(category["name"]).lower() in TEXT_CATEGORIES}
    return named or None


def _is_text(annotation: dict[str, Any], categories: set[Any] | None) -> bool:
    category = annotation.get("category_id")
    return categories is None or (isinstance(category, Hashable) and category in categories)


def _boxes(annotations: list[dict[str, Any]]) -> tuple[list[RawBox], Counter[str]]:
    boxes = []
    problems: Counter[str] = Counter()
    for annotation in annotations:
        text = _text(annotation)
        ignored = _is_ignored(annotation) or is_ignored_text(text)
        try:
            polygon = _polygon(annotation.get("segmentation"))
            if polygon:
                boxes.append(polygon_box(polygon, text, ignored))
            else:
                x, y, width, height = (float(value) for value in annotation["bbox"])
                boxes.append(RawBox(corners_of_size(x, y, width, height), text, ignored))
        except (KeyError, TypeError, ValueError, OverflowError):
            problems["annotation without polygon and bbox x, y, width, height"] += 1
    return boxes, problems


def _polygon(segmentation: object) -> tuple[float, ...]:
    """All points of an outline, of all its parts; () for a mask, which its `bbox` stands for."""
    if not isinstance(segmentation, list):
        return ()
    parts = [segmentation] if segmentation and not isinstance(segmentation[0], list) else segmentation
    values = tuple(float(value) for part in parts for value in part)
    if values and (len(values) < _FEWEST_NUMBERS or len(values) % 2):
        raise ValueError(f"{len(values)} numbers of a polygon")
    return values


def _text(annotation: dict[str, Any]) -> str:
    attributes = annotation.get("attributes")
    places = [annotation.get("utf8_string")]
    if isinstance(attributes, dict):
        places += [attributes.get(key) for key in _TEXT_KEYS]
    return next((place for place in places if isinstance(place, str) and place), "")


def _is_ignored(annotation: dict[str, Any]) -> bool:
    attributes = annotation.get("attributes")
    marks = [annotation.get("legibility", "legible")]
    if isinstance(attributes, dict):
        marks += [attributes.get(key, "legible") for key in ("legibility", "legible")]
    illegible = any(str(word).lower() in _ILLEGIBLE for word in marks)
    return bool(annotation.get("iscrowd") or annotation.get("ignore")) or illegible


def _find(image_dir: Path, name: str) -> Path:
    path = image_dir / name
    alone = image_dir / Path(name).name
    return alone if not os.path.isfile(path) and os.path.isfile(alone) else path

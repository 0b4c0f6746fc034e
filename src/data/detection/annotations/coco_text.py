"""COCO-Text v2 from its JSON (`imgs`, `anns`, `imgToAnns`), or the same records as lists.

Which annotations count: a legible word is text, whatever its language and whether printed or handwritten,
because a detector finds text, it does not read it. An illegible one is an ignored region, decided annotation
by annotation. A legible word narrower than 1/60 of the image (one anchor column of 16 pixels at the
network's width of 960), which the original work dropped and so trained as background, is ignored as well.
Images without one legible word are left out, as in the original work: COCO-Text does not promise that they are
free of text.
"""

import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from src.common.bounded_file import LARGE, read_bounded
from src.data.detection.annotations.label_pairs import is_safe_name
from src.data.detection.annotations.labeled_image import (
    AnnotationError,
    LabeledImages,
    MissingPathError,
    RawBox,
    corners_of_size,
    labeled_image,
)

COLUMNS = 60
_FOLDERS = ("train2017", "val2017", "train2014", "val2014")


def read_coco_text(
    coco_root: Path, json_file: Path, *, image_folder: str = "train2017", split: str = "train"
) -> LabeledImages:
    """Images of one split ("train" or "val") that show legible text.

    An image is looked for under `coco_root/image_folder`, then under the other COCO folders there (the
    2017 edition moved some training images to val2017), by its 2014 name and by its number alone.

    Raises:
        AnnotationError: the file is missing, or is neither COCO-Text nor a COCO annotation file.
    """
    if not Path(coco_root).is_dir():
        raise MissingPathError(f"'{coco_root}' is not a folder of COCO images")
    records, annotations = _by_image(load_coco_json(json_file), json_file)
    images = []
    skipped: Counter = Counter()
    for image_id, record in records.items():
        if record.get("set", split) != split:
            skipped["another split"] += 1
            continue
        name = str(record.get("file_name", ""))
        if not is_safe_name(name):
            skipped["unsafe image name in the JSON"] += 1
            continue
        raw, problems = _boxes(annotations.get(image_id, []), record.get("width"))
        if all(box.ignored for box in raw) and not problems:
            skipped["no legible text"] += 1
            continue
        path = _find_image(Path(coco_root), image_folder, name)
        images.append(labeled_image(path, path.name, raw, problems, stored_frame=True))
    return LabeledImages(images, "coco-text", skipped)


def load_coco_json(json_file: Path) -> dict[str, Any]:
    """The content of a file of either layout.

    Raises:
        AnnotationError: the file is missing, or is neither COCO-Text nor a COCO annotation file.
    """
    try:
        content = json.loads(read_bounded(json_file, LARGE))
    except OSError as error:
        raise MissingPathError(f"'{json_file}': {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"'{json_file}': not a JSON file ({error})") from None
    content = content if isinstance(content, dict) else {}
    if any(table not in content for table in _tables(content)):
        if "shapes" in content:
            raise AnnotationError(f"'{json_file}': is a LabelMe file; give the folder of these files in its place")
        raise AnnotationError(f"'{json_file}': neither imgs and anns (COCO-Text) nor images and annotations")
    return content


def is_coco_text(content: dict[str, Any]) -> bool:
    """Whether a file has COCO-Text's own layout."""
    return "imgs" in content


def _tables(content: dict[str, Any]) -> tuple[str, str]:
    return ("imgs", "anns") if is_coco_text(content) else ("images", "annotations")


def _by_image(content: dict[str, Any], json_file: Path) -> tuple[dict[str, dict], dict[str, list[dict]]]:
    """(image records by id, annotation records by image id), ids as strings."""
    images, annotations = (_records(content[table], json_file) for table in _tables(content))
    by_image: dict[str, list[dict]] = defaultdict(list)
    for annotation in annotations.values():
        by_image[str(annotation.get("image_id"))].append(annotation)
    return images, by_image


def _records(table: object, json_file: Path) -> dict[str, dict]:
    if isinstance(table, list):
        table = {
            record.get("id", index) if isinstance(record, dict) else index: record
            for index, record in enumerate(table)
        }
    if not isinstance(table, dict) or not all(isinstance(record, dict) for record in table.values()):
        raise AnnotationError(f"'{json_file}': expected records with an id")
    return {str(key): record for key, record in table.items()}


def _boxes(annotations: list[dict], image_width: object) -> tuple[list[RawBox], Counter]:
    boxes = []
    problems: Counter = Counter()
    for annotation in annotations:
        try:
            x, y, width, height = (float(value) for value in annotation["bbox"])
        except (KeyError, TypeError, ValueError, OverflowError):
            problems["annotation without bbox x, y, width, height"] += 1
            continue
        legible = annotation.get("legibility", "legible") == "legible" and not annotation.get("iscrowd")
        narrow = isinstance(image_width, (int, float)) and COLUMNS * width < image_width
        corners = corners_of_size(x, y, width, height)
        boxes.append(RawBox(corners, str(annotation.get("utf8_string", "")), not legible or narrow))
    return boxes, problems


def _find_image(coco_root: Path, image_folder: str, name: str) -> Path:
    # COCO_train2014_000000000036.jpg is called 000000000036.jpg since 2017.
    number_alone = Path(name).name.rpartition("_")[2]
    for folder in dict.fromkeys((image_folder, *_FOLDERS, "")):
        for candidate in (number_alone, name):
            path = coco_root / folder / candidate
            if os.path.isfile(path):
                return path
    return coco_root / image_folder / number_alone

"""Street View Text: one XML for a split, `tagset/image/{imageName, taggedRectangles/taggedRectangle}`."""

import os
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from src.common.bounded_file import LARGE, read_bounded
from src.data.detection.annotations.label_files import read_label_folder
from src.data.detection.annotations.label_lines import is_ignored_text
from src.data.detection.annotations.label_pairs import is_safe_name
from src.data.detection.annotations.labeled_image import (
    AnnotationError,
    LabeledImages,
    MissingPathError,
    RawBox,
    corners_of_size,
    labeled_image,
)


def read_svt(image_dir: Path, label_path: Path, prefix: str = "gt_") -> LabeledImages:
    """SVT from its official XML file, or from the folder that convert_svt wrote."""
    if Path(label_path).is_dir():
        return read_label_folder(image_dir, label_path, prefix, ("corners",))
    images = []
    skipped: Counter = Counter()
    for name, raw, problems in read_svt_xml(label_path):
        if not is_safe_name(name):
            skipped["unsafe image name in the XML"] += 1
            continue
        path = find_svt_image(image_dir, name)
        images.append(labeled_image(path, path.relative_to(image_dir).as_posix(), raw, problems, stored_frame=True))
    return LabeledImages(images, "svt xml", skipped)


def read_svt_xml(xml_file: Path) -> list[tuple[str, list[RawBox], Counter]]:
    """(imageName, boxes, refused rectangles by reason) for every image of the XML, names not yet checked.

    Raises:
        AnnotationError: as `parse_xml`, or not an SVT tag set.
    """
    root = parse_xml(xml_file)
    if root.tag != "tagset":
        hint = "; give the folder of these files in its place" if root.tag == "annotation" else ""
        raise AnnotationError(f"'{xml_file}': the outer tag is '{root.tag}', SVT has 'tagset'{hint}")
    return [_read_image(image) for image in root.iter("image")]


def parse_xml(xml_file: Path) -> ElementTree.Element:
    """The outer element of an XML file.

    Raises:
        AnnotationError: not a file, not XML, or with a document type of its own (which could define
            entities that grow without bound).
    """
    try:
        data = read_bounded(xml_file, LARGE)
    except OSError as error:
        raise MissingPathError(f"'{xml_file}': {error.strerror}") from None
    if re.search(rb"<!\s*(DOCTYPE|ENTITY)", data.replace(b"\0", b""), re.IGNORECASE):
        raise AnnotationError(f"'{xml_file}': a document type or entity is not accepted")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise AnnotationError(f"'{xml_file}': not an XML file ({error})") from None


def find_svt_image(image_dir: Path, name: str) -> Path:
    """The XML names img/14_03.jpg; `image_dir` may be that img folder or the one above it."""
    inside = Path(image_dir) / name
    return inside if os.path.isfile(inside) else Path(image_dir) / Path(name).name


def _read_image(image: ElementTree.Element) -> tuple[str, list[RawBox], Counter]:
    boxes = []
    problems: Counter = Counter()
    for rectangle in image.iter("taggedRectangle"):
        try:
            x, y, width, height = (float(rectangle.attrib[key]) for key in ("x", "y", "width", "height"))
        except (KeyError, ValueError):
            problems["rectangle without x, y, width and height"] += 1
            continue
        text = (rectangle.findtext("tag") or "").strip()
        corners = corners_of_size(x, y, width, height)
        boxes.append(RawBox(corners, text, is_ignored_text(text)))
    return (image.findtext("imageName") or "").strip(), boxes, problems

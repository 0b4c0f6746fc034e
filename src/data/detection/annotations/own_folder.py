"""Your own images with labels in any of the known formats, recognized by their content."""

from collections.abc import Callable
from pathlib import Path

from src.data.detection.annotations.annotation_tools import read_labelme, read_voc
from src.data.detection.annotations.coco import read_coco
from src.data.detection.annotations.coco_text import is_coco_text, load_coco_json, read_coco_text
from src.data.detection.annotations.label_files import read_label_folder
from src.data.detection.annotations.label_layouts import ALL_LAYOUTS
from src.data.detection.annotations.label_pairs import pair_labels
from src.data.detection.annotations.labeled_image import AnnotationError, LabeledImages, MissingPathError
from src.data.detection.annotations.paddleocr_labels import is_paddleocr, read_paddleocr
from src.data.detection.annotations.svt_xml import read_svt

FORMATS = (
    "a folder of .txt files (boxes, quads or polygons), of LabelMe .json or Pascal VOC .xml files,"
    " an SVT .xml, a COCO .json or a PaddleOCR .txt file"
)


def read_own_folder(image_dir: Path, label_path: Path, *, stored_frame: bool = False) -> LabeledImages:
    """Read a folder of images (sub-folders too) with any of these labels.

    `label_path` is an SVT XML file, a COCO-Text or COCO JSON file, a label file of PaddleOCR, or a folder of
    files named as the image (gt_ or gt_img_ may stand before): text with corners, sizes, four corner points
    with or without a script, or polygons; LabelMe JSON; Pascal VOC XML. The format is decided once for the whole
    folder, and the report names it. Boxes are taken on the image as a viewer shows it unless `stored_frame`.

    Raises:
        AnnotationError: nothing there, or no known format.
    """
    image_dir, label_path = Path(image_dir), Path(label_path)
    found = (_folder_reader(image_dir, label_path) if label_path.is_dir() else _file_reader(label_path))(
        image_dir, label_path
    )
    for image in found.images:
        image.stored_frame = stored_frame
    return found


def _file_reader(label_path: Path) -> Callable[[Path, Path], LabeledImages]:
    if not label_path.exists():
        raise MissingPathError(f"'{label_path}' does not exist")
    suffix = label_path.suffix.lower()
    if suffix == ".xml":
        return read_svt
    if suffix == ".json":
        return _read_coco
    if is_paddleocr(label_path):
        return read_paddleocr
    raise AnnotationError(f"'{label_path}': is none of the known formats: {FORMATS}")


def _folder_reader(image_dir: Path, label_dir: Path) -> Callable[[Path, Path], LabeledImages]:
    """By what most images have beside them; text files where there is nothing at all."""
    readers = {".txt": _read_texts, ".json": read_labelme, ".xml": read_voc}
    counts = {
        suffix: len(pair_labels(image_dir, label_dir, suffix=suffix, recursive=True).labels) for suffix in readers
    }
    alone = label_dir / "Label.txt"  # of PPOCRLabel, which keeps it among the images
    if not any(counts.values()) and alone.is_file() and is_paddleocr(alone):
        return lambda images, labels: read_paddleocr(images, labels / alone.name)
    return readers[max(counts, key=lambda suffix: counts[suffix])]


def _read_coco(image_dir: Path, label_path: Path) -> LabeledImages:
    content = load_coco_json(label_path)
    if is_coco_text(content):
        return read_coco_text(image_dir, label_path, image_folder="")
    return read_coco(image_dir, content, label_path)


def _read_texts(image_dir: Path, label_dir: Path) -> LabeledImages:
    return read_label_folder(image_dir, label_dir, "gt_", ALL_LAYOUTS, recursive=True)

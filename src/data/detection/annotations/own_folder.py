"""Your own images with labels in any of the known formats, told apart by their content."""

from pathlib import Path

from src.data.detection.annotations.coco_text import read_coco_text
from src.data.detection.annotations.label_files import read_label_folder
from src.data.detection.annotations.labeled_image import AnnotationError, LabeledImages
from src.data.detection.annotations.svt_xml import read_svt

# Longest layout first: a line of eight numbers also begins with four.
ALL_LAYOUTS = ("mlt", "quad", "size", "corners")


def read_own_folder(image_dir: Path, label_path: Path) -> LabeledImages:
    """Read a folder of images (sub-folders too) with any of these labels.

    `label_path` is an SVT XML file, a COCO-Text or COCO JSON file, or a folder of text files named as the
    image (gt_ or gt_img_ may stand before) that hold corners, sizes, or four corner points with or
    without a script; the format is decided once for the whole folder, and the report names it.
    Boxes are taken on the image as a viewer shows it.

    Raises:
        AnnotationError: nothing there, or no known format.
    """
    label_path = Path(label_path)
    if label_path.is_dir():
        return read_label_folder(Path(image_dir), label_path, "gt_", ALL_LAYOUTS, recursive=True, stored_frame=False)
    suffix = label_path.suffix.lower()
    if suffix == ".xml":
        found = read_svt(Path(image_dir), label_path)
    elif suffix == ".json":
        found = read_coco_text(Path(image_dir), label_path, image_folder="")
    elif label_path.exists():
        raise AnnotationError(f"'{label_path}': expected a folder of .txt files, an .xml or a .json file")
    else:
        raise AnnotationError(f"'{label_path}' does not exist")
    for image in found.images:
        image.stored_frame = False
    return found

"""Folders of images beside folders of text label files: ICDAR 2011, 2013, 2015, MLT 2017, SCUT-FORU."""

import os
import re
from collections import Counter
from pathlib import Path

from src.data.detection.annotations.label_lines import detect_layout, label_lines, parse_lines
from src.data.detection.annotations.labeled_image import (
    AnnotationError,
    LabeledImage,
    LabeledImages,
    labeled_image,
)
from src.data.images.decode import IMAGE_SUFFIXES

NO_LABEL_FILE = "no label file"
SCUT_FORU_TRAINING_IDS = 1200  # the word-level part: 1200 training images, then 515 for testing
_SAMPLED_LABEL_FILES = 200
_COMMON_PREFIXES = ("gt_", "gt_img_", "")


def read_icdar2011(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """ICDAR 2011 born-digital: `x1, y1, x2, y2, "text"` in gt_img_N.txt."""
    return read_label_folder(image_dir, label_dir, prefix, ("corners",))


def read_icdar2013(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """ICDAR 2013: `x1 y1 x2 y2 "text"` in gt_N.txt (training), commas and gt_img_N.txt (test)."""
    return read_label_folder(image_dir, label_dir, prefix, ("corners",))


def read_icdar2015(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """ICDAR 2015: eight corner numbers and the text, or the boxes of convert_icdar2015."""
    return read_label_folder(image_dir, label_dir, prefix, ("quad", "corners"))


def read_icdar17_mlt(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """MLT 2017: eight corner numbers, script and text, or the boxes of convert_icdar2015."""
    return read_label_folder(image_dir, label_dir, prefix, ("mlt", "quad", "corners"))


def read_scut_foru(image_dir: Path, label_dir: Path) -> LabeledImages:
    """SCUT-FORU (flick): `x,y,w,h,text`, word level, training part.

    As in the original work, images with "_" in the name (character level) and numbers above 1200 (test part) are
    left out; they are counted as skipped.
    """
    found = read_label_folder(image_dir, label_dir, "", ("size",))
    kept: list[LabeledImage] = []
    for image in found.images:
        stem = Path(image.name).stem
        if "_" in stem:
            found.skipped["character-level image"] += 1
        elif stem.isdecimal() and int(stem) > SCUT_FORU_TRAINING_IDS:
            found.skipped["test part of SCUT-FORU"] += 1
        else:
            kept.append(image)
    return LabeledImages(kept, found.layout, found.skipped)


def read_label_folder(
    image_dir: Path,
    label_dir: Path,
    prefix: str,
    layouts: tuple[str, ...],
    *,
    recursive: bool = False,
    stored_frame: bool = True,
) -> LabeledImages:
    """Pair images with label files named `<prefix><image's stem>.txt` and read these.

    `prefix` comes first, then the usual ones (gt_, gt_img_, none): official files differ between splits.
    The layout is decided once for the folder, among `layouts`. An image without a label file is returned
    with `missing` set; label files without an image are counted as skipped.
    Boxes of the official sets refer to the stored pixels (`stored_frame`), see `fit_boxes`.

    Raises:
        AnnotationError: a folder does not exist.
    """
    names = list_images(image_dir, recursive=recursive)
    if not Path(label_dir).is_dir():
        raise AnnotationError(f"'{label_dir}' is not a folder of label files")
    label_names = set(list_files(label_dir, {".txt"}, recursive=recursive))
    label_of = {name: _label_name(name, prefix, label_names) for name in names}
    texts = {label: read_label_text(label_dir / label) for label in sorted(set(label_of.values()) - {""})}
    layout = _folder_layout(list(texts.values()), layouts)
    images = []
    for name, label in label_of.items():
        if not label:
            images.append(labeled_image(image_dir / name, name, [], missing=NO_LABEL_FILE))
            continue
        raw, problems = parse_lines(texts[label], layout)
        images.append(labeled_image(image_dir / name, name, raw, problems, stored_frame=stored_frame))
    skipped: Counter = Counter()
    if without_image := len(label_names) - len(texts):
        skipped["label file without an image"] = without_image
    return LabeledImages(images, layout, skipped)


def list_images(image_dir: Path, *, recursive: bool = False) -> list[str]:
    """Names of the image files, relative with "/", in natural order (img_2 before img_10).

    Raises AnnotationError when the folder does not exist or holds no image.
    """
    if not Path(image_dir).is_dir():
        raise AnnotationError(f"'{image_dir}' is not a folder of images")
    names = list_files(image_dir, IMAGE_SUFFIXES, recursive=recursive)
    if not names:
        suffixes = " ".join(sorted(IMAGE_SUFFIXES))
        raise AnnotationError(f"'{image_dir}' holds no image ({suffixes})")
    return names


def list_files(folder: Path, suffixes: set[str] | frozenset[str], *, recursive: bool = False) -> list[str]:
    """Relative names of the files with one of these suffixes, hidden ones left out, in natural order."""
    found = []
    for parent, folders, files in os.walk(folder):
        if not recursive:
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            (Path(parent) / name).relative_to(folder).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes
        ]
    return sorted(found, key=_natural_key)


def read_label_text(path: Path) -> str:
    """Text of a label file: UTF-8 with or without a mark, UTF-16 with one; stray bytes become U+FFFD."""
    data = path.read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(encoding, errors="replace")


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"(\d{1,18})|(\D+|\d{19,})", name)
    return [(0, int(number), "") if number else (1, 0, text) for number, text in parts]


def _label_name(image: str, prefix: str, label_names: set[str]) -> str:
    image_path = Path(image)
    for candidate in dict.fromkeys((prefix, *_COMMON_PREFIXES)):
        name = (image_path.parent / f"{candidate}{image_path.stem}.txt").as_posix()
        if name in label_names:
            return name
    return ""


def _folder_layout(texts: list[str], layouts: tuple[str, ...]) -> str:
    if len(layouts) == 1:
        return layouts[0]
    step = max(1, len(texts) // _SAMPLED_LABEL_FILES)
    return detect_layout([line for text in texts[::step] for line in label_lines(text)], layouts)

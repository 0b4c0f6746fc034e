"""Folders of images beside folders of text label files: ICDAR 2011, 2013, 2015, MLT 2017, SCUT-FORU."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from src.common.bounded_file import LARGE, read_bounded
from src.data.detection.annotations.label_layouts import detect_layout, foreign_format
from src.data.detection.annotations.label_lines import NOT_A_LABEL_LINE, label_lines, parse_line, parse_lines
from src.data.detection.annotations.label_pairs import pair_labels
from src.data.detection.annotations.labeled_image import (
    AnnotationError,
    LabeledImage,
    LabeledImages,
    labeled_image,
)

NO_LABEL_FILE = "no label file"
UNREADABLE_LABEL_FILE = "label file that cannot be read"
SCUT_FORU_TRAINING_IDS = 1200  # the word-level part: 1200 training images, then 515 for testing
_SAMPLED_LABEL_FILES = 200


def read_icdar2011(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """ICDAR 2011 born-digital: `x1, y1, x2, y2, "text"` in gt_img_N.txt."""
    return read_label_folder(image_dir, label_dir, prefix, ("corners",))


def read_icdar2013(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """ICDAR 2013: `x1 y1 x2 y2 "text"` in gt_N.txt (training), commas and gt_img_N.txt (test)."""
    return read_label_folder(image_dir, label_dir, prefix, ("corners",))


def read_icdar2015(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """ICDAR 2015: eight corner numbers and the text, or the boxes of convert_icdar2015."""
    return read_label_folder(image_dir, label_dir, prefix, ("polygon", "quad", "corners"))


def read_icdar17_mlt(image_dir: Path, label_dir: Path, prefix: str = "gt_") -> LabeledImages:
    """MLT 2017: eight corner numbers, script and text, or the boxes of convert_icdar2015."""
    return read_label_folder(image_dir, label_dir, prefix, ("mlt", "polygon", "quad", "corners"))


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
    """Pair images with label files (see `pair_labels`) and read these.

    The layout is decided once for the folder, among `layouts`. An image without a label file is returned
    with `missing` set; label files without an image are counted as skipped.
    Boxes of the official sets refer to the stored pixels (`stored_frame`), see `fit_boxes`.

    Raises:
        AnnotationError: a folder does not exist, or most lines of its files are of a foreign format.
    """
    pairs = pair_labels(image_dir, label_dir, prefix, recursive=recursive)
    texts = dict(_readable_texts(label_dir, pairs.labels))
    lines = _sampled_lines(list(texts.values()))
    if foreign := foreign_format(lines):
        raise AnnotationError(f"'{label_dir}' holds {foreign}")
    layout = detect_layout(lines, layouts)
    foreign_lines = [line for line in lines if parse_line(line, layout) == NOT_A_LABEL_LINE]
    if 2 * len(foreign_lines) > len(lines):
        counts = f"{len(foreign_lines)} of {len(lines)} lines"
        raise AnnotationError(
            f"'{label_dir}': {counts} are no labels, such as {foreign_lines[0][:80]!r};"
            " expected is x1,y1,x2,y2,text or another form of docs/detection_data.md"
        )
    images = []
    for name, label in pairs.label_of.items():
        if label not in texts:
            missing = UNREADABLE_LABEL_FILE if label else NO_LABEL_FILE
            images.append(labeled_image(image_dir / name, name, [], missing=missing))
            continue
        raw, problems = parse_lines(texts[label], layout)
        images.append(labeled_image(image_dir / name, name, raw, problems, stored_frame=stored_frame))
    skipped: Counter = Counter()
    if pairs.without_image:
        skipped["label file without an image"] = pairs.without_image
    return LabeledImages(images, layout, skipped)


def read_label_text(path: Path) -> str:
    """Text of a label file: UTF-8 with or without a mark, UTF-16 with one; stray bytes become U+FFFD.

    Raises:
        AnnotationError: it cannot be read.
    """
    try:
        data = read_bounded(path, LARGE)
    except OSError as error:
        raise AnnotationError(f"'{path}': {error.strerror}") from None
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(encoding, errors="replace")


def _readable_texts(folder: Path, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        with contextlib.suppress(AnnotationError):
            yield name, read_label_text(folder / name)


def _sampled_lines(texts: list[str]) -> list[str]:
    step = max(1, len(texts) // _SAMPLED_LABEL_FILES)
    return [line for text in texts[::step] for line in label_lines(text)]

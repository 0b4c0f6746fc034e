"""Images of a folder, and the label file of each by its name."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from src.common.bounded_file import is_special
from src.data.detection.annotations.labeled_image import AnnotationError, MissingPathError
from src.data.images.folder import IMAGE_SUFFIXES

OUTSIDE = "outside the folder of images"
_COMMON_PREFIXES = ("gt_", "gt_img_", "")


@dataclass(frozen=True)
class LabelPairs:
    """Images and their label files.

    Attributes:
        label_of: name of the label file by image name, "" where there is none.
        without_image: number of label files that belong to no image.
    """

    label_of: dict[str, str]
    without_image: int

    @property
    def labels(self) -> list[str]:
        """The label files that belong to an image."""
        return sorted(set(self.label_of.values()) - {""})


def pair_labels(
    image_dir: Path, label_dir: Path, prefix: str = "", *, suffix: str = ".txt", recursive: bool = False
) -> LabelPairs:
    """Pair images with label files named `<prefix><image's stem><suffix>`.

    `prefix` comes first, then the usual ones (gt_, gt_img_, none): official files differ between splits.

    Raises:
        AnnotationError: a folder does not exist, or holds no image.
    """
    names = list_images(image_dir, recursive=recursive)
    if not Path(label_dir).is_dir():
        raise MissingPathError(f"'{label_dir}' is not a folder of label files")
    label_names = set(list_files(label_dir, {suffix}, recursive=recursive))
    label_of = {name: _label_name(name, prefix, suffix, label_names) for name in names}
    return LabelPairs(label_of, len(label_names - set(label_of.values())))


def list_images(image_dir: Path, *, recursive: bool = False) -> list[str]:
    """Names of the image files, relative with "/", in natural order (img_2 before img_10).

    Raises:
        AnnotationError: the folder does not exist or holds no image.
    """
    if not Path(image_dir).is_dir():
        raise MissingPathError(f"'{image_dir}' is not a folder of images")
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
            if not name.startswith(".")
            and Path(name).suffix.lower() in suffixes
            and not is_special(os.path.join(parent, name))
        ]
    return sorted(found, key=_natural_key)


def is_safe_name(name: str) -> bool:
    """Whether a name from a label file stays inside the folder it is joined to."""
    parts = name.replace("\\", "/").split("/")
    return "" not in parts and ".." not in parts and not set(name) & {"\0", ":"}


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"(\d{1,18})|(\D+|\d{19,})", name)
    return [(0, int(number), "") if number else (1, 0, text) for number, text in parts]


def _label_name(image: str, prefix: str, suffix: str, label_names: set[str]) -> str:
    image_path = Path(image)
    for candidate in dict.fromkeys((prefix, *_COMMON_PREFIXES)):
        name = (image_path.parent / f"{candidate}{image_path.stem}{suffix}").as_posix()
        if name in label_names:
            return name
    return ""

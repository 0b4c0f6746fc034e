"""The data sets by name: what the configuration calls them, where their paths stand, how they are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.common.options import OptionError
from src.data.detection.annotations.coco_text import read_coco_text
from src.data.detection.annotations.label_files import (
    read_icdar17_mlt,
    read_icdar2011,
    read_icdar2013,
    read_icdar2015,
    read_scut_foru,
)
from src.data.detection.annotations.labeled_image import LabeledImages
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.annotations.plausible import plausible
from src.data.detection.annotations.svt_xml import read_svt
from src.data.detection.options import DataSetOptions


class DataSetError(OptionError):
    """A configuration of data sets that cannot be used; the message names the key and what is accepted."""


@dataclass(frozen=True)
class DataSet:
    """Name, configuration keys ("" where a split does not exist) and reader of one kind of data set."""

    name: str
    train_key: str
    test_key: str
    prefix_key: str
    read: Callable[..., LabeledImages]
    aliases: tuple[str, ...] = ()


DATA_SETS = (
    DataSet("icdar2011", "icdar11_train_path", "", "icdar11_prefix", read_icdar2011, ("icdar11",)),
    DataSet(
        "icdar2013",
        "icdar13_train_path",
        "icdar13_test_path",
        "icdar13_prefix",
        read_icdar2013,
        ("icdar13",),
    ),
    DataSet(
        "icdar2015",
        "icdar15_train_path",
        "icdar15_test_path",
        "icdar15_prefix",
        read_icdar2015,
        ("icdar15",),
    ),
    DataSet(
        "icdar17_mlt",
        "icdar17_mlt_train_path",
        "icdar17_mlt_test_path",
        "icdar17_mlt_prefix",
        read_icdar17_mlt,
        ("icdar2017_mlt", "mlt2017"),
    ),
    DataSet("flick", "flick_train_path", "", "", read_scut_foru, ("scut_foru",)),
    DataSet("svt", "svt_train_path", "", "svt_prefix", read_svt),
    DataSet("folder", "folder_train_path", "folder_test_path", "", read_own_folder),
)
COCO = "coco"


@dataclass(frozen=True)
class Source:
    """One configured data set, a call away from its images. `label` names it in reports."""

    label: str
    kind: str
    read: Callable[[], LabeledImages]


def find_sources(
    names: Sequence[str], options: DataSetOptions, *, split: str, list_key: str
) -> tuple[list[Source], list[str]]:
    """The sources that a list of data-set names stands for.

    Args:
        names: data sets as the configuration names them.
        options: paths and prefixes of the data sets.
        split: "train" or "test", which decides between the path keys.
        list_key: the key that held `names`, for messages.

    Returns:
        (configured sources, names whose path is not configured).

    Raises:
        DataSetError: an unknown name, a data set without such a split, a malformed or missing path.
    """
    sources: list[Source] = []
    without_path: list[str] = []
    for name in dict.fromkeys(_canonical(name, list_key) for name in names):
        found = _coco_sources(options, split) if name == COCO else _pair_sources(name, options, split, list_key)
        sources += found
        if not found:
            without_path.append(name)
    return sources, without_path


def _canonical(name: object, list_key: str) -> str:
    for data_set in DATA_SETS:
        if name == data_set.name or name in data_set.aliases:
            return data_set.name
    if name == COCO:
        return COCO
    known = ", ".join([COCO, *(data_set.name for data_set in DATA_SETS)])
    raise DataSetError(f"{list_key}: '{name}' is not a data set; accepted: {known}")


def _pair_sources(name: str, options: DataSetOptions, split: str, list_key: str) -> list[Source]:
    data_set = next(candidate for candidate in DATA_SETS if candidate.name == name)
    key = data_set.train_key if split == "train" else data_set.test_key
    if not key:
        raise DataSetError(f"{list_key}: '{name}' has no {split} part")
    prefix = getattr(options, data_set.prefix_key) if data_set.prefix_key else ""
    pairs = _pairs(key, getattr(options, key))
    return [
        Source(
            label=name if index == 0 else f"{name}-{index + 1}",
            kind=name,
            read=_reader(data_set.read, Path(images), Path(labels), {"prefix": prefix} if prefix else {}),
        )
        for index, (images, labels) in enumerate(pairs)
    ]


def _reader(
    read: Callable[..., LabeledImages], images: Path, labels: Path, more: Mapping[str, str]
) -> Callable[[], LabeledImages]:
    return lambda: plausible(read)(images, labels, **more)


def _pairs(key: str, value: Sequence[Any]) -> list[tuple[str, str]]:
    """[images, labels] or [[images, labels], ...]; nothing or empty texts mean not configured."""
    if not any(value):
        return []
    nested = [pair for pair in value if isinstance(pair, (list, tuple))]
    pairs = nested if len(nested) == len(value) else [value]
    for pair in pairs:
        if not (len(pair) == 2 and all(isinstance(path, str) and path for path in pair)):
            raise DataSetError(f"{key}: {list(pair)!r} is not a pair [images, labels]")
        for path in pair:
            if not Path(path).exists():
                raise DataSetError(f"{key}: '{path}' does not exist")
    return [(pair[0], pair[1]) for pair in pairs]


def _coco_sources(options: DataSetOptions, split: str) -> list[Source]:
    files = {"coco_root": options.coco_root, "cocotext_json": options.cocotext_json}
    if not any(files.values()):
        return []
    for key, file in files.items():
        if not file:
            raise DataSetError(f"{key}: is empty; COCO-Text needs coco_root and cocotext_json")
        if not Path(file).exists():
            raise DataSetError(f"{key}: '{file}' does not exist")
    # The test part of COCO-Text has no public labels; its validation part takes that place.
    part = "train" if split == "train" else "val"
    folder = options.coco_train_data_type
    if folder and not (Path(options.coco_root) / folder).is_dir():
        raise DataSetError(f"coco_train_data_type: '{options.coco_root}' has no folder '{folder}'")
    more = {"image_folder": options.coco_train_data_type, "split": part}
    read = _reader(read_coco_text, Path(options.coco_root), Path(options.cocotext_json), more)
    return [Source(COCO, COCO, read)]

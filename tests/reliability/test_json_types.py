"""JSON whose values are of any type: every reader returns or raises its own error, for each place of each file."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from src.common.errors import UserError
from src.data.detection.annotations.labeled_image import LabeledImages
from src.data.detection.annotations.own_folder import read_own_folder
from src.model_utils.rank_table import make_rank_table, read_rank_table
from src.postprocess.output_files import read_outputs
from src.weights.card import read_card

ODD = (
    None,
    True,
    -1,
    0.5,
    "x",
    "",
    [],
    {},
    [[1, 2]],
    [None] * 4,
    {"a": 1},
    float("nan"),
    float("inf"),
    10**400,
    -(10**400),
    "\ud800",
    "../x",
    "a" * 5000,
    "1" * 5000,
)
REMOVED = object()


def variants(sample: object) -> Iterator[object]:
    """`sample` with each of its values, at any depth, replaced by each odd one, or left out."""
    for place in list(_places(sample, ())):
        for odd in (*ODD, REMOVED):
            changed = copy.deepcopy(sample)
            if not place:
                changed = odd
            else:
                parent = changed
                for key in place[:-1]:
                    parent = parent[key]
                if odd is REMOVED:
                    del parent[place[-1]]
                else:
                    parent[place[-1]] = odd
            if changed is not REMOVED:
                yield changed


def _places(value: object, place: tuple) -> Iterator[tuple]:
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


IMAGE = {"id": 1, "file_name": "a.png", "width": 64, "height": 32, "set": "train"}
WORD = {"id": 7, "image_id": 1, "bbox": [1.5, 2, 30, 10], "utf8_string": "a", "legibility": "legible"}
OUTLINED = {
    **WORD,
    "segmentation": [[1, 2, 30, 2, 30, 9]],
    "iscrowd": 0,
    "category_id": 1,
    "attributes": {"text": "a"},
}
SHAPE = {"label": "text", "points": [[1, 2], [30, 2], [30, 9]], "shape_type": "polygon", "description": "word"}
OUTPUT = {"file": "a.png_0.bin", "name": "log_probs", "dtype": "float32", "shape": [2, 1, 3]}


def _labels(folder: Path, name: str) -> LabeledImages:
    return read_own_folder(folder, folder / name)


FILES = {
    "coco": (
        "a.json",
        {"images": [IMAGE], "annotations": [OUTLINED], "categories": [{"id": 1, "name": "text"}]},
        _labels,
    ),
    "coco text": ("a.json", {"imgs": {"1": IMAGE}, "anns": {"7": WORD}}, _labels),
    "labelme": (
        "labels/a.json",
        {"shapes": [SHAPE], "imagePath": "a.png"},
        lambda folder, _: _labels(folder, "labels"),
    ),
    "card": (
        "w.card.json",
        {
            "version": 1,
            "network": "ctpn",
            "image_size": [64, 96],
            "anchor_heights": [4, 8],
            "connector": {"min_ratio": 1},
        },
        lambda folder, _: read_card(folder / "w.ckpt", "ctpn"),
    ),
    "card of words": (
        "w.card.json",
        {
            "version": 1,
            "network": "crnn",
            "alphabet": "digits_lower",
            "widths": [100],
            "unit": "word",
            "characters": "a",
        },
        lambda folder, _: read_card(folder / "w.ckpt", "crnn"),
    ),
    "outputs": (
        "a.png.json",
        {"image": "a.png", "width": 64, "height": 32, "outputs": [OUTPUT]},
        lambda folder, name: read_outputs(folder / name),
    ),
    "rank table": (
        "table.json",
        make_rank_table("10.0.0.1", {0: "192.168.1.1", 1: "192.168.1.2"}),
        lambda folder, name: read_rank_table(folder / name),
    ),
}


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (64, 32)).save(tmp_path / "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "a.png_0.bin").write_bytes(bytes(24))
    return tmp_path


@pytest.mark.parametrize("kind", FILES)
def test_values_of_any_type(folder, kind):
    name, sample, read = FILES[kind]
    (folder / name).write_text(json.dumps(sample))
    read(folder, name)
    _read_all(folder / name, (json.dumps(variant) for variant in variants(sample)), lambda: read(folder, name))


def test_values_of_any_type_in_lines(folder):
    """PaddleOCR has an image and its JSON in each line."""
    entries = [{"transcription": "word", "points": [[1, 2], [30, 2], [30, 9], [1, 9]], "difficult": False}]
    texts = (f"a.png\t{json.dumps(variant)}\n" for variant in variants(entries))
    _read_all(folder / "Label.txt", texts, lambda: _labels(folder, "Label.txt"))


def _read_all(path: Path, texts: Iterator[str], read) -> None:
    refused = 0
    for text in texts:
        path.write_text(text)
        try:
            found = read()
        except UserError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{error!r} instead of a UserError for {text[:500]}") from error
        else:
            if isinstance(found, LabeledImages):
                assert all(image.boxes.shape == (len(image.texts), 4) for image in found.images)
    assert refused > 0

"""The lists of what validates and never trains: as the tool makes them, and whole groups of what shows the same."""

import os
from pathlib import Path

import pytest
from tiny_words import drawn, write_lmdb

from pytorch.make_splits import held_out, image_names, make_lists, range_of, stored_texts
from src.common.errors import UserError
from src.data.loading.name_lists import read_names

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("OCR_SHARED_DATA", ROOT.parent / "shared" / "data"))


def test_the_lists_are_what_the_tool_makes():
    if not DATA.is_dir():
        pytest.skip("the data sets are not at hand")
    made = make_lists(DATA)
    for name, names in made.items():
        assert read_names(ROOT / "weights" / "splits" / f"{name}.txt") == set(names)
    assert len(made["icdar2013_val"]) == 45 and len(made["icdar2015_images_val"]) >= 100


def test_words_of_validation_images_are_validation_words():
    table = DATA / "recognition" / "icdar2015_train" / "image_of_word.tsv"
    if not table.is_file():
        pytest.skip("the data sets are not at hand")
    images = read_names(ROOT / "weights" / "splits" / "icdar2015_images_val.txt")
    words = read_names(ROOT / "weights" / "splits" / "icdar2015_val.txt")
    pairs = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    assert {word for word, image in pairs if f"{image}.jpg" in images} <= words


def test_whole_groups_are_held_out():
    groups = {f"word_{number}": range_of(f"word_{number}", 50) for number in range(400)}
    names = held_out(groups, 60)
    assert len(names) == 100 and len({groups[name] for name in names}) == 2
    assert names == [name for name in groups if name in set(names)]
    assert held_out(groups, 60) == held_out(dict(reversed(groups.items())), 60)[::-1]


def test_only_counted_names_count():
    groups = {f"img_{number}": range_of(f"img_{number}", 10) for number in range(100)}
    even = held_out(groups, 15, counted=lambda name: int(name[4:]) % 2 == 0)
    assert len(even) == 30


def test_a_name_must_have_a_number_that_can_be_one():
    for name in ("word", "9" * 5000):
        with pytest.raises(UserError, match="has no number of at most 18 digits"):
            range_of(name, 50)


def test_there_must_be_something_left():
    with pytest.raises(UserError, match="cannot hold out 3 of 3"):
        held_out({"a": "1", "b": "2", "c": "3"}, 3)


def test_images_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("img_10.jpg", "img_9.jpg", "img_100.jpg"):
        (tmp_path / name).touch()
    assert image_names(tmp_path) == ["img_9.jpg", "img_10.jpg", "img_100.jpg"]


def test_records_that_say_the_same_are_one_group(tmp_path):
    texts = ["Total:", "TOTAL", "other", "..."]
    write_lmdb(tmp_path, [(drawn("x"), text) for text in texts])
    groups = stored_texts(tmp_path)
    assert list(groups) == [f"image-{number:09d}.jpg" for number in range(1, 5)]
    assert list(groups.values()) == ["total", "total", "other", "..."]

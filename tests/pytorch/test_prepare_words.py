"""The word LMDBs of a training: every set in two parts by its list, without a word lost or on both sides."""

import cv2
import numpy as np
import pytest
import yaml
from tiny_words import drawn, write_lmdb

from pytorch import prepare_words
from src.data.recognition.lmdb_reader import LmdbWords


@pytest.fixture
def data(tmp_path, monkeypatch):
    """One stored set of four words and one detection set of two images, of which one shows no word."""
    write_lmdb(tmp_path / "recognition/stored", [(drawn(text), text) for text in ("one", "two", "six", "ten")])
    for folder in ("images", "gt"):
        (tmp_path / "detection/signs" / folder).mkdir(parents=True)
    for name, lines in (("1", '2 2 30 14 "go"\n2 20 30 30 "on"\n'), ("2", ""), ("3", '2 2 30 14 "up"\n')):
        image = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"detection/signs/images/{name}.png"), image)
        (tmp_path / f"detection/signs/gt/gt_{name}.txt").write_text(lines)
    splits = tmp_path / "splits"
    splits.mkdir()
    (splits / "stored_val.txt").write_text("image-000000002.jpg\nimage-000000004.jpg\n")
    (splits / "signs_val.txt").write_text("2.png\n3.png\n")
    monkeypatch.setattr(prepare_words, "SPLITS", splits)
    monkeypatch.setattr(prepare_words, "STORED_SETS", ("stored",))
    monkeypatch.setattr(
        prepare_words, "SETS", {"signs": ("detection", "detection/signs/gt", "detection/signs/images")}
    )
    return tmp_path


def test_every_word_is_in_one_part(data, tmp_path):
    output = tmp_path / "lmdb"
    for name in ("stored", "signs"):
        prepare_words.divide_set(name, data, output)
    texts = {path.name: sorted(LmdbWords(path).labels()) for path in output.iterdir()}
    assert texts == {
        "stored_train": ["one", "six"],
        "stored_val": ["ten", "two"],
        "signs_train": ["go", "on"],
        "signs_val": ["up"],
    }
    prepare_words.divide_set("stored", data, output)  # nothing is left to do


def test_sets_of_the_configurations_are_made():
    """Every LMDB named NAME_train or NAME_val in a configuration is one of those that this command builds."""
    made = {
        f"{name}_{part}" for name in (*prepare_words.SETS, *prepare_words.STORED_SETS) for part in ("train", "val")
    }
    root = prepare_words.SPLITS.parents[1]
    for path in (*root.glob("configs/crnn*.yaml"), *root.glob("pytorch/recipes/crnn*.yaml")):
        values = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        named = {name for key in ("train_lmdb", "plain_lmdb", "eval_lmdb") for name in values.get(key, [])}
        assert named - made <= {"MJ_LMDB", "IIIT5k_lmdb", "lines_val"}, path.name

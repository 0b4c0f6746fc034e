"""The pack for another machine: what the archives hold, and that validation images train nothing."""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

pytest.importorskip("lmdb")

from tiny_words import drawn, png, write_lmdb

from pytorch import pack_data, pack_files
from pytorch.detection_images import listed, read_images
from src.common.errors import UserError
from src.common.options import OptionError
from src.data.loading.name_lists import read_names
from src.data.recognition.lmdb_reader import LmdbWords

TOOL = Path(pack_data.__file__).parent
# Pythons before 3.10.12 and 3.11.4 know no filters
TAR_FILTER = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def write_detection_set(folder, numbers):
    for kind in ("images", "gt"):
        (folder / kind).mkdir(parents=True)
    for number in numbers:
        gray = np.full((1200, 1800), 40 * number, np.uint8)
        gray[200:401, 300:901] = 255
        cv2.imwrite(str(folder / "images" / f"{number}.png"), gray)
        (folder / "gt" / f"gt_{number}.txt").write_text('300, 200, 900, 400, "Word"\n0, 600, 99, 699, "###"\n')


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    """Two sets, of which `b` has a copy of the validation image 1 of `a`, as have the backgrounds."""
    data = tmp_path_factory.mktemp("data")
    write_detection_set(data / "a", [1, 2, 3])
    write_detection_set(data / "b", [4])
    shutil.copy(data / "a/images/1.png", data / "b/images/copy.png")
    shutil.copy(data / "a/gt/gt_1.txt", data / "b/gt/gt_copy.txt")
    (data / "photos").mkdir()
    cv2.imwrite(str(data / "photos/wall.jpg"), np.full((900, 600, 3), 90, np.uint8))
    shutil.copy(data / "a/images/1.png", data / "photos/again.png")
    (data / "fonts").mkdir()
    (data / "fonts/Some.ttf").write_bytes(b"a font")
    (data / "fonts/README").write_text("no font")
    tall = png(np.random.default_rng(0).integers(0, 256, (160, 400), np.uint8))
    write_lmdb(data / "words/some_train", [(drawn("one"), "one"), (tall, "two")])
    write_lmdb(data / "words/some_val", [(drawn("three"), "three")])
    (data / "lexicon.txt").write_text("one\ntwo\n")
    (data / "a_val.txt").write_text("1.png\n")
    return [
        "--words",
        data / "words",
        "--word_sets",
        "some_train",
        "some_val",
        "--lexicon",
        data / "lexicon.txt",
        "--images",
        "a",
        data / "a/images",
        data / "a/gt",
        "--images",
        "b",
        data / "b/images",
        data / "b/gt",
        "--val_set",
        "a",
        "--val_list",
        data / "a_val.txt",
        "--backgrounds",
        data / "photos",
        "--fonts",
        data / "fonts",
    ]


@pytest.fixture(scope="module")
def unpacked(arguments, tmp_path_factory):
    """The folder that the archives were unpacked to, and what the command said."""
    pack, folder = (tmp_path_factory.mktemp(name) for name in ("pack", "unpacked"))
    said = []
    assert pack_data.main([str(item) for item in [pack, *arguments]], said.append) == 0
    assert sorted(path.name for path in pack.iterdir()) == ["fonts.tar.xz", "sets.tar.xz"]  # and nothing half done
    for archive in pack.iterdir():
        with tarfile.open(archive) as tar:
            tar.extractall(folder, **TAR_FILTER)
    return folder, said


def test_the_archives_hold_everything(unpacked):
    folder, said = unpacked
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "a/gt/gt_2.txt",
        "a/gt/gt_3.txt",
        "a/images/2.webp",
        "a/images/3.webp",
        "a_val.txt",
        "a_val/gt/gt_1.txt",
        "a_val/images/1.webp",
        "b/gt/gt_4.txt",
        "b/images/4.webp",
        "backgrounds/00000.webp",
        "fonts/Some.ttf",
        "lexicon.txt",
        "words/some_train/data.mdb",
        "words/some_val/data.mdb",
    ]
    assert said[1] == "b: 1 training images, 1 copies of validation images left out"
    assert said[-1].startswith("together ") and said[-1].endswith(" MB")


def test_no_validation_image_trains(unpacked):
    """Gray levels tell the images apart: number i is 40 i."""
    folder, _ = unpacked

    def levels(*names):
        images = [p for name in names for p in read_images([f"{folder}/{name}/images", f"{folder}/{name}/gt"])]
        return sorted(round(image.decode()[0].mean() / 40) for image in images)

    assert levels("a", "b") == [2, 3, 4]
    assert levels("a_val") == [1]
    assert cv2.imread(str(folder / "backgrounds/00000.webp")).mean() == pytest.approx(90, abs=2)


def test_images_and_their_boxes_are_smaller(unpacked):
    folder, _ = unpacked
    val = read_images([f"{folder}/a_val/images", f"{folder}/a_val/gt"])
    (validation,), others = listed(val, read_names(folder / "a_val.txt"))  # the packed list names the packed images
    assert others == []
    assert max(validation.decode().shape) == 1000
    train = read_images([f"{folder}/a/images", f"{folder}/a/gt"])[0]
    assert train.decode().shape == (600, 900, 3)
    # edges 300..901 and 200..401 halved, as inclusive corners; even when 0.5 is rounded
    assert np.abs(train.boxes - [[150, 100, 449.5, 199.5], [0, 300, 49, 349]]).max() <= 0.5
    assert train.ignored.tolist() == [False, True]


def test_words_are_gray_and_at_most_64_high(unpacked):
    folder, _ = unpacked
    words = LmdbWords(folder / "words/some_train")
    (small, one), (tall, two) = words.sample(0), words.sample(1)
    assert (one, two) == ("one", "two")
    assert small.shape == (16, 16) and tall.shape == (64, 160)
    assert LmdbWords(folder / "words/some_val").sample(0)[1] == "three"


def test_what_cannot_be_packed_is_refused(arguments, tmp_path):
    given = [str(item) for item in [tmp_path / "pack", *arguments]]
    with pytest.raises(UserError, match=r"val_set: c is not one of --images \(a, b\)"):
        pack_data.main([*given, "--val_set", "c"])
    with pytest.raises(UserError, match="no LMDB 'none'"):
        pack_data.main([*given, "--word_sets", "none"])
    assert list((tmp_path / "pack").iterdir()) == []
    image = read_images(given[given.index("a") + 1 :][:2])[0]
    with pytest.raises(UserError, match=f"twice: two images are called {Path(image.name).stem}"):
        pack_files.put_images(tmp_path / "twice", [image, image], 100, 80)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../x", "images: '../x' is not a name"),
        ("/x", "images: '/x' is not a name"),
        ("", "images: '' is not a name"),
        (".", "images: '.' is not a name"),
        ("..", "images: '..' is not a name"),
        ("x/y", "images: 'x/y' is not a name"),
        ("x" * 300, "is not a name"),
        ("a", "images: the name 'a' is taken"),
        ("words", "images: the name 'words' is taken"),
        ("lexicon.txt", "images: the name 'lexicon.txt' is taken"),
        ("a_val", "val_list: the name 'a_val' is taken"),
        ("a_val.txt", "val_list: the name 'a_val.txt' is taken"),
    ],
)
def test_no_set_leads_out_of_the_folder_or_over_another(arguments, tmp_path, name, said):
    data = Path(arguments[1]).parent
    given = [str(item) for item in [tmp_path / "pack", *arguments]]
    with pytest.raises(OptionError, match=re.escape(said)):
        pack_data.main([*given, "--images", name, str(data / "b/images"), str(data / "b/gt")])
    assert list(tmp_path.iterdir()) == []


def test_the_default_words_are_those_of_the_recipes():
    recipes = [
        next(yaml.safe_load_all((TOOL / "recipes" / f"{name}.yaml").open())) for name in ("crnn", "crnn_lines")
    ]
    read = {name for recipe in recipes for name in (*recipe["train_lmdb"], *recipe["eval_lmdb"])}
    assert set(pack_data.WORD_SETS) == read


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "Usage: bash pytorch/train_all.sh PACK_FOLDER OUTPUT_FOLDER PHASE"),
        ([], 2, "error: PACK_FOLDER, OUTPUT_FOLDER and PHASE are expected"),
        (["pack", "out", "4"], 2, "error: PHASE: '4' is not 1, 2, 3 or all"),
        (["pack", "out", "1"], 2, "error: 'pack/sets.tar.xz' is missing"),
    ],
)
def test_usage_of_train_all(tmp_path, arguments, code, said):
    script = str(TOOL / "train_all.sh")
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    done = subprocess.run(["bash", script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


STOPPED_TRAININGS = """#!/usr/bin/env bash
case $1 in
  */train_*.py) mkdir -p "$3" && touch "$3/best.pt" "$3/train.log" ;;
  */convert.py) cp "$2" "$3" ;;
esac
"""


def test_trainings_that_end_before_an_evaluation_are_kept(tmp_path):
    """They have weights and no curve."""
    for name in ("sets", "fonts"):
        tarfile.open(tmp_path / f"{name}.tar.xz", "w:xz").close()
    stand_in = tmp_path / "python"
    stand_in.write_text(STOPPED_TRAININGS)
    stand_in.chmod(0o755)
    done = subprocess.run(
        ["bash", str(TOOL / "train_all.sh"), str(tmp_path), str(tmp_path / "out"), "1"],
        env={**os.environ, "PYTHON": str(stand_in)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("crnn", "ctpn"):
        with tarfile.open(tmp_path / "out" / f"{name}.logs.tgz") as logs:
            assert logs.getnames() == [f"{name}.out", f"{name}/train.log"]

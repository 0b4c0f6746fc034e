"""Folders in the official form of each data set, with the accidents that official files have."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.data.detection.annotations.label_files import (
    read_icdar17_mlt,
    read_icdar2011,
    read_icdar2013,
    read_icdar2015,
    read_label_text,
    read_scut_foru,
)
from src.data.detection.annotations.label_pairs import list_images
from src.data.detection.annotations.labeled_image import AnnotationError
from src.data.detection.annotations.own_folder import read_own_folder


def make(folder: Path, names: list[str], labels: dict[str, bytes | str]) -> tuple[Path, Path]:
    images, gt = folder / "images", folder / "gt"
    for name in names:
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 80)).save(images / name)
    gt.mkdir(exist_ok=True)
    for name, content in labels.items():
        (gt / name).parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        (gt / name).write_bytes(data)
    return images, gt


def test_icdar2013_training_and_test_names(tmp_path):
    train = make(tmp_path / "train", ["100.jpg"], {"gt_100.txt": '15 12 41 18 "To"\n'})
    test = make(tmp_path / "test", ["img_1.jpg"], {"gt_img_1.txt": '38, 43, 92, 60, "Tiredness"\r\n'})
    renamed = make(tmp_path / "renamed", ["7.jpg"], {"gt_img_7.txt": "1,2,30,40\n"})
    for folders, box in ((train, [15, 12, 41, 18]), (test, [38, 43, 92, 60]), (renamed, [1, 2, 30, 40])):
        (image,) = read_icdar2013(*folders).images
        assert image.boxes.tolist() == [box] and not image.missing and not image.problems


def test_names_with_dots_keep_their_whole_stem(tmp_path):
    folders = make(
        tmp_path,
        ["a_13.08.2002_x.jpg", "a_13.08.2002_y.jpg"],
        {"gt_a_13.08.2002_x.txt": "1 2 30 40", "gt_a_13.08.2002_y.txt": ""},
    )
    first, second = read_icdar2013(*folders).images
    assert len(first.boxes) == 1 and len(second.boxes) == 0 and not second.missing


def test_byte_order_mark_carriage_returns_and_empty_file(tmp_path):
    folders = make(
        tmp_path,
        ["img_1.png", "img_2.png", "img_3.png", "img_10.png"],
        {
            "gt_img_1.txt": b'\xef\xbb\xbf1, 2, 30, 40, "one"\r\n5, 6, 50, 60, "tw\xc3\xb6"\r\n',
            "gt_img_2.txt": b"",
            "gt_img_10.txt": '1, 2, 30, 40, "x"'.encode("utf-16"),
        },
    )
    found = read_icdar2011(*folders)
    assert [image.name for image in found.images] == ["img_1.png", "img_2.png", "img_3.png", "img_10.png"]
    one, empty, unlabeled, wide = found.images
    assert one.texts == ["one", "twö"] and one.boxes[0].tolist() == [1, 2, 30, 40]
    assert len(empty.boxes) == 0 and not empty.missing
    assert unlabeled.missing == "no label file"
    assert wide.texts == ["x"]


def test_stray_bytes_do_not_stop_a_file(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1,2,30,40,caf\xe9\n")
    assert read_label_text(tmp_path / "a.txt") == "1,2,30,40,caf\ufffd\n"


def test_icdar2015_official_and_converted(tmp_path):
    quads = "37,11,46,11,46,13,37,14,Genaxis\n37,15,40,15,40,17,37,17,###\n"
    official = make(tmp_path / "a", ["img_1.jpg"], {"gt_img_1.txt": "\ufeff" + quads})
    converted = make(tmp_path / "b", ["img_1.jpg"], {"gt_img_1.txt": "37,11,46,14,Genaxis\n37,15,40,17,###\n"})
    for folders in (official, converted):
        (image,) = read_icdar2015(*folders).images
        assert image.boxes.tolist() == [[37, 11, 46, 14], [37, 15, 40, 17]]
        assert image.ignored.tolist() == [False, True]


def test_mlt_keeps_the_text_behind_the_script(tmp_path):
    label = "10,10,50,12,50,30,10,28,Latin,a,b\n10,40,50,40,50,60,10,60,Korean,###\n"
    (image,) = read_icdar17_mlt(*make(tmp_path, ["img_5.jpg"], {"gt_img_5.txt": label})).images
    assert image.texts == ["a,b", "###"] and image.ignored.tolist() == [False, True]


def test_scut_foru_takes_the_word_level_training_part(tmp_path):
    names = ["000001", "001200", "001201", "000001_c"]
    labels = {f"{name}.txt": "10,20,30,10,word\n" for name in names}
    found = read_scut_foru(*make(tmp_path, [f"{name}.jpg" for name in names], labels))
    assert [image.name for image in found.images] == ["000001.jpg", "001200.jpg"]
    assert found.images[0].boxes.tolist() == [[10, 20, 39, 29]]
    assert found.skipped == {"test part of SCUT-FORU": 1, "character-level image": 1}


def test_label_files_without_a_image_are_said(tmp_path):
    folders = make(tmp_path, ["1.jpg"], {"gt_1.txt": "1 2 30 40", "gt_2.txt": "1 2 30 40", "notes.txt": ""})
    assert read_icdar2013(*folders).skipped == {"label file without an image": 2}


def test_configured_prefix_comes_first(tmp_path):
    folders = make(tmp_path, ["1.jpg"], {"gt_1.txt": "1 2 30 40", "my_1.txt": "5 6 70 75"})
    (image,) = read_icdar2013(*folders, prefix="my_").images
    assert image.boxes.tolist() == [[5, 6, 70, 75]]


def test_missing_folders(tmp_path):
    images, gt = make(tmp_path, ["1.jpg"], {})
    for folders in ((tmp_path / "none", gt), (images, tmp_path / "none"), (gt, images)):
        with pytest.raises(AnnotationError):
            read_icdar2013(*folders)


def test_hidden_and_foreign_files_are_no_images(tmp_path):
    images, _ = make(tmp_path, ["b.JPG", "a.png"], {})
    (images / "._a.png").write_bytes(b"")
    (images / "readme.md").write_text("")
    assert list_images(images) == ["a.png", "b.JPG"]


@pytest.mark.parametrize(
    ("layout", "label"),
    [
        ("corners", '10, 20, 59, 49, "word"'),
        ("corners", "10 20 59 49 word"),
        ("size", "10,20,50,30,word\n90,20,5,5,more"),
        ("quad", "10,20,59,20,59,49,10,49,word"),
        ("mlt", "10,20,59,20,59,49,10,49,Latin,word"),
    ],
)
def test_own_folder_in_any_layout_with_sub_folders(tmp_path, layout, label):
    folders = make(tmp_path, ["sub/a.jpg"], {"sub/a.txt": label})
    found = read_own_folder(*folders)
    (image,) = found.images
    assert found.layout == layout and image.name == "sub/a.jpg" and not image.stored_frame
    assert image.boxes[0].tolist() == [10, 20, 59, 49] and image.texts[0] == "word"


def test_own_folder_refuses_foreign_labels(tmp_path):
    images, _ = make(tmp_path, ["a.jpg"], {})
    (tmp_path / "labels.csv").write_text("")
    for labels in ("labels.csv", "none"):
        with pytest.raises(AnnotationError):
            read_own_folder(images, tmp_path / labels)


def test_many_lines_equal_a_plain_split(tmp_path):
    rng = np.random.default_rng(3)
    corners = rng.integers(0, 40, (200, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 40, (200, 2))], axis=1)
    label = "\n".join(", ".join(map(str, box)) + f', "w{i}"' for i, box in enumerate(boxes.tolist()))
    (image,) = read_icdar2011(*make(tmp_path, ["1.jpg"], {"gt_1.txt": label})).images
    keep = np.ones(200, bool)
    np.testing.assert_array_equal(image.boxes, boxes[keep])
    assert image.texts == [f"w{i}" for i in range(200)]

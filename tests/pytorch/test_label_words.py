"""A teacher's labels: kept where it is sure and reads the same twice; what validates is not looked at."""

import os

import cv2
import numpy as np
import pytest

from pytorch import label_words
from pytorch.label_words import find_images, sure_words
from src.common.errors import UserError

IMAGE = np.full((60, 100, 3), 90, np.uint8)


def box(top, height=20):
    return np.array([[5, top], [95, top], [95, top + height], [5, top + height]], np.float32)


def labeled(lines, again):
    texts = iter(again)
    return [(crop.shape[:2], text) for crop, text in sure_words(IMAGE, lambda image: lines, lambda crop: next(texts))]


def test_two_sure_readings_that_agree_make_a_label():
    lines = [(box(2), "OPEN  now", 0.99), (box(30), "CAFE", 0.95)]
    assert labeled(lines, ["OPEN now", "CAFF"]) == [((20, 90), "OPEN now")]


@pytest.mark.parametrize(
    "corners, text, score",
    [(box(2), "doubt", 0.9), (box(2), "caf\xe9", 0.99), (box(2), "--", 0.99), (box(2, 6), "small", 0.99)],
)
def test_what_is_not_sure_is_left_out(corners, text, score):
    assert labeled([(corners, text, score)], [text]) == []


def test_held_out_images_are_not_looked_at(tmp_path):
    for name in ("12_07.jpg", "12_08.jpg", "a.png", "notes.txt"):
        (tmp_path / name).touch()
    found = find_images([tmp_path], {"12_07_0.png", "12_07_1.png", "a.png"})
    assert [file.name for file in found] == ["12_08.jpg"]
    with pytest.raises(UserError, match="no image in"):
        find_images([tmp_path / "notes.txt"], ())


def test_every_crop_has_a_name_of_its_own(tmp_path, monkeypatch):
    """Whatever the images are called; what is no image costs nothing but itself."""
    data = cv2.imencode(".png", IMAGE)[1].tobytes()
    names = [b"a/x.png", b"b/x.png", b"x.PNG", b"x~2.png", b"tab\there\nline.png", b"\xff.png", b"n" * 240 + b".png"]
    for name in names:
        path = os.fsencode(tmp_path) + b"/in/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    os.mkfifo(tmp_path / "in" / "pipe.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"nothing")
    (tmp_path / "in" / "ring.png").symlink_to("ring.png")
    monkeypatch.setattr(
        label_words, "rapidocr_readers", lambda: (lambda image: [(box(2), "cat", 0.99)], lambda crop: "cat")
    )
    lines = []
    assert label_words.main([str(tmp_path / "in"), "--output", str(tmp_path / "out")], lines.append) == 0
    rows = [line.split("\t") for line in (tmp_path / "out" / "words.tsv").read_text().splitlines()]
    assert sorted(name for name, _ in rows) == sorted(path.name for path in (tmp_path / "out" / "words").iterdir())
    assert len(rows) == len({name for name, _ in rows}) == len(names) and {text for _, text in rows} == {"cat"}
    assert len(lines) == 3 and all(line.isprintable() for line in lines)

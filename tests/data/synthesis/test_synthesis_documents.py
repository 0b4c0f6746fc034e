"""Rendered documents: boxes hold the ink of their words, no ink is without a box, and the same seed repeats."""

import pickle

import numpy as np
import pytest

from src import synthesize
from src.common.options import OptionError
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.document_sheet import Sheet, Type
from src.data.synthesis.document_writer import DocumentWriter
from src.data.synthesis.documents import ASPECTS, DocumentSource
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.lexicon import TextSampler

BLACK = np.zeros(3, np.float32)


@pytest.fixture(scope="module")
def book():
    return FontBook()


def test_a_word_gets_the_box_of_its_ink(book):
    sheet = Sheet(book, 200, 60, np.full(3, 255.0))
    end = sheet.write(20, 40, "Hanging", Type(book.builtin[0], 24, BLACK))
    ((box, text),) = sheet.words
    assert text == "Hanging" and box[0] + 4 > 20 and box[2] < end + 2
    rows, columns = (np.flatnonzero((sheet.canvas[..., 0] < 170).any(axis=axis)) for axis in (1, 0))
    assert np.abs(np.array([columns[0], rows[0], columns[-1], rows[-1]]) - box).max() <= 1
    sheet.write(190, 40, "Out", Type(book.builtin[0], 24, BLACK))
    sheet.write(20, 5, "High", Type(book.builtin[0], 24, BLACK))
    assert len(sheet.words) == 1


def test_small_type_is_as_dark_as_large_type(book):
    sheet = Sheet(book, 200, 60, np.full(3, 255.0))
    sheet.write(5, 40, "thin", Type(book.builtin[0], 10, BLACK))
    assert sheet.canvas.min() < 5


@pytest.mark.parametrize("kind", ASPECTS)
def test_every_kind_has_words_and_all_its_ink_is_in_boxes(book, kind):
    """Without photographs; rules, fields and buttons are lighter or of one color."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        sheet = Sheet(book, 420, 420, np.full(3, 250.0))
        writer = DocumentWriter(rng, sheet, TextSampler(), Backgrounds(), dark=False)
        writer._picture = lambda x, y, width, foot: foot
        writer.draw(kind)
        assert len(sheet.words) >= 8
        boxes = np.array([box for box, _ in sheet.words])
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] < 420).all() and (boxes[:, 2:] > boxes[:, :2]).all()
        for x1, y1, x2, y2 in boxes:
            view = sheet.canvas[y1 : y2 + 1, x1 : x2 + 1]
            assert np.ptp(view.mean(axis=2)) > 40


def test_the_same_seed_gives_the_same_document(book):
    source = DocumentSource(book, TextSampler(), Backgrounds(), size=(480, 320), seed=5)
    again = pickle.loads(pickle.dumps(source))
    sizes = set()
    for index in range(6):
        first, second = source.sample(index), again.sample(index)
        assert np.array_equal(first.image, second.image) and first.words == second.words
        assert first.image.dtype == np.uint8 and abs(first.image.size / 3 / (480 * 320) - 1) < 0.05
        sizes.add(first.image.shape)
        assert sum(len(text.split()) for _, text in first.lines) >= len(first.words)
        lines = np.array([box for box, _ in first.lines]).reshape(-1, 4)
        for x1, y1, x2, y2 in (box for box, _ in first.words):
            assert ((lines[:, :2] <= (x1, y1)).all(axis=1) & (lines[:, 2:] >= (x2, y2)).all(axis=1)).any()
    assert len(sizes) > 3


def test_the_command_draws_documents(tmp_path):
    arguments = [
        "scenes",
        "--output",
        str(tmp_path / "set"),
        "--count",
        "2",
        "--difficulty",
        "document",
        "--size",
        "480x320",
        "--workers",
        "1",
    ]
    synthesize.main(arguments)
    assert len(list((tmp_path / "set" / "images").iterdir())) == 2
    for kind in ("gt", "gt_lines"):
        assert (tmp_path / "set" / kind / "gt_img_1.txt").read_text()
    with pytest.raises(OptionError):
        synthesize.main([*arguments, "--angle", "3"])

"""The words of the reader scored where they are and by what they say."""

import numpy as np

from benchmarks.reader_words import found_by, score_image
from src.common.boxes import box_corners
from src.data.detection.annotations.labeled_image import RawBox, labeled_image
from src.reader.result import Line, ReadResult, Word


def rectangle(box):
    return tuple(map(tuple, box_corners(np.array([box], float))[0].tolist()))


def test_lines_words_and_texts_count_each_for_themselves(tmp_path):
    """Two words in one line, both found, one misread; an illegible word that is read counts for nothing."""
    truth = labeled_image(
        tmp_path / "a.jpg",
        "a.jpg",
        [
            RawBox((10, 10, 59, 29), "Fresh", False),
            RawBox((70, 10, 119, 29), "Bread", False),
            RawBox((10, 60, 59, 79), "###", True),
        ],
    )
    words = tuple(
        Word(text, box, rectangle(box), 0.9)
        for text, box in (("FRESH!", (10, 10, 60, 30)), ("Broad", (70, 10, 120, 30)))
    )
    line, other = (10, 10, 120, 30), (10, 60, 60, 80)
    lines = (
        Line(line, rectangle(line), 0.9, "FRESH! Broad", 0.9, words),
        Line(other, rectangle(other), 0.9, "odd", 0.9, (Word("odd", other, rectangle(other), 0.9),)),
    )
    of_lines, of_words, of_texts = score_image(truth, found_by(ReadResult("a.jpg", 200, 100, lines, {})))
    assert (of_lines.ground_truths, of_lines.detections) == (2, 1)
    assert of_lines.recall_credit > 1.5
    assert (of_words.recall_credit, of_words.ground_truths, of_words.detections) == (2, 2, 2)
    assert (of_texts.recall_credit, of_texts.precision_credit) == (1, 1)
    nothing = score_image(truth, found_by(None))
    assert all(score.ground_truths == 2 and not score.recall_credit for score in nothing)

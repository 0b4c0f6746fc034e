"""A batch in which nothing can be used, in the middle of a sound data set."""

from itertools import chain

import numpy as np
import pytest
from tiny_detection import make_entries, write_set
from tiny_words import drawn, write_lmdb

from src.data.recognition.dataset import CrnnTrainData

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
HEIGHTS = range(40, 52)


def test_a_detection_batch_of_damaged_images_is_filled_with_others(tmp_path):
    pytest.importorskip("mindspore")
    from src.data.detection.dataset import CtpnTrainData

    def heights(folder, entries):
        """The image of each place of each batch, known by its height, and the loader's report."""
        data = CtpnTrainData(
            write_set(folder, entries), lambda image, *_: (np.array(image.shape[0]),), batch_size=4, max_bad_ratio=0.4
        )
        return [batch[0].tolist() for batch in data.epoch(1)], data.report.reasons

    entries = make_entries({f"{height}.png": (height, 60) for height in HEIGHTS})
    sound, reasons = heights(tmp_path / "sound", entries)
    assert sorted(chain.from_iterable(sound)) == list(HEIGHTS)
    assert reasons == {}
    for height in sound[1]:
        entries[f"{height}.png"] = (b"no image", *entries[f"{height}.png"][1:])
    batches, reasons = heights(tmp_path / "damaged", entries)
    assert [batches[0], batches[2]] == [sound[0], sound[2]]
    assert len(batches[1]) == 4
    assert set(batches[1]) <= set(HEIGHTS) - set(sound[1])
    assert reasons == {f"{height}.png": "not an image" for height in sound[1]}


def test_a_recognition_batch_of_damaged_words_is_filled_with_others(tmp_path):
    words = [f"w{index:02}" for index in range(12)]

    def texts(folder, damaged):
        samples = [(b"no image" if word in damaged else drawn(word), word) for word in words]
        data = CrnnTrainData(
            [write_lmdb(folder, samples)],
            characters=ALPHABET,
            batch_size=4,
            max_bad_ratio=0.4,
            encode=lambda text: [ALPHABET.index(character) + 1 for character in text],
            time_steps=lambda width: width // 4 + 1,
            height=32,
            widths=[100],
        )
        batches = [
            ["".join(ALPHABET[c - 1] for c in row[:n]) for row, n in zip(labels, lengths, strict=True)]
            for _, labels, lengths in data.epoch(1)
        ]
        return batches, data.report

    sound, report = texts(tmp_path / "sound", ())
    assert sorted(chain.from_iterable(sound)) == words
    assert report["replaced"] == {}
    batches, report = texts(tmp_path / "damaged", sound[1])
    assert [batches[0], batches[2]] == [sound[0], sound[2]]
    assert len(batches[1]) == 4
    assert set(batches[1]) <= set(words) - set(sound[1])
    assert report["replaced"] == {"not an image": 4}

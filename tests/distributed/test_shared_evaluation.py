"""An evaluation in shares has one result, whatever their number; here the ranks are threads."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny_detection import bright_is_text, make_entries, write_set
from tiny_detection import tiny_config as detector_config
from tiny_words import flat, spell, write_lmdb
from tiny_words import tiny_config as recognizer_config

pytest.importorskip("mindspore")

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import greedy_decode
from src.data.recognition.lmdb_reader import LmdbWords
from src.evaluation import crnn as evaluate_crnn
from src.evaluation import ctpn as evaluate_ctpn
from src.evaluation import gather_detection
from src.evaluation import recognition as word_evaluation

IMAGES = 7
DAMAGED = ("img_1.png", "img_4.png")  # of two ranks each has one
READ = ["cat", "dig", "owl", "fox", "0", "x1", "sun", "elk", "hen"]
WRITTEN = ["cat", "dog", "OWL", "fax", "0", "x1", "son", "no!", "hen"]


class Threads:
    """Stand-in for the communication of ranks that are threads of this process.

    One of them works at a time, since MindSpore's reader of records stands no second one in a process.
    """

    def __init__(self, size):
        self.size = size
        self.mine = threading.local()
        self.barrier = threading.Barrier(size, timeout=60)
        self.turn = threading.Lock()
        self.values = [None] * size

    def current_ranks(self):
        return self.mine.rank, self.size

    def gather_json(self, value, rank_size):
        assert rank_size == self.size
        self.values[self.mine.rank] = json.dumps(value)
        self.turn.release()
        try:
            self.barrier.wait()
            everybody = [json.loads(text) for text in self.values]
            self.barrier.wait()
        finally:
            self.turn.acquire()
        return everybody

    def run(self, work):
        """`work()` on every rank; its results."""

        def on_rank(rank):
            self.mine.rank = rank
            try:
                with self.turn:
                    return work()
            except BaseException:
                self.barrier.abort()  # as a launcher ends the others
                raise

        with ThreadPoolExecutor(self.size) as pool:
            return [future.result() for future in [pool.submit(on_rank, rank) for rank in range(self.size)]]


@pytest.fixture
def ranks(monkeypatch):
    """Make so many of them."""

    def make(size):
        threads = Threads(size)
        for module in (evaluate_ctpn, evaluate_crnn):
            monkeypatch.setattr(module, "current_ranks", threads.current_ranks)
        for module in (evaluate_ctpn, gather_detection, word_evaluation):
            monkeypatch.setattr(module, "gather_json", threads.gather_json)
        return threads

    return make


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    entries = make_entries({f"img_{number}.png": (60 + number, 100 - number) for number in range(IMAGES)})
    for name in DAMAGED:
        entries[name] = (entries[name][0][:50], *entries[name][1:])
    return write_set(tmp_path_factory.mktemp("records"), entries)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "lmdb"
    write_lmdb(path, [(flat(index), text) for index, text in enumerate(WRITTEN)])
    return path


def detected(evaluation):
    """Everything in an evaluation, in its order, to the last bit."""
    arrays = [
        (
            name,
            *(array.tobytes() for array in (lines.boxes, lines.scores, lines.polygons)),
            evaluation.ground_truth[name].boxes.tobytes(),
            evaluation.ground_truth[name].ignored.tobytes(),
        )
        for name, lines in evaluation.lines.items()
    ]
    return arrays, evaluation.metrics(), evaluation.has_ground_truth


@pytest.mark.parametrize("size", [2, 3, 9])
def test_images(record, ranks, size, capsys):
    config = detector_config(max_bad_ratio=0.3)

    def evaluate():
        return evaluate_ctpn.evaluate_source(config, bright_is_text, record)

    (alone,) = ranks(1).run(evaluate)
    said = capsys.readouterr().out
    assert said.count("left out img_") == 2
    assert len(alone.lines) == IMAGES - 2
    assert sum(len(lines) for lines in alone.lines.values()) > IMAGES
    for evaluation in ranks(size).run(evaluate):  # nine ranks: some have no image at all
        assert detected(evaluation) == detected(alone)
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(said.splitlines()), "the first rank alone says it"


def test_too_many_bad_images_in_all_shares_together(record, ranks):
    """Two of seven are above a fifth, though each rank has but one."""
    config = detector_config(max_bad_ratio=0.2)

    def evaluate():
        with pytest.raises(UserError, match="2 of 7 samples cannot be used, more than max_bad_ratio = 0.2"):
            evaluate_ctpn.evaluate_source(config, bright_is_text, record)
        return "refused"

    assert ranks(2).run(evaluate) == ["refused"] * 2


@pytest.mark.parametrize("size", [2, 4, 11])
def test_words(words, ranks, size):
    config = recognizer_config(test_batch_size=2)
    alphabet = Alphabet.load(config.alphabet)

    def evaluate():
        sources = {"set": LmdbWords(words)}
        return evaluate_crnn.read_sources(config, alphabet, spell(READ), sources, greedy_decode)["set"]

    (alone,) = ranks(1).run(evaluate)
    assert [prediction.text for prediction in alone.predictions] == READ
    assert alone.metrics()["accuracy"] == pytest.approx(5 / 9)
    for evaluation in ranks(size).run(evaluate):
        assert evaluation.predictions == alone.predictions
        assert evaluation.metrics() == alone.metrics()
        assert evaluation.report == alone.report


def test_every_float_survives_the_way(ranks):
    numbers = np.array([[0.1, 1e-45, np.float32(1) / 3], [3e38, -0.0, 123456.789]], np.float32)
    back = gather_detection._as_array(json.loads(json.dumps(gather_detection._as_json(numbers))))
    assert back.tobytes() == numbers.tobytes()
    assert (back.dtype, back.shape) == (numbers.dtype, numbers.shape)
    empty = gather_detection._as_array(gather_detection._as_json(np.zeros((0, 4, 2), np.float32)))
    assert empty.shape == (0, 4, 2)

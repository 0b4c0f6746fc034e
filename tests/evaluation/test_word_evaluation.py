"""Predictions for whole data sets: every sample once, metrics as defined, whatever the batch, widths and ranks."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_words import LETTERS, flat, png, spell, write_lmdb

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import greedy_decode
from src.crnn.lexicon import Lexicon
from src.data.recognition.eval_dataset import CrnnEvalData
from src.evaluation import recognition as word_evaluation
from src.evaluation.checkpoint_files import evaluate_each
from src.evaluation.lexicon_files import read_lexicons
from src.evaluation.recognition import LexiconChoice, Prediction, WordEvaluation, pooled, read_words
from src.evaluation.recognition_results import draw_mistakes, write_word_results

TRUTHS = ["house", "Tree", "it's", "42", "road", "SIGN", "b"]
READ = ["house", "tree", "its", "42", "rod", "sign", ""]
# Case aside, and "it's" cannot be written, so it is missed: house, tree, 42 and sign are right.
ALPHABET = Alphabet.named("digits_lower")


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    samples = [(flat(index), text) for index, text in enumerate(TRUTHS)]
    return write_lmdb(tmp_path_factory.mktemp("words") / "set", samples)


def data_of(source, **options):
    return CrnnEvalData(source, **{"characters": LETTERS, "batch_size": 3, "height": 32, "widths": [100], **options})


def read(data, texts=READ, **options):
    return read_words(spell(texts), data, greedy_decode, ALPHABET.decode, cased=False, **options)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 64])
@pytest.mark.parametrize("widths", [(100,), (32, 64, 100)])
def test_every_sample_counts_once_whatever_the_batch(words, batch_size, widths):
    seen = []
    data = data_of(words, batch_size=batch_size, widths=widths)
    evaluation = read(data, on_progress=seen.append)
    assert [item.index for item in evaluation.predictions] == list(range(len(TRUTHS)))
    assert [item.text for item in evaluation.predictions] == READ
    assert sum(seen) == len(TRUTHS)
    metrics = evaluation.metrics()
    assert metrics["samples"] == len(TRUTHS)
    assert metrics["accuracy"] == pytest.approx(4 / 7)
    assert metrics["one_minus_ned"] == pytest.approx((1 + 1 + 3 / 4 + 1 + 3 / 4 + 1 + 0) / 7)
    assert "case_sensitive_accuracy" not in metrics
    assert "lexicon_accuracy" not in metrics


def test_shares_of_ranks_make_the_same_whole(words, monkeypatch):
    whole = read(data_of(words))
    shares = []
    monkeypatch.setattr(word_evaluation, "gather_json", lambda value, size: shares.append(value) or [value])
    for rank in range(3):
        read(data_of(words, rank_id=rank, rank_size=3), rank_size=3)
    assert [len(share["rows"]) for share in shares] == [3, 2, 2]
    sent = json.loads(json.dumps(shares))  # as it travels
    monkeypatch.setattr(word_evaluation, "gather_json", lambda value, size: sent)
    together = read(data_of(words, rank_id=1, rank_size=3), rank_size=3)
    assert together.predictions == whole.predictions
    assert together.metrics() == whole.metrics()


def test_a_image_that_cannot_be_read_is_a_miss_on_every_rank(tmp_path, monkeypatch):
    samples = [(flat(0), "zero"), (b"no image", "one"), (flat(2), "two"), (b"\x89PNG\r\n\x1a\n", "three")]
    source = write_lmdb(tmp_path / "set", samples)
    texts = {0: "zero", 2: "two", 127: "nonsense"}  # unreadable images are flat gray
    shares = []
    monkeypatch.setattr(word_evaluation, "gather_json", lambda value, size: shares.append(value) or shares)
    for rank in range(2):
        evaluation = read(data_of(source, rank_id=rank, rank_size=2), texts, rank_size=2)
    assert evaluation.metrics()["accuracy"] == 0.5
    assert sum(evaluation.report["unreadable"].values()) == 2
    assert len(evaluation.report["unreadable_samples"]) == 2


def test_case_counts_where_the_alphabet_has_it():
    predictions = [
        Prediction(0, "Road", "Road", 0.9),
        Prediction(1, "Road", "road", 0.9),
        Prediction(2, "Road", "rod", 0.9),
    ]
    metrics = WordEvaluation(predictions, cased=True).metrics()
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics["case_sensitive_accuracy"] == pytest.approx(1 / 3)


def test_total_is_over_all_words_not_over_data_sets():
    small = WordEvaluation([Prediction(0, "a", "a", 1.0)], cased=False)
    large = WordEvaluation([Prediction(i, "b", "c", 1.0) for i in range(3)], cased=False)
    assert pooled([small, large]).metrics()["accuracy"] == 0.25


def test_choosing_from_lexicons(words, tmp_path):
    shared = LexiconChoice(Lexicon(["house", "tree", "42", "road", "sign", "b"], ALPHABET.encode))
    evaluation = read(data_of(words), choice=shared)
    chosen = {item.truth: item.in_lexicon for item in evaluation.predictions}
    assert (chosen["house"], chosen["road"], chosen["b"]) == ("house", "road", "b")
    assert evaluation.metrics()["lexicon_accuracy"] == pytest.approx(6 / 7)

    file = tmp_path / "each.txt"
    file.write_text("house,horse\ntree\tfree\nits it's\n42, 43\nroad rod\nsign\na b\n")
    each = read_lexicons(file, ALPHABET.encode, samples=7)
    assert each[2].words == ["its"]
    evaluation = read(data_of(words), choice=LexiconChoice(each, "edit"))
    assert [item.in_lexicon for item in evaluation.predictions][:5] == ["house", "tree", "its", "42", "rod"]


@pytest.mark.parametrize(
    ("content", "samples", "message"),
    [
        ("one\ntwo\n", 3, "has 2 lines, the data set 3"),
        ("one\n!!\n", 2, "line 2"),
        ("!!\n", None, "none of 1 words"),
    ],
)
def test_lexicons_that_do_not_fit(tmp_path, content, samples, message):
    file = tmp_path / "lexicon.txt"
    file.write_text(content)
    with pytest.raises(UserError, match=re.escape(message)):
        read_lexicons(file, ALPHABET.encode, samples)
    with pytest.raises(UserError, match="cannot read"):
        read_lexicons(tmp_path / "none.txt", ALPHABET.encode, samples)


def test_results_are_written_and_mistakes_drawn_worst_first(words, tmp_path, monkeypatch):
    evaluation = read(data_of(words))
    metrics = {"set": evaluation.metrics()}
    path = write_word_results({"set": evaluation}, metrics, tmp_path / "out", "best", {"decoder": "greedy"})
    content = json.loads(path.read_text())
    assert content["figures"]["set"]["accuracy"] == pytest.approx(4 / 7)
    assert content["data"]["set"]["samples"] == 7
    lines = (tmp_path / "out" / "predictions_best_set.tsv").read_text().splitlines()
    assert len(lines) == 8
    assert lines[5].split("\t")[:3] == ["4", "road", "rod"]

    drawn = {}
    monkeypatch.setattr(
        "src.evaluation.recognition_results.contact_sheet",
        lambda tiles, captions, **_: drawn.update(captions=captions) or np.zeros((4, 4, 3), np.uint8),
    )
    assert draw_mistakes({"set": evaluation}, {"set": words}, tmp_path / "a.png", 2) == 2
    assert drawn["captions"][0].startswith("b\n-> (nothing)\n")
    assert drawn["captions"][1].split("\n")[0] in {"road", "it's"}
    perfect = WordEvaluation([Prediction(0, "a", "A", 1.0)], cased=True)
    assert draw_mistakes({"set": perfect}, {"set": words}, tmp_path / "b.png", 2) == 0
    assert not (tmp_path / "b.png").exists()


def test_data_sets_never_share_a_table(words, tmp_path):
    names = ["a/b", "a_b", "A_B", "\x1b[31m", "n" * 250]
    evaluations = {
        name: WordEvaluation([Prediction(0, "house", str(number), 0.5)], cased=False)
        for number, name in enumerate(names)
    }
    write_word_results(evaluations, {}, tmp_path, "best", {})
    tables = [path for path in tmp_path.iterdir() if path.suffix == ".tsv"]
    assert sorted(path.read_text().split("\t")[-2] for path in tables) == ["0", "1", "2", "3", "4"]
    assert all(path.name.isprintable() for path in tables)


@pytest.mark.parametrize("name", ["results_best.json", "predictions_best_set.tsv", "sheet.png"])
def test_a_full_disk_names_the_file(words, tmp_path, no_room_for, name):
    evaluations = {"set": WordEvaluation([Prediction(0, "house", "x", 0.5)], cased=False)}
    no_room_for(name)
    with pytest.raises(UserError, match=f"cannot write .*/{name}: No space left on device"):
        write_word_results(evaluations, {}, tmp_path, "best", {})
        draw_mistakes(evaluations, {"set": words}, tmp_path / "sheet.png", 1)


def test_a_sheet_shows_unreadable_and_ordinary_images(tmp_path):
    source = write_lmdb(tmp_path / "set", [(b"broken", "one"), (png(np.full((20, 60, 3), 200, np.uint8)), "two")])
    wrong = WordEvaluation([Prediction(0, "one", "x", 0.5), Prediction(1, "two", "文", 0.5)], cased=False)
    assert draw_mistakes({"set": wrong}, {"set": source}, tmp_path / "sheet.png", 10) == 2
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[1] > 200


def test_what_ends_an_evaluation_names_its_checkpoint():
    def evaluate(_):
        raise UserError("the network's output is not finite")

    with pytest.raises(UserError, match=r"^a\.ckpt: the network's output is not finite$"):
        evaluate_each([Path("x/a.ckpt")], lambda _: None, evaluate, lambda _: None)

"""Dumped outputs of the recognition network as predictions and metrics."""

import json

import numpy as np
import pytest
from dumped_outputs import write_outputs
from PIL import Image

from src.common.errors import UserError
from src.crnn.alphabet import NAMED, Alphabet
from src.postprocess.crnn import metrics_line, postprocess_crnn
from src.postprocess.options import CrnnPostprocess
from src.postprocess.output_files import OutputFileError

LOWER = Alphabet(NAMED["digits_lower"])
WORDS = {"a.png": "hello", "b.png": "2x", "sub/c.png": ""}


def log_probs(text, alphabet=LOWER, steps=14):
    """(T, 1, C) in which each character has two steps and a blank after it; sure to 0.9 a step."""
    classes = [index for character in text for index in (*2 * alphabet.encode(character), 0)]
    classes += [0] * (steps - len(classes))
    probabilities = np.full((len(classes), alphabet.num_classes), 0.1 / (alphabet.num_classes - 1), np.float32)
    probabilities[np.arange(len(classes)), classes] = 0.9
    return np.log(probabilities)[:, None]


@pytest.fixture
def place(tmp_path):
    for name, text in WORDS.items():
        path = tmp_path / "words" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(path)
        write_outputs(tmp_path / "results", name, (20, 40), {"log_probs": log_probs(text, steps=18)})
    return tmp_path


def run(place, labels=None, **changes):
    path = ""
    if labels is not None:
        path = place / "gt.txt"
        path.write_text(labels, encoding="utf-8")
    config = {
        "export_dataset_path": str(place / "words"),
        "result_path": str(place / "results"),
        "label_path": str(path),
        "eval_output_path": str(place / "out"),
        "alphabet": "digits_lower",
        "decoder": "greedy",
        "beam_width": 5,
        "max_bad_ratio": 0.05,
        "eval_label_policy": "keep",
    }
    return postprocess_crnn(CrnnPostprocess(**{**config, **changes}))


def rows(place):
    return [line.split("\t") for line in (place / "out" / "readings.tsv").read_text().splitlines()]


def test_words_are_read(place):
    assert run(place) == {}
    found = rows(place)
    assert found[0] == ["image", "text", "confidence"]
    assert [row[:2] for row in found[1:]] == [["a.png", "hello"], ["b.png", "2x"], ["sub/c.png", ""]]
    assert float(found[1][2]) == pytest.approx(0.9**18, abs=5e-5)
    assert metrics_line({}) == "readings.tsv: no labels, so no metrics"


@pytest.mark.parametrize("name", ["readings.tsv", "results.json"])
def test_a_full_disk_names_the_file(place, no_room_for, name):
    no_room_for(name)
    with pytest.raises(UserError, match=f"cannot write .*/out/{name}: No space left on device"):
        run(place)


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_every_labeled_word_counts(place, decoder):
    """Two of three right, case aside; the edit distance of the third is 2 of 2."""
    metrics = run(place, 'a.png, "Hello"\nb.png, "2X"\nsub/c.png, "no"\n', decoder=decoder)
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics["one_minus_ned"] == pytest.approx(2 / 3)
    assert metrics["samples"] == 3
    assert "case_sensitive_accuracy" not in metrics
    assert rows(place)[1][3] == "hello"
    assert json.loads((place / "out" / "results.json").read_text())["figures"] == metrics
    assert metrics_line(metrics) == "readings.tsv: Acc@1 66.67, 1-NED 66.67 over 3 words"


@pytest.mark.parametrize("labels", ["a.png hello\nb.png 2x\nsub/c.png ?", "a.png\thello\nb.png\t2x\nsub/c.png\t?\n"])
def test_other_forms_of_labels_and_policies(place, labels, capsys):
    assert run(place, labels)["accuracy"] == pytest.approx(2 / 3)
    assert run(place, labels, eval_label_policy="drop")["accuracy"] == 1
    assert "1 words are not evaluated: characters outside the alphabet" in capsys.readouterr().out


def test_an_unreadable_image_is_missed(place, capsys):
    (place / "words" / "broken.png").write_bytes(b"no image")
    labels = 'a.png, "hello"\nb.png, "2x"\nbroken.png, "lost"\nsub/c.png, "x"\n'
    with pytest.raises(UserError, match="1 of 4 samples cannot be used.*broken.png: not an image"):
        run(place, labels)
    assert run(place, labels, max_bad_ratio=0.5)["accuracy"] == 0.5
    assert "unreadable, so read as nothing: broken.png: not an image" in capsys.readouterr().out


def test_odd_names_are_rows_of_their_own(place):
    names = ["a\tb.png", "\udcff.png", "new\nline.png", "n" * 251 + ".png"]
    for name in names:
        Image.new("RGB", (40, 20)).save(place / "words" / name)
        if len(name) < 250:
            write_outputs(place / "results", name, (20, 40), {"log_probs": log_probs("odd", steps=18)})
    run(place, max_bad_ratio=0.5)
    found = {row[0]: row[1] for row in rows(place)[1:]}
    assert len(found) == len(names) + len(WORDS)
    assert [found[name] for name in ("a%09b.png", "%FF.png", "new%0Aline.png", names[-1])] == ["odd"] * 3 + [""]


def test_an_alphabet_from_a_file_with_both_cases(place):
    (place / "alphabet.txt").write_text("aAbB", encoding="utf-8")
    alphabet = Alphabet("aAbB")
    for name in WORDS:
        write_outputs(place / "results", name, (20, 40), {"log_probs": log_probs("Ab", alphabet).astype(np.float16)})
    labels = 'a.png, "Ab"\nb.png, "ab"\nsub/c.png, "AB"\n'
    metrics = run(place, labels, alphabet=str(place / "alphabet.txt"))
    assert metrics["accuracy"] == 1
    assert metrics["case_sensitive_accuracy"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"score_map": np.zeros((1, 28, 4, 6), np.float32)}, r"outputs {'score_map': .*expected log_probs"),
        ({"log_probs": np.zeros((9, 2, 37), np.float32)}, r"\[9, 2, 37\]"),
        ({"log_probs": np.zeros((0, 1, 37), np.float32)}, r"\[0, 1, 37\]"),
        ({"log_probs": np.zeros((9, 1, 96), np.float32)}, r"96 classes, but the alphabet has 37 \(alphabet\)"),
    ],
)
def test_outputs_that_do_not_fit_are_named(place, outputs, words):
    write_outputs(place / "results", "a.png", (20, 40), outputs)
    with pytest.raises(OutputFileError, match=f"'a.png': .*{words}"):
        run(place)


def test_what_is_missing_is_named(place):
    with pytest.raises(UserError, match="label_path: no label for 'b.png'"):
        run(place, 'a.png, "hello"\n')
    with pytest.raises(UserError, match="no word of .* can be evaluated"):
        run(place, "a.png ?\nb.png ?\nsub/c.png ?\n", eval_label_policy="drop")
    (place / "results" / "b.png.json").unlink()
    with pytest.raises(OutputFileError, match=r"'b.png': no b.png.json in"):
        run(place)
    with pytest.raises(UserError, match="export_dataset_path: no image"):
        run(place, export_dataset_path=str(place / "results"))

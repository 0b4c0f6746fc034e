"""eval.py and export.py for the recognition network: the same predictions from every file, batch and runtime."""

import importlib
import json
import sys
from itertools import groupby

import numpy as np
import pytest
from tiny_words import LETTERS, WIDTH, drawn, preprocess_word, tiny_config, write_lmdb

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.build import build_crnn
from src.data.recognition.lmdb_reader import LmdbWords
from src.evaluation.crnn import evaluate_crnn, evaluate_in_training
from src.export.crnn import example_words, export_crnn
from src.export.network_files import ExportError
from src.weights.weights_file import network_arrays, save_weights

pytestmark = pytest.mark.usefixtures("graph_mode")
SETS = {"SVT": ["cat", "Dog", "7up"], "IIIT5K_lmdb": ["owl", "fox", "ox", "ape", "b52", "it's", "yes"]}
OTHER_WIDTH = 64


@pytest.fixture(scope="module")
def place(tmp_path_factory, graph_mode):
    """A folder with two data sets and a checkpoint of weights so large that words differ in their predictions."""
    folder = tmp_path_factory.mktemp("recognition")
    for name, words in SETS.items():
        write_lmdb(folder / "sets" / name, [(drawn(w.replace("'", ""), 1), w) for w in words])
    config = tiny_config()
    rng = np.random.default_rng(5)
    params = network_arrays(build_crnn(config, Alphabet.load(config.alphabet)))
    for name, array in params.items():
        if not name.endswith("moving_variance"):
            params[name] = rng.normal(0, 0.8, array.shape).astype(np.float32)
    save_weights(params, folder / "crnn.ckpt")
    return folder


@pytest.fixture(scope="module")
def config(place):
    return tiny_config(
        lmdb_root=str(place / "sets"),
        eval_lmdb=["SVT", "iiit5k_lmdb"],
        checkpoint_path=str(place / "crnn.ckpt"),
        eval_output_path=str(place / "eval"),
    )


@pytest.fixture(scope="module")
def evaluated(config):
    return evaluate_crnn(config)


@pytest.fixture(scope="module")
def onnx_file(config, place):
    asked = config.replace(file_format="ONNX", file_name=str(place / "crnn"))
    exported = export_crnn(asked, place / "crnn.ckpt", "CPU")
    assert exported == [place / "crnn.onnx"]
    return exported[0]


def predictions(folder, name):
    lines = (folder / "eval" / f"predictions_crnn_{name}.tsv").read_text(encoding="utf-8").split("\n")[1:-1]
    return [line.split("\t")[1:3] for line in lines]


def test_readings_are_those_of_the_exported_network_one_by_one(evaluated, onnx_file, place):
    """Single words through ONNX Runtime, decoded here, against batches through MindSpore."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert {**metadata, "card": json.loads(metadata["card"])} == {
        "characters": LETTERS,
        "image_width": str(WIDTH),
        "card": {"version": 1, "network": "crnn", "characters": LETTERS, "widths": [WIDTH]},
    }
    every = []
    for name, words in SETS.items():
        source = LmdbWords(place / "sets" / name)
        found = predictions(place, name)
        assert [truth for truth, _ in found] == [word.lower() for word in words]
        for index, (_, text) in enumerate(found):
            image = preprocess_word(source.sample(index)[0], 32, (WIDTH,))
            best = session.run(None, {"image": image[None]})[0][:, 0].argmax(1)
            assert text == "".join(LETTERS[c - 1] for c, _ in groupby(best.tolist()) if c)
            every.append(text)
    assert len(set(every)) > 3, "a test of predictions that are all the same shows little"


def test_metrics_files_and_sheet(evaluated, place):
    metrics = evaluated["crnn"]
    assert {name: values["samples"] for name, values in metrics.items()} == {"SVT": 3, "IIIT5K_lmdb": 7, "total": 10}
    right = {name: sum(truth == text for truth, text in predictions(place, name)) for name in SETS}
    assert metrics["total"]["accuracy"] == sum(right.values()) / 10
    content = json.loads((place / "eval" / "results_crnn.json").read_text())
    assert content["figures"] == metrics
    assert (place / "eval" / "mistakes_crnn.png").stat().st_size > 1000


def test_in_training_the_same_metrics_come_without_files(config, evaluated, place):
    network = build_crnn(config, Alphabet.load(config.alphabet))
    from src.weights.crnn_weights import load_trained

    load_trained(network, place / "crnn.ckpt", Alphabet.load(config.alphabet))
    found = evaluate_in_training(config, network)
    assert found["accuracy_SVT"] == evaluated["crnn"]["SVT"]["accuracy"]
    assert {key: found[key] for key in evaluated["crnn"]["total"]} == evaluated["crnn"]["total"]


def test_other_batch_beam_lexicon_and_a_bad_checkpoint_beside(config, place, evaluated, tmp_path, capsys):
    for name in ("bad.ckpt", "crnn.ckpt"):
        (tmp_path / name).write_bytes((place / "crnn.ckpt").read_bytes() if name == "crnn.ckpt" else b"no weights")
    (tmp_path / "words.txt").write_text("owl\nfox\ncat\n")
    asked = config.replace(
        checkpoint_path=str(tmp_path),
        test_batch_size=7,
        decoder="beam",
        beam_width=3,
        draw_results=False,
        eval_lexicon=str(tmp_path / "words.txt"),
        dataset_path=str(place / "sets"),
        eval_label_policy="drop",
        eval_output_path=str(tmp_path / "o"),
    )
    with pytest.raises(UserError, match=r"1 of 2 checkpoints cannot be used: .*bad\.ckpt"):
        evaluate_crnn(asked)
    assert "lexicon" in capsys.readouterr().out
    content = json.loads((tmp_path / "o" / "results_crnn.json").read_text())
    assert content["figures"]["total"]["samples"] == 9  # "it's" is dropped
    assert content["data"]["IIIT5K_lmdb"]["left_out"] == {"characters outside the alphabet": 1}
    chosen = (tmp_path / "o" / "predictions_crnn_SVT.tsv").read_text().split("\n")[1:-1]
    assert {line.split("\t")[4] for line in chosen} <= {"owl", "fox", "cat"}
    assert not (tmp_path / "o" / "mistakes_crnn.png").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eval_lmdb": []}, "eval_lmdb: is empty"),
        ({"dataset_path": "/none"}, "dataset_path"),
        ({"checkpoint_path": "/none.ckpt"}, "checkpoint_path"),
        ({"eval_lexicon": "/none.txt"}, "eval_lexicon"),
        ({"eval_lexicon": __file__, "lexicon_per_sample": True}, "one data set, here are 2"),
        ({"network_width": 0.1}, "do not fit the network; .* of the published channels"),
        ({"alphabet": "printable_ascii"}, "do not fit the network; .*--alphabet names them"),
    ],
)
def test_what_cannot_be_evaluated(config, changes, message):
    with pytest.raises(UserError, match=message):
        evaluate_crnn(config.replace(**changes))


def test_a_mindir_for_each_width(config, place, tmp_path):
    asked = config.replace(file_name=str(tmp_path / "c"), image_width=[WIDTH, OTHER_WIDTH], export_batch_size=2)
    files = export_crnn(asked, place / "crnn.ckpt", "CPU")
    assert files == [tmp_path / f"c_{WIDTH}.mindir", tmp_path / f"c_{OTHER_WIDTH}.mindir"]
    assert sorted(tmp_path.iterdir()) == sorted([*files, *(path.with_suffix(".mindir.json") for path in files)])


def test_air_is_refused_before_anything_is_read(config, tmp_path):
    with pytest.raises(ExportError, match="Ascend"):
        export_crnn(config.replace(file_format="AIR"), tmp_path / "none.ckpt", "CPU")


def test_an_onnx_file_that_differs_is_not_kept(config, place, tmp_path, monkeypatch):
    from src.export import crnn as module

    def wrong(params, path, metadata):
        changed = params["rnn.1.embedding.bias"] + np.arange(37)
        return real({**params, "rnn.1.embedding.bias": changed}, path, metadata)

    real = module.export_onnx
    monkeypatch.setattr(module, "export_onnx", wrong)
    monkeypatch.setattr(module, "OTHER_WIDTHS", ())
    with pytest.raises(ExportError, match="differs from the network"):
        export_crnn(config.replace(file_format="ONNX", file_name=str(tmp_path / "c")), place / "crnn.ckpt", "CPU")
    assert not list(tmp_path.iterdir())


def test_examples_are_in_the_range_of_words():
    example = example_words(3, 40)
    assert example.shape == (3, 1, 32, 40)
    assert example.dtype == np.float32
    assert (np.abs(example) <= 1).all()


def test_entry_points_choose_the_network(monkeypatch):
    """`network: crnn` leads eval.py and export.py to the functions tested here."""
    for name, function in (("eval", "evaluation.crnn.evaluate_crnn"), ("export", "export.crnn.export_crnn")):
        called = []
        monkeypatch.setattr(f"src.{function}", lambda *given, called=called: called.append(given))
        monkeypatch.setattr(
            sys,
            "argv",
            [
                name,
                "--network",
                "crnn",
                "--checkpoint_path",
                __file__,
                "--ckpt_file",
                __file__,
                "--device_target",
                "CPU",
            ],
        )
        importlib.import_module(name).main()
        assert called[0][0].network == "crnn"

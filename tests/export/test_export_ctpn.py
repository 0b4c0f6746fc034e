"""Exported files reproduce the network, their outputs give the lines of the evaluation, failures leave nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_detection import HEIGHT, WIDTH, tiny_config

ms = pytest.importorskip("mindspore")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")

from dumped_outputs import write_outputs

from src.common.errors import UserError
from src.ctpn.build import build_ctpn
from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.evaluation.ctpn import evaluate_source, predictor
from src.export import ctpn as export_module
from src.export import network_files
from src.export.ctpn import export_ctpn, load_ctpn
from src.export.network_files import ExportError
from src.metrics.submission import read_submission, to_pixels
from src.postprocess.ctpn import postprocess_ctpn
from src.weights.exported_card import CARD_OF_OUTPUTS, card_text, exported_card
from src.weights.weights_file import network_arrays, save_weights

ROOT = Path(__file__).resolve().parents[2]

SCORES = "rpn_with_loss.rpn_convs_list.rpn_cls.weight"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A checkpoint, both files made of it, and what was said."""
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    folder = tmp_path_factory.mktemp("导出 my export")
    params = network_arrays(build_ctpn(tiny_config()))
    params[SCORES] = params[SCORES] * 100  # scores that differ clearly, so that rounding reorders nothing
    save_weights(params, folder / "c.ckpt")
    config = tiny_config(file_name=str(folder / "new" / "ctpn.v1"), export_batch_size=2)
    files = {
        file_format: export_ctpn(config.replace(file_format=file_format), folder / "c.ckpt", "CPU")
        for file_format in ("MINDIR", "ONNX")
    }
    return SimpleNamespace(folder=folder, checkpoint=folder / "c.ckpt", files=files)


@pytest.fixture(scope="module")
def network(exported):
    return load_ctpn(tiny_config(), exported.checkpoint)


@pytest.fixture(scope="module")
def onnx_session(exported):
    return onnxruntime.InferenceSession(str(exported.files["ONNX"]), providers=["CPUExecutionProvider"])


def inputs_of(test_set):
    """(file name, size, normalized input) of every image."""
    for name in test_set.entries:
        image = decode_image(test_set.images / name)
        yield name, image.shape[:2], preprocess(image, (HEIGHT, WIDTH))[0]


def test_files_are_complete_and_readable(exported):
    assert {path.name for path in (exported.folder / "new").iterdir()} == {
        "ctpn.v1.mindir",
        "ctpn.v1.mindir.json",
        "ctpn.v1.onnx",
    }
    umask = os.umask(0)
    os.umask(umask)
    for path in exported.files.values():
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_onnx_takes_any_batch_and_gives_the_maps(onnx_session, network, test_set):
    images = np.stack([image for *_, image in inputs_of(test_set)])
    assert [output.name for output in onnx_session.get_outputs()] == ["score_map", "delta_map"]
    sides = onnx_session.get_inputs()[0].shape[2:]  # an application resizes images to what the file says
    assert sides == list(images.shape[2:])
    found = onnx_session.run(None, {"image": images})
    alone = [predictor(network)(image[None]) for image in images]
    for number, maps in enumerate(found):
        np.testing.assert_allclose(maps, np.concatenate([each[number] for each in alone]), atol=1e-4)


@pytest.fixture(scope="module")
def wanted(network, test_set):
    evaluation = evaluate_source(tiny_config(), predictor(network), test_set.record)
    assert sum(map(len, evaluation.lines.values())) > 10
    return evaluation


def check_postprocess(test_set, results, wanted, output):
    config = tiny_config(
        export_dataset_path=str(test_set.images),
        result_path=str(results),
        eval_output_path=str(output),
        label_path=str(test_set.labels),
        draw_results=False,
    )
    metrics = postprocess_ctpn(config)
    submitted = read_submission(output / "submit.zip")
    for name, lines in wanted.lines.items():
        np.testing.assert_allclose(submitted[Path(name).stem], to_pixels(lines.boxes), atol=1)
    assert metrics["deteval"] == pytest.approx(wanted.metrics()["deteval"], abs=1e-2)


def test_outputs_of_the_onnx_file_give_the_lines_of_the_evaluation(onnx_session, wanted, test_set, tmp_path):
    for name, size, image in inputs_of(test_set):
        maps = onnx_session.run(None, {"image": image[None]})
        write_outputs(tmp_path / "results", name, size, dict(zip(("score_map", "delta_map"), maps, strict=True)))
    check_postprocess(test_set, tmp_path / "results", wanted, tmp_path / "out")


def test_outputs_of_the_mindir_file_give_the_lines_of_the_evaluation(exported, wanted, test_set, tmp_path):
    graph = ms.nn.GraphCell(ms.load(str(exported.files["MINDIR"])))
    inputs = list(inputs_of(test_set))
    for first, second in zip(inputs, inputs[1:] + inputs[:1], strict=True):
        name, size, image = first
        proposals, mask = graph(ms.Tensor(np.stack([image, second[2]])))
        outputs = {"proposals": proposals.asnumpy()[:1], "mask": mask.asnumpy()[:1]}
        write_outputs(tmp_path / "results", name, size, outputs)
    check_postprocess(test_set, tmp_path / "results", wanted, tmp_path / "out")


def test_options_travel_with_the_files_and_mindir_carries_what_side_refinement_needs(
    exported, network, test_set, tmp_path
):
    config = tiny_config(side_refinement=True, line_min_score=0.01, rpn_max_num=200)
    config = config.replace(file_name=str(tmp_path / "net"), export_batch_size=1)
    (tmp_path / "net.card.json").write_text("the weights' own")
    files = {
        kind: export_ctpn(config.replace(file_format=kind), exported.checkpoint, "CPU") for kind in ("MINDIR", "ONNX")
    }
    assert (tmp_path / "net.card.json").read_text() == "the weights' own"
    names = ["net.card.json", "net.mindir", "net.mindir.json", "net.onnx"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    wanted = evaluate_source(config, predictor(network), test_set.record)
    graph = ms.nn.GraphCell(ms.load(str(files["MINDIR"])))
    session = onnxruntime.InferenceSession(str(files["ONNX"]), providers=["CPUExecutionProvider"])
    for kind, path in files.items():
        card, name = exported_card(path)
        assert card["side_refinement"] is True and card["connector"]["line_min_score"] == 0.01 and str(path) in name
        results = tmp_path / kind
        for image_name, size, image in inputs_of(test_set):
            if kind == "ONNX":
                outputs = dict(
                    zip(("score_map", "delta_map"), session.run(None, {"image": image[None]}), strict=True)
                )
            else:
                arrays = [array.asnumpy() for array in graph(ms.Tensor(image[None]))]
                outputs = dict(zip(("proposals", "mask", "dx"), arrays, strict=True))
            write_outputs(results, image_name, size, outputs)
        (results / CARD_OF_OUTPUTS).write_text(card_text(card))  # as the C++ application does
        done = subprocess.run(
            [
                sys.executable,
                ROOT / "postprocess.py",
                "--export_dataset_path",
                test_set.images,
                "--result_path",
                results,
                "--label_path",
                test_set.labels,
                "--eval_output_path",
                tmp_path / "out",
                "--draw_results",
                "False",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "network.card.json sets " in done.stdout and "side_refinement True" in done.stdout
        submitted = read_submission(tmp_path / "out" / "submit.zip")
        for image_name, lines in wanted.lines.items():
            np.testing.assert_allclose(submitted[Path(image_name).stem], to_pixels(lines.boxes), atol=1)
        metrics = json.loads(re.search(r"^submit.zip: (.*)$", done.stdout, re.MULTILINE)[1])
        assert metrics == pytest.approx({key: wanted.metrics()["deteval"][key] for key in metrics}, abs=1e-3)


# ---- failures


def test_air_is_refused_in_one_line_before_anything_is_read(tmp_path):
    config = tiny_config(file_name=str(tmp_path / "out" / "ctpn"), file_format="AIR")
    with pytest.raises(ExportError, match="file_format: AIR can only be written on an Ascend host.*CPU") as caught:
        export_ctpn(config, tmp_path / "no such file.ckpt", "CPU")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_air_on_ascend_is_written_in_place(exported, tmp_path, monkeypatch, capsys):
    """With a stand-in for the exporter, which only an Ascend host has."""
    written = []

    def stand_in(network, image, file_name, file_format):
        written.append((image.shape, file_format))
        Path(f"{file_name}.air").write_bytes(b"graph")

    monkeypatch.setattr(network_files.ms, "export", stand_in)
    config = tiny_config(file_name=str(tmp_path / "ctpn"), file_format="AIR", export_batch_size=3)
    assert export_ctpn(config, exported.checkpoint, "Ascend") == tmp_path / "ctpn.air"
    assert written == [((3, 3, HEIGHT, WIDTH), "AIR")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ctpn.air", "ctpn.air.json"]
    assert "cannot be loaded again here" in capsys.readouterr().out


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
def test_a_file_that_does_not_agree_is_not_left_behind(exported, tmp_path, monkeypatch, file_format):
    def disagree(*_, **__):
        (tmp_path / "checked").touch()
        raise ExportError("differs from the network by 1")

    def write(network, *arguments, **options):
        path = Path(options["file_name"] + ".mindir") if options else arguments[0]
        path.write_bytes(b"something")

    monkeypatch.setattr(network_files.ms, "export", write)
    monkeypatch.setattr(export_module, "write_ctpn_onnx", write)
    monkeypatch.setattr(export_module, "check_onnx", disagree)
    monkeypatch.setattr(network_files.ms, "load", disagree)
    monkeypatch.setattr(network_files, "as_arrays", lambda outputs: outputs)
    monkeypatch.setattr(export_module.CtpnProposals, "__call__", lambda *_: [])
    path = tmp_path / f"ctpn.{file_format.lower()}"
    path.write_text("the old one")
    config = tiny_config(file_name=str(tmp_path / "ctpn"), file_format=file_format)
    with pytest.raises(ExportError, match="differs"):
        export_ctpn(config, exported.checkpoint, "CPU")
    assert {item.name for item in tmp_path.iterdir()} == {path.name, "checked"}
    assert path.read_text() == "the old one"


def test_comparison_sees_differences_shapes_and_nan():
    ones = [np.ones((2, 3), np.float32)]
    assert network_files.compare(ones, [ones[0] + 1e-5], "the file", 1e-4) == pytest.approx(1e-5, rel=1e-2)
    for other, words in (
        (ones[0] + 1e-3, "by 0.001, more than 0.0001 of its largest output, 1"),
        (ones[0] * np.nan, "differs"),
        (np.ones((3, 2)), "outputs of shapes"),
    ):
        with pytest.raises(ExportError, match=words):
            network_files.compare(ones, [other], "the file", 1e-4)
    large = [3.1 * ones[0]]  # rounding grows with the outputs
    assert network_files.compare(large, [large[0] + 2e-4], "the file", 1e-4) == pytest.approx(2e-4 / 3.1, rel=1e-2)
    with pytest.raises(ExportError, match="more than 0.0001 of its largest output, 3.1"):
        network_files.compare(large, [large[0] + 4e-4], "the file", 1e-4)
    with pytest.raises(ExportError, match="the file differs from the network by nan"):
        network_files.compare(ones * 2, [ones[0], ones[0] * np.nan], "the file", 1e-4)


def test_a_wrong_file_stops_the_check(exported, network, tmp_path):
    """The check compares with the network that is asked for, not with the file's own idea."""
    other = build_ctpn(tiny_config(seed=5)).set_train(False)
    for parameter in other.get_parameters():
        parameter.set_data(ms.Tensor(parameter.asnumpy() * 1.5))
    example = np.random.default_rng(0).standard_normal((1, 3, HEIGHT, WIDTH)).astype(np.float32)
    with pytest.raises(ExportError, match="differs from the network"):
        network_files.check_onnx(exported.files["ONNX"], other, [example])


def test_a_runtime_that_is_not_installed(exported, network, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(ExportError, match="openvino.*not installed"):
        network_files.check_onnx(exported.files["ONNX"], network, [])


def test_settings_and_checkpoints_that_do_not_fit(exported, tmp_path):
    for changes, words in (
        ({"rpn_nms_pre": 5000}, "rpn_nms_pre: 5000 given; MINDIR takes at most 2864"),
        ({"img_width": 90}, "img_width: 90 is not a multiple of 16"),
        ({"backbone_width": 0.125}, "do not fit the network; other shape: "),
        ({"anchor_height": [10, 20]}, "rpn_cls.weight"),
        ({"lstm_branch": "rnn"}, "LSTM branch 'rnn' is not in the checkpoint"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            config = tiny_config(file_name=str(tmp_path / "ctpn"), **changes)
            export_ctpn(config, exported.checkpoint, "CPU")
        assert "\n" not in str(caught.value)
    (tmp_path / "damaged.ckpt").write_bytes(exported.checkpoint.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged.ckpt"):
        export_ctpn(tiny_config(file_name=str(tmp_path / "ctpn")), tmp_path / "damaged.ckpt", "CPU")
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.ckpt"]

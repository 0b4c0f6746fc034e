"""Training CTPN as a configuration says, end to end at a tiny size; what it loads and what it refuses."""

import contextlib
import io
import json
import os
import re
import signal
import zlib
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from tiny_detection import make_entries, tiny_config, write_images, write_set

ms = pytest.importorskip("mindspore")

from src.common.errors import UserError
from src.ctpn.build import build_ctpn, build_training_ctpn, settle_auto
from src.evaluation.ctpn import evaluate_ctpn, evaluate_in_training
from src.model_utils.config import load_config
from src.training.train_ctpn import load_pre_trained, train_ctpn, training_data
from src.weights.safetensors_file import read_safetensors
from src.weights.weights_file import network_arrays, read_weights, save_weights

CONVOLUTIONS = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)  # of torchvision's vgg16_bn
LAYERS = [f"{stage}_{index}" for stage in range(1, 6) for index in range(1, 3 + (stage > 2))]
BACKBONE = "vgg16_feature_extractor."


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Training and test records, and the images of the latter."""
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    place = tmp_path_factory.mktemp("data")
    entries = make_entries({f"img_{number}.jpg": (60 + 5 * number, 120 - 3 * number) for number in range(6)})
    test = make_entries({"t_1.jpg": (64, 96), "t_2.png": (90, 80), "t_3.jpg": (64, 96)})
    return SimpleNamespace(
        train=write_set(place, entries, "ctpn_pretrain.mindrecord"),
        test=write_set(place, test),
        images=write_images(place / "images", test),
    )


def settings(data, output, **changes):
    return tiny_config(
        **{
            "pretraining_dataset_file": str(data.train),
            "finetune_dataset_file": str(data.train),
            "eval_dataset_path": str(data.test),
            "save_checkpoint_path": str(output),
            "pre_total_epoch": 2,
            "fine_total_epoch": 1,
            "run_eval": True,
            "eval_start_epoch": 1,
            "eval_interval": 1,
            "save_checkpoint_epochs": 1,
            "test_batch_size": 2,
            **changes,
        }
    )


def torchvision_params():
    """A state dict of vgg16_bn with the channels of the tiny network, made of its names."""
    shapes = {name: array.shape for name, array in network_arrays(build_ctpn(tiny_config())).items()}
    params = {}
    for index, layer in zip(CONVOLUTIONS, LAYERS, strict=True):
        shape = shapes[f"{BACKBONE}conv{layer}.0.weight"]
        for name, of in (
            (f"{index}.weight", shape),
            (f"{index}.bias", shape[:1]),
            (f"{index + 1}.weight", shape[:1]),
            (f"{index + 1}.bias", shape[:1]),
            (f"{index + 1}.running_mean", shape[:1]),
            (f"{index + 1}.running_var", shape[:1]),
        ):
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            value = rng.standard_normal(of).astype(np.float32)
            params[f"features.{name}"] = abs(value) + 0.5 if name.endswith("running_var") else value / 3
    params["classifier.6.bias"] = np.zeros(1000, np.float32)
    return params


def write_safetensors(params, path):
    """As the format's specification says: length, header, data."""
    header, offset = {}, 0
    for name, array in params.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in params.values()))
    assert set(read_safetensors(path.read_bytes())) == set(params)
    return path


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return write_safetensors(torchvision_params(), tmp_path_factory.mktemp("weights") / "vgg16_bn.safetensors")


def evaluation_of(config):
    return partial(evaluate_in_training, config, Path(config.save_checkpoint_path) / "eval_pictures")


# ---- one training from start to end: stopped in the second epoch, continued, fine-tuned


@pytest.fixture(scope="module")
def stopped(data, backbone, tmp_path_factory):
    """Pretraining from the backbone that is asked to stop while it evaluates after its first epoch."""
    output = tmp_path_factory.mktemp("run") / "out put"
    config = settings(data, output, pre_trained=str(backbone), eval_image_path=str(data.images), max_bad_ratio=0.1)

    def evaluate(network):
        metrics = evaluate_in_training(config, output / "eval_pictures", network)
        os.kill(os.getpid(), signal.SIGTERM)
        return metrics

    with contextlib.redirect_stdout(io.StringIO()) as said:
        result = train_ctpn(config, 0, 1, evaluate)
    files = {path.name for path in (output / "ckpt_0").iterdir()}
    return SimpleNamespace(output=output, result=result, said=said.getvalue(), files=files)


@pytest.fixture(scope="module")
def finished(data, stopped):
    """The same continued, without naming the backbone again."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        config = settings(data, stopped.output, resume=True)
        result = train_ctpn(config, 0, 1, evaluation_of(config))
    return SimpleNamespace(output=stopped.output, result=result, said=said.getvalue())


def test_a_stop_saves_the_step(stopped):
    result = stopped.result
    assert (result.stopped_by, result.exit_code, result.epoch, result.step) == ("SIGTERM", 143, 2, 1)
    assert "stopped by SIGTERM after epoch 2 step 1\nthe same command with --resume continues\n" in stopped.said
    assert re.match(
        r"backbone: 13 of 13 convolutions .*\nPretraining: 6 images, 2 epochs of 3 steps",
        stopped.said,
    )
    assert stopped.files >= {
        "ctpn-1_3.ckpt",
        "ctpn-1_3.state",
        "ctpn-2_1.ckpt",
        "ctpn-2_1.state",
        "best_acc.ckpt",
        "best_acc.json",
        "config.yaml",
    }


def test_it_is_continued_to_the_end(finished):
    result = finished.result
    assert (result.stopped_by, result.exit_code, result.epoch, result.step) == (None, 0, 2, 3)
    assert "resumed after epoch 2 step 1" in finished.said
    assert re.search(r"finished after epoch 2 step 3.*best hmean", finished.said)
    assert "backbone:" not in finished.said


def test_the_loss_file_has_the_lines_of_the_seed(finished):
    lines = (finished.output / "loss_0.log").read_text().splitlines()
    assert all(re.fullmatch(r"\d+ epoch: \d+ step: \d+ ,rpn_loss: \d+\.\d{5}", line) for line in lines)
    steps = [tuple(map(int, re.findall(r"epoch: (\d+) step: (\d+)", line)[0])) for line in lines]
    assert steps == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]


def test_metrics_are_json_lines(finished):
    records = [json.loads(line) for line in (finished.output / "metrics.jsonl").read_text().splitlines()]
    trained = [record for record in records if record["event"] == "train"]
    evaluated = [record for record in records if record["event"] == "eval"]
    assert [record["global_step"] for record in trained] == [1, 2, 3, 4, 5, 6]
    assert all(record["loss"] > 0 and record["rpn_cls"] > 0 and "rpn_reg" in record for record in trained)
    # Six steps are too few for a warm-up of 30000; a tenth of them is none. The last step ends at 0.
    assert trained[0]["lr"] == pytest.approx(0.009)
    assert trained[-1]["lr"] == 0
    assert [record["epoch"] for record in evaluated] == [1, 2]
    assert all(0 <= record["hmean"] <= 1 and record["images"] == 3 for record in evaluated)


def test_the_best_is_the_better_evaluation(finished):
    records = [json.loads(line) for line in (finished.output / "metrics.jsonl").read_text().splitlines()]
    best = json.loads((finished.output / "ckpt_0" / "best_acc.json").read_text())
    assert best["hmean"] == max(record["hmean"] for record in records if record["event"] == "eval")
    assert finished.result.best == best["hmean"]
    same = finished.output / "ckpt_0" / f"ctpn-{best['epoch']}_3.ckpt"
    weights = read_weights(finished.output / "ckpt_0" / "best_acc.ckpt")
    assert all(np.array_equal(weights[name], array) for name, array in read_weights(same).items())


def test_the_written_configuration_is_one_and_says_what_auto_meant(data, finished):
    path = finished.output / "ckpt_0" / "config.yaml"
    written = load_config(["--config_path", str(path)])
    assert (written.bn_statistics, written.first_stages) == ("frozen", "frozen")
    wanted = settings(data, finished.output, resume=True, bn_statistics="frozen", first_stages="frozen")
    wanted = wanted.replace(mixed_precision=False)  # on a CPU
    assert written.to_dict() == wanted.to_dict()


def test_frozen_parts_stay_and_the_rest_learns(finished, backbone):
    start = network_arrays(build_ctpn(tiny_config()))
    network = build_ctpn(tiny_config())
    load_pre_trained(network, str(backbone), True, "rnn2")
    start = network_arrays(network)
    end = read_weights(finished.output / "ckpt_0" / "ctpn-2_3.ckpt")
    assert set(end) == set(start)
    for name in start:
        frozen = "moving_" in name or re.search(r"conv[12]_\d\.0\.weight", name)
        assert np.array_equal(start[name], end[name]) == bool(frozen), name


def test_images_are_drawn_while_evaluating(stopped):
    drawn = sorted(path.name for path in (stopped.output / "eval_pictures").iterdir())
    assert drawn == ["t_1.jpg", "t_2.png.jpg", "t_3.jpg"]


def test_another_training_in_the_same_folder_is_refused(data, finished):
    with pytest.raises(UserError, match="holds another training: --resume continues it"):
        train_ctpn(settings(data, finished.output), 0, 1)


def test_evaluation_of_the_folder_gives_what_training_measured(data, finished, tmp_path, capsys):
    config = settings(
        data,
        finished.output,
        dataset_path=str(data.test),
        eval_output_path=str(tmp_path / "eval"),
        checkpoint_path=str(finished.output / "ckpt_0"),
        test_batch_size=1,
    )
    (finished.output / "ckpt_0" / "damaged.ckpt").write_bytes(b"nothing")
    try:
        with pytest.raises(UserError, match="1 of 5 checkpoints cannot be used: .*damaged.ckpt"):
            evaluate_ctpn(config)
    finally:
        (finished.output / "ckpt_0" / "damaged.ckpt").unlink()
    said = capsys.readouterr().out
    records = [json.loads(line) for line in (finished.output / "metrics.jsonl").read_text().splitlines()]
    for record in records:
        if record["event"] == "eval":
            stem = f"ctpn-{record['epoch']}_3"
            metrics = json.loads((tmp_path / "eval" / f"results_{stem}.json").read_text())["figures"]
            assert metrics["deteval"]["hmean"] == pytest.approx(record["hmean"], abs=1e-6)
            values = ", ".join(f'"{key}": {metrics["deteval"][key]:.5f}' for key in ("precision", "recall", "hmean"))
            assert f"{stem}: {{{values}}}\n" in said
    names = {path.name for path in (tmp_path / "eval").iterdir()}
    stems = {"ctpn-1_3", "ctpn-2_1", "ctpn-2_3", "best_acc"}
    assert names == {"gt.zip"} | {
        name for stem in stems for name in (f"submit_{stem}.zip", f"results_{stem}.json", f"pictures_{stem}")
    }


def test_finetune_starts_from_the_whole_checkpoint(data, finished, tmp_path, capsys):
    checkpoint = finished.output / "ckpt_0" / "best_acc.ckpt"
    config = settings(
        data,
        tmp_path,
        task_type="Finetune",
        pre_trained=str(checkpoint),
        fine_base_lr=0.0,
        run_eval=False,
        mixed_precision=True,
        dynamic_loss_scale=True,
        optimizer="adamw",
    )
    # Nobody gives the sizes, and the defaults are others: those of the training are in config.yaml beside the file.
    others = type(config).model_fields.keys() - {"backbone_width", "anchor_height"}
    config = type(config)(**{key: getattr(config, key) for key in others})
    assert config.backbone_width == 1
    result = train_ctpn(config, 0, 1, evaluation_of(config))
    assert result.global_step == 3
    said = capsys.readouterr().out
    assert "network: all parameters from" in said and "ckpt_0/config.yaml sets backbone_width 0.0625" in said
    # At a learning rate of 0, what comes out is what went in: everything was loaded, at half precision too.
    start, end = read_weights(checkpoint), read_weights(result.checkpoint)
    assert all(np.array_equal(start[name], end[name]) for name in start)
    assert yaml.safe_load((tmp_path / "ckpt_0" / "config.yaml").read_text())["bn_statistics"] == "frozen"


# ---- what is loaded


@pytest.mark.parametrize(
    "kind", ["safetensors", "pth", "pth in a state_dict", "ckpt of a backbone", "ckpt of a network"]
)
def test_backbones_of_every_kind(backbone, tmp_path, kind):
    """Each gives the network the same backbone; the bias of a convolution goes into the stored mean."""
    expected = torchvision_params()
    if kind == "safetensors":
        path = backbone
    elif kind.startswith("pth"):
        torch = pytest.importorskip("torch")
        state = {name: torch.from_numpy(array) for name, array in expected.items()}
        path = tmp_path / "vgg16_bn.pth"
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}} if "in a" in kind else state, path)
    else:
        network = build_ctpn(tiny_config())
        load_pre_trained(network, str(backbone), True, "rnn2")
        arrays = network_arrays(network)
        path = tmp_path / "c.ckpt"
        save_weights({k: v for k, v in arrays.items() if k.startswith(BACKBONE) or kind == "ckpt of a network"}, path)
    network = build_ctpn(tiny_config())
    before = network_arrays(network)
    assert "backbone: 13 of 13 convolutions" in load_pre_trained(network, str(path), True, "rnn2")
    after = network_arrays(network)
    for index, layer in zip(CONVOLUTIONS, LAYERS, strict=True):
        of, norm = f"{BACKBONE}conv{layer}.", f"features.{index + 1}."
        np.testing.assert_array_equal(after[f"{of}0.weight"], expected[f"features.{index}.weight"])
        np.testing.assert_array_equal(after[f"{of}1.gamma"], expected[f"{norm}weight"])
        np.testing.assert_array_equal(after[f"{of}1.beta"], expected[f"{norm}bias"])
        mean = expected[f"{norm}running_mean"] - expected[f"features.{index}.bias"]
        np.testing.assert_allclose(after[f"{of}1.moving_mean"], mean, atol=1e-6)
        np.testing.assert_array_equal(after[f"{of}1.moving_variance"], expected[f"{norm}running_var"])
    assert all(np.array_equal(before[name], after[name]) for name in before if not name.startswith(BACKBONE))


def test_the_backbone_of_craft_leaves_its_missing_convolution_fresh(tmp_path):
    expected = torchvision_params()
    slices = dict(zip(CONVOLUTIONS, (1,) * 4 + (2,) * 2 + (3,) * 3 + (4,) * 3, strict=False))
    craft = {}
    for name, value in expected.items():
        _, index, part = name.split(".")
        number = slices.get(int(index), slices.get(int(index) - 1))
        if number:
            craft[f"module.basenet.slice{number}.{index}.{part}"] = value
    np.savez(tmp_path / "craft.npz", **craft, **{"module.basenet.slice5.1.weight": np.zeros(2)})
    network = build_ctpn(tiny_config())
    before = network_arrays(network)
    said = load_pre_trained(network, str(tmp_path / "craft.npz"), True, "rnn2")
    assert "12 of 13 convolutions" in said and "conv5_3 and all that follows start from scratch" in said
    after = network_arrays(network)
    np.testing.assert_array_equal(after[f"{BACKBONE}conv5_2.0.weight"], expected["features.37.weight"])
    np.testing.assert_array_equal(after[f"{BACKBONE}conv5_2.1.moving_variance"], expected["features.38.running_var"])
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed and all(name.startswith(BACKBONE) and "conv5_3" not in name for name in changed)


def test_files_that_do_not_fit_say_what_differs(backbone, tmp_path):
    network = build_ctpn(tiny_config())
    arrays = network_arrays(network)
    save_weights({name: array for name, array in arrays.items() if "rpn_cls" not in name}, tmp_path / "headless.ckpt")
    save_weights({**arrays, "more.weight": np.zeros(3, np.float32)}, tmp_path / "more.ckpt")
    (tmp_path / "cut.ckpt").write_bytes((tmp_path / "more.ckpt").read_bytes()[:-50])
    wide = build_ctpn(tiny_config(backbone_width=0.125))
    for target, path, pretraining, words in (
        (network, tmp_path / "none.pth", True, "No such file"),
        (network, tmp_path / "cut.ckpt", False, "cut.ckpt"),
        (network, tmp_path / "headless.ckpt", False, r"missing in the file: rpn_with_loss.*rpn_cls.weight"),
        (network, tmp_path / "more.ckpt", False, "not in the network: more.weight"),
        (network, backbone, False, "not CTPN weights: found"),
        (wide, backbone, True, r"other shape: .*conv2_1.0.weight \(file \(8, 8, 3, 3\), network \(16,"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            load_pre_trained(target, str(path), pretraining, "rnn2")
        assert str(caught.value).startswith("pre_trained: ")
        assert "\n" not in str(caught.value)
    assert all(np.array_equal(array, arrays[name]) for name, array in network_arrays(network).items())


# ---- what is decided and refused before the training starts


@pytest.mark.parametrize(
    ("given", "has_backbone", "expected"),
    [
        ({}, True, ("frozen", "frozen")),
        ({}, False, ("learned", "learned")),
        ({"bn_statistics": "learned"}, True, ("learned", "frozen")),
        ({"first_stages": "frozen"}, False, ("learned", "frozen")),
    ],
)
def test_what_auto_stands_for(given, has_backbone, expected):
    config = settle_auto(tiny_config(**given), has_backbone)
    assert (config.bn_statistics, config.first_stages) == expected
    network, _ = build_training_ctpn(config, config.seed, mixed_precision=False)
    fixed = [parameter.name for parameter in network.get_parameters() if not parameter.requires_grad]
    assert sum(name.endswith(".0.weight") for name in fixed) == (4 if expected[1] == "frozen" else 0)


def test_task_types(data, tmp_path):
    for task_type in ("Finetune", "FineTune"):
        for changes in ({}, {"resume": True}):  # nothing is there to be continued
            config = settings(data, tmp_path, task_type=task_type, **changes)
            with pytest.raises(UserError, match="pre_trained: Finetune needs the checkpoint to start from"):
                train_ctpn(config, 0, 1)
    finetune = settings(data, tmp_path, task_type="Finetune", pretraining_dataset_file="")
    assert training_data(finetune, 0, 1).num_samples == 6
    assert training_data(settings(data, tmp_path, finetune_dataset_file=""), 0, 1).num_samples == 6
    older = {"pretraining_dataset_file": "", "pretrain_dataset_file": str(data.train)}
    assert training_data(settings(data, tmp_path, **older), 0, 1).num_samples == 6
    for name in ("Pretrain", "finetune"):
        with pytest.raises(UserError, match=f"task_type: '{name}' is not one of Pretraining, Finetune"):
            load_config(["--task_type", name])
    assert list(tmp_path.iterdir()) == []


def test_missing_data_is_told_at_once_with_its_key(data, tmp_path):
    (tmp_path / "empty").mkdir()
    for changes, words in (
        ({"pretraining_dataset_file": ""}, "pretraining_dataset_file: is empty; make the data with"),
        ({"pretraining_dataset_file": "no.rec"}, "pretraining_dataset_file: no.rec: no such MindRecord"),
        (
            {"task_type": "Finetune", "pre_trained": "x.ckpt", "finetune_dataset_file": "no"},
            "finetune_dataset_file: no: no such MindRecord",
        ),
        ({"eval_dataset_path": ""}, "eval_dataset_path: is empty"),
        ({"eval_dataset_path": "no.mindrecord"}, "eval_dataset_path: no.mindrecord: no such MindRecord"),
        ({"eval_dataset_path": str(data.images)}, "eval_dataset_path: "),
        ({"eval_image_path": str(tmp_path / "empty")}, "eval_image_path: .*lacks 3 of the 3 images"),
        ({"pre_trained": "no.pth"}, "pre_trained: no.pth: No such file"),
        ({"img_width": 90}, "img_width: 90 is not a multiple of 16"),
        ({"anchor_height": []}, r"anchor_height: \[.*\] is not a list of positive numbers"),
        ({"anchor_height": [0, 5]}, r"anchor_height: \[.*\] is not a list of positive numbers"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            config = settings(data, tmp_path / "out", **changes)
            train_ctpn(config, 0, 1, evaluation_of(config))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()

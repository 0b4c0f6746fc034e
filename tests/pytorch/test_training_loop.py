"""The training loop: it ends by its budget, goes on from a state, averages, and leaves whole files."""

import json
import math
import os
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_words import drawn, write_lmdb

torch = pytest.importorskip("torch")

from pytorch import evaluate, train_crnn
from pytorch.budget import Budget
from pytorch.convert import to_mindspore
from pytorch.crnn import Crnn
from pytorch.crnn_recipe import CrnnRecipe
from pytorch.device import choose_device, uses_bf16
from pytorch.run_folder import BEST, CURVE, FINAL, STATE, RunFolder
from pytorch.start_weights import load_start
from pytorch.training import Trainer
from pytorch.training_run import load_network, open_run
from src.common.errors import UserError
from src.crnn.checkpoint_formats import HEAD_NAMES
from src.weights.formats import read_weights

CPU = torch.device("cpu")


def settings(**changes):
    values = {
        "base_lr": 0.2,
        "warmup": 0.1,
        "weight_decay": 0.1,
        "beta2": 0.98,
        "clip_norm": 1.0,
        "ema": 0.8,
        "log_seconds": 99.0,
        "eval_minutes": 99.0,
        "checkpoint_minutes": 99.0,
    }
    return SimpleNamespace(**{**values, **changes})


class Run:
    """Fits y = 3 x - 1; the data is a function of the batch number, which goes on after a stop."""

    def __init__(self, path, resume=False, bad_from=None, **changes):
        torch.manual_seed(0)
        self.folder = RunFolder(path, resume)
        state = self.folder.load_state() if resume else None
        self.position = state["data"]["position"] if state else 0
        self.bad_from, self.stop_at, self.prepared = bad_from, None, 0
        self.trainer = Trainer(
            torch.nn.Linear(1, 1),
            CPU,
            self.folder,
            settings(**changes),
            bf16=False,
            loss=self.loss,
            next_batch=self.batch,
            evaluate=self.evaluate,
            data_state=lambda: {"position": self.position},
            exported=lambda model: {"": (model.state_dict(), {"kind": "line"})},
        )
        if state:
            self.trainer.load(state)

    def batch(self, fraction):
        self.position += 1
        if self.position == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        if self.position <= self.prepared:
            return None
        x = torch.from_numpy(np.random.default_rng(self.position).standard_normal((8, 1)).astype(np.float32))
        return x, 3 * x - 1

    def loss(self, model, batch):
        loss = ((model(batch[0]) - batch[1]) ** 2).mean()
        return {"loss": loss * math.nan if self.position == self.bad_from else loss}, len(batch[0])

    def evaluate(self, model):
        assert not model.training
        weight = model.weight.item()
        return -abs(weight - 3), {"weight": round(weight, 6)}


def test_a_training_ends_and_leaves_its_files(tmp_path):
    run = Run(tmp_path)
    assert run.trainer.run(Budget(0, 120))
    final = torch.load(tmp_path / FINAL, weights_only=True)
    assert (final["kind"], final["step"], final["samples"]) == ("line", 120, 960)
    assert float(final["model"]["weight"]) == pytest.approx(3, abs=0.3)
    rows = (tmp_path / CURVE).read_text().splitlines()
    assert rows[0] == "seconds,step,samples,lr,loss,score,weight" and len(rows) == 2
    assert read_weights(tmp_path / BEST)["weight"].shape == (1, 1)
    with pytest.raises(UserError, match="holds a training"):
        RunFolder(tmp_path, resume=False)


def test_stopped_and_resumed_is_the_same(tmp_path):
    Run(tmp_path / "straight").trainer.run(Budget(0, 60))
    first = Run(tmp_path / "parts")
    first.stop_at = 23
    assert not first.trainer.run(Budget(0, 60))
    assert first.trainer.step == 23 and not (tmp_path / "parts" / FINAL).exists()
    assert first.trainer.exit_code == 143
    second = Run(tmp_path / "parts", resume=True)
    assert second.trainer.run(Budget(0, 60))
    one, two = (torch.load(tmp_path / name / STATE, weights_only=True) for name in ("straight", "parts"))
    assert one["model"].keys() == two["model"].keys()
    for kind in ("model", "average"):
        for name, value in one[kind].items():
            assert torch.equal(value, two[kind][name]), (kind, name)


def test_a_stop_does_not_wait_for_the_first_batch(tmp_path):
    """As where the features of many samples are made before it."""
    first = Run(tmp_path)
    first.prepared, first.stop_at = 1000, 3
    assert not first.trainer.run(Budget(0, 2))
    assert (first.trainer.step, first.position, first.trainer.exit_code) == (0, 3, 143)
    second = Run(tmp_path, resume=True)
    second.prepared = 5
    assert second.trainer.run(Budget(0, 2))
    assert (second.trainer.step, second.position) == (2, 7)


def test_one_training_at_a_time_in_a_folder(tmp_path, capsys):
    config = CrnnRecipe(output=str(tmp_path / "out"), device="cpu")
    with (
        open_run(config),
        pytest.raises(UserError, match=rf"another training writes there \(process {os.getpid()} on"),
    ):
        open_run(config).__enter__()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "training.lock").write_text('{"host": "there", "process": 7}')
    leftover = tmp_path / "out" / f".{STATE}.{'0' * 32}.tmp"
    leftover.touch()
    os.utime(leftover, (0, 0))
    with open_run(config):
        assert "left by process 7 on there, which has ended; taken over" in capsys.readouterr().out
        assert not leftover.exists()


def stopped(path):
    """A run that SIGTERM has stopped."""
    run = Run(path)
    run.stop_at = 2
    run.trainer.run(Budget(0, 60))
    return run


def test_a_training_without_a_curve_is_one(tmp_path):
    """It was stopped between its first saved state and its first evaluation."""
    stopped(tmp_path)
    before = (tmp_path / STATE).read_bytes()
    with pytest.raises(UserError, match="holds a training"):
        Run(tmp_path)
    assert (tmp_path / STATE).read_bytes() == before


def test_the_next_part_finds_weights_after_a_stop_before_the_first_evaluation(tmp_path, capsys):
    """Averaged ones, as `best.pt` holds them; the first evaluation takes their place, whatever its score."""
    run = stopped(tmp_path)
    assert "best.pt: the weights of this step, because none has been evaluated" in capsys.readouterr().out
    kept = torch.load(tmp_path / BEST, weights_only=True)
    assert torch.equal(kept["model"]["weight"], run.trainer.result.weight) and kept["step"] == 2
    assert Run(tmp_path, resume=True).trainer.run(Budget(0, 60))
    assert torch.load(tmp_path / BEST, weights_only=True)["step"] == 60
    shared = Run(tmp_path / "shared")
    shared.stop_at = 2
    shared.trainer.exported = lambda model: {name: (model.state_dict(), {}) for name in ("a", "b")}
    shared.trainer.run(Budget(0, 60))
    assert "best_a.pt and best_b.pt: the weights of this step" in capsys.readouterr().out


def test_a_stop_leaves_the_best_weights_of_an_evaluation(tmp_path, capsys):
    run = Run(tmp_path, eval_minutes=0.0, log_seconds=0.0)
    run.stop_at = 3
    run.trainer.evaluate = lambda model: (-run.trainer.step, {})
    run.trainer.run(Budget(0, 60))
    assert torch.load(tmp_path / BEST, weights_only=True)["step"] == 1
    assert "none has been evaluated" not in capsys.readouterr().out


def test_a_state_that_cannot_be_used_is_one_error(tmp_path):
    run = stopped(tmp_path)
    whole = (tmp_path / STATE).read_bytes()
    for data in (b"", b"no state", whole[: len(whole) // 2], whole[:-300], b"\x80\x02c__builtin__\neval\n."):
        (tmp_path / STATE).write_bytes(data)
        with pytest.raises(UserError, match=STATE):
            run.folder.load_state()
    torch.save([1, 2], tmp_path / STATE)
    with pytest.raises(UserError, match="is no state of a training"):
        run.folder.load_state()
    (tmp_path / STATE).write_bytes(whole)
    with pytest.raises(UserError, match="does not fit; resume with the same options"):
        load_network(torch.nn.Linear(2, 3), run.folder.load_state(), run.folder)


def test_averaged_weights_are_kept(tmp_path):
    """Against the recursion written out."""
    run = Run(tmp_path, ema=0.9)
    expected, seen = None, []
    step = run.trainer._train_step

    def watched(rate, batch):
        losses = step(rate, batch)
        seen.append(float(run.trainer.model.weight.detach()))
        return losses

    run.trainer._train_step = watched
    run.trainer.run(Budget(0, 12))
    for value in seen:
        expected = value if expected is None else 0.9 * expected + 0.1 * value
    assert float(torch.load(tmp_path / FINAL, weights_only=True)["model"]["weight"]) == pytest.approx(
        expected, rel=1e-5
    )


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    run = Run(tmp_path, bad_from=5, checkpoint_minutes=0.0, log_seconds=0.0)
    with pytest.raises(UserError, match="step 5: the loss is not finite"):
        run.trainer.run(Budget(0, 60))
    assert torch.load(tmp_path / STATE, weights_only=True)["step"] == 4


def test_devices_and_precisions():
    assert choose_device("cpu") == CPU
    with pytest.raises(UserError, match="device: 'nonsense'"):
        choose_device("nonsense")
    assert uses_bf16("bf16", CPU) and not uses_bf16("fp32", CPU)


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    run = Run(tmp_path)
    with torch.no_grad():
        run.trainer.model.weight.fill_(math.inf)
    with pytest.raises(UserError, match="weight is not finite"):
        run.trainer._save()
    assert not (tmp_path / STATE).exists()


def test_the_command_trains_and_its_weights_convert(tmp_path, monkeypatch, capsys):
    write_lmdb(tmp_path / "val", [(drawn(word), word) for word in ("cat", "owl")])
    arguments = {
        "minutes": 0,
        "steps": 3,
        "output": tmp_path / "out",
        "network_width": 0.03,
        "rendered_share": 1.0,
        "train_lmdb": "[]",
        "eval_lmdb": f"[{tmp_path / 'val'}]",
        "batch_size": 4,
        "pool_size": 8,
        "workers": 0,
        "image_width": "[32, 64]",
        "rendered_max_words": 2,
        "alphabet": "[printable_ascii]",
        "log_seconds": 0,
        "device": "cpu",
        "precision": "fp32",
    }
    words = [word for key, value in arguments.items() for word in (f"--{key}", str(value))]
    monkeypatch.setattr(sys, "argv", ["train_crnn.py", *words])
    train_crnn.main()
    assert "step 3 samples" in capsys.readouterr().out
    weights = read_weights(tmp_path / "out" / FINAL)
    assert to_mindspore(weights, "crnn")["rnn.1.embedding.bias"].shape == (96,)
    again = Crnn(96, 0.03)
    assert load_start(again, tmp_path / "out" / FINAL, "crnn") == []
    torch.testing.assert_close(again.state_dict()["cnn.conv0.weight"], torch.from_numpy(weights["cnn.conv0.weight"]))
    other = Crnn(37, 0.03)
    assert load_start(other, tmp_path / "out" / FINAL, "crnn", HEAD_NAMES) == list(HEAD_NAMES)
    with pytest.raises(UserError, match=r"embedding.* the network's is .*; it was made with another alphabet"):
        load_start(other, tmp_path / "out" / FINAL, "crnn")
    with pytest.raises(UserError, match="holds a training"):
        train_crnn.main()

    shared = ["--eval_lmdb", arguments["eval_lmdb"], "--device", "cpu"]
    ours = [*shared, "--alphabet", "[printable_ascii]", "--image_width", "[32, 64]"]
    empty = ["--eval_lmdb", "[]", *(word for word in ours if word not in shared[:2])]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", str(tmp_path / "out" / FINAL), *ours])
    capsys.readouterr()
    evaluate.main()
    metrics = json.loads(capsys.readouterr().out)["val"]
    last = (tmp_path / "out" / CURVE).read_text().splitlines()
    row = dict(zip(last[0].split(","), last[-1].split(","), strict=True))
    assert metrics["samples"] == 2
    assert metrics["character_error_rate"] == pytest.approx(float(row["val character_error_rate"]), abs=1e-4)
    for bad, message in (
        (["evaluate.py", "--device", "cpu"], "evaluate.py WEIGHTS"),
        (["evaluate.py", str(tmp_path / "out" / FINAL), *empty], "eval_lmdb: is empty"),
        (["evaluate.py", str(tmp_path / "out" / FINAL), *shared], r"\[37\] classes, .* has 96"),
        (
            ["evaluate.py", str(tmp_path / "out" / FINAL), *ours, "--network_width", "1"],
            r"network_width: 1 is not the width of .*, which is 0\.031",
        ),
    ):
        monkeypatch.setattr(sys, "argv", bad)
        with pytest.raises(UserError, match=message):
            evaluate.main()


def test_alphabets_share_a_network_and_part_at_its_end(tmp_path, monkeypatch):
    write_lmdb(tmp_path / "val", [(drawn(text), word) for text, word in (("cat", "cat"), ("owl", "Owl!"))])
    arguments = {
        "minutes": 0,
        "steps": 3,
        "output": tmp_path / "out",
        "network_width": 0.03,
        "rendered_share": 0.5,
        "train_lmdb": f"[{tmp_path / 'val'}]",
        "train_weight": "[2]",
        "eval_lmdb": f"[{tmp_path / 'val'}]",
        "batch_size": 4,
        "pool_size": 8,
        "workers": 0,
        "image_width": "[32, 64]",
        "width_share": "[1, 1]",
        "rendered_max_words": 2,
        "alphabet": "[digits_lower, printable_ascii]",
        "flat_start_steps": 2,
        "initialization": "he",
        "log_seconds": 0,
        "device": "cpu",
        "precision": "fp32",
    }
    words = [word for key, value in arguments.items() for word in (f"--{key}", str(value))]
    monkeypatch.setattr(sys, "argv", ["train_crnn.py", *words])
    train_crnn.main()
    files = {name: tmp_path / "out" / f"final_{name}.pt" for name in ("digits_lower", "printable_ascii")}
    weights = {name: to_mindspore(read_weights(file), "crnn") for name, file in files.items()}
    assert [len(each[HEAD_NAMES[1]]) for each in weights.values()] == [37, 96]
    same, other = weights.values()
    assert all(np.array_equal(value, other[name]) for name, value in same.items() if name not in HEAD_NAMES)
    assert torch.load(files["digits_lower"], weights_only=True)["alphabet"] == "0123456789abcdefghijklmnopqrstuvwxyz"
    header = (tmp_path / "out" / CURVE).read_text().splitlines()[0].split(",")
    assert "val plain_accuracy digits_lower" in header and "val character_error_rate printable_ascii" in header
    assert "val character_error_rate digits_lower" not in header  # it cannot write the capital and the mark

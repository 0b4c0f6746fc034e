import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ms = pytest.importorskip("mindspore")
from mindspore import nn, ops
from program_environment import program_environment
from training_stand_in import STEPS, Data, Loss, Net, optimizer_of, run

from src.common.errors import UserError
from src.training.checkpoints import CheckpointFolder
from src.training.loop import train
from src.training.options import TrainOptions
from src.training.run_state import NotFiniteError
from src.weights.weights_file import read_weights

pytestmark = pytest.mark.usefixtures("graph_mode")
SCRIPT = Path(__file__).resolve().parents[1] / "training_stand_in.py"


def ckpt(folder, name="ctpn-4_5.ckpt"):
    return Path(folder) / "ckpt_0" / name


def metrics(folder):
    """The lines of metrics.jsonl without what depends on the clock."""
    lines = [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("images_per_s", "seconds")} for line in lines]


def assert_same_end(one, other):
    """Weights, optimizer, counters, random state and loss log of two finished runs are equal to the bit."""
    assert ckpt(one).read_bytes() == ckpt(other).read_bytes()
    left, right = (CheckpointFolder(Path(folder) / "ckpt_0").load(ckpt(folder)) for folder in (one, other))
    assert left.progress == right.progress
    assert left.optimizer.keys() == right.optimizer.keys()
    for name, array in left.optimizer.items():
        np.testing.assert_array_equal(array, right.optimizer[name], err_msg=name)
    assert metrics(one) == metrics(other)


@pytest.fixture(scope="module")
def straight(tmp_path_factory, graph_mode):
    """Four epochs without a stop."""
    folder = tmp_path_factory.mktemp("straight")
    random.seed(1)
    np.random.seed(1)
    network, result = run(folder, 4)
    return folder, network, result


def seed_differently():
    random.seed(99)
    np.random.seed(99)


def test_it_trains_and_leaves_what_it_says(straight):
    folder, network, result = straight
    losses = [line["loss"] for line in metrics(folder)]
    assert losses[-1] < 0.5 * losses[0]
    assert (result.epoch, result.step, result.global_step, result.exit_code) == (4, STEPS, 4 * STEPS, 0)
    assert result.images_per_second > 0
    assert result.checkpoint == ckpt(folder)
    params = read_weights(result.checkpoint)
    assert set(params) == {name for name, _ in network.parameters_and_names()}
    for name, param in network.parameters_and_names():
        np.testing.assert_array_equal(params[name], param.asnumpy())
    assert [path.name for path in sorted((folder / "ckpt_0").glob("*.ckpt"))] == [
        f"ctpn-{epoch}_{STEPS}.ckpt" for epoch in (1, 2, 3, 4)
    ]


def test_log_lines_are_means_of_their_interval_and_end_epochs(straight):
    lines = metrics(straight[0])
    assert [(line["epoch"], line["step"]) for line in lines[:6]] == [(1, 2), (1, 4), (1, 5), (2, 2), (2, 4), (2, 5)]
    rates = [line["lr"] for line in lines]
    assert rates[-1] == 0
    assert max(rates) == pytest.approx(0.05, rel=0.02)


def test_resume_at_an_epoch_is_bit_exact(straight, tmp_path):
    random.seed(1)
    np.random.seed(1)
    run(tmp_path, 2)
    seed_differently()
    _, result = run(tmp_path, 4, resume=True)
    assert result.global_step == 4 * STEPS
    assert_same_end(straight[0], tmp_path)


def test_resume_in_the_middle_of_an_epoch_is_bit_exact(straight, tmp_path):
    random.seed(1)
    np.random.seed(1)

    def stop(global_step):
        if global_step == STEPS + 3:
            os.kill(os.getpid(), signal.SIGTERM)

    _, result = run(tmp_path, 4, data=Data(hook=stop))
    assert (result.stopped_by, result.exit_code) == ("SIGTERM", 143)
    assert (result.epoch, result.step) == (2, 3)
    assert result.checkpoint == ckpt(tmp_path, "ctpn-2_3.ckpt")
    seed_differently()
    data = Data()
    run(tmp_path, 4, resume=True, data=data)
    assert data.asked[0] == STEPS + 4
    ckpt(tmp_path, "ctpn-2_3.ckpt").unlink()
    assert_same_end(straight[0], tmp_path)


def test_a_stop_at_the_last_step_of_an_epoch_still_gets_its_evaluation(tmp_path):
    calls = []

    def evaluate():
        calls.append(1)
        return {"hmean": 0.5}

    def stop(global_step):
        if global_step == STEPS:
            os.kill(os.getpid(), signal.SIGTERM)

    _, result = run(tmp_path, 2, data=Data(hook=stop), evaluate=evaluate)
    assert (result.epoch, result.step, len(calls)) == (1, STEPS, 0)
    data = Data()
    run(tmp_path, 2, data=data, evaluate=evaluate, resume=True)
    assert data.asked[0] == STEPS + 1
    assert len(calls) == 2


def test_sigterm_to_a_process_and_resume_in_another(straight, tmp_path):
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), str(tmp_path), "4", "8"],
        env=program_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if "ready for step 8" in line:
                break
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM after epoch 2 step 3" in out
    data = Data()
    run(tmp_path, 4, resume=True, data=data)
    assert data.asked[0] == 9
    assert ckpt(tmp_path).read_bytes() == ckpt(straight[0]).read_bytes()


def test_not_finite_stops_before_the_update_and_names_step_and_term(tmp_path):
    class Poisoned(Data):
        def epoch(self, epoch, first_step=0):
            for image, target in super().epoch(epoch, first_step):
                yield image, target * (np.inf if self.asked[-1] == STEPS + 2 else 1)

    network = Net()
    with pytest.raises(NotFiniteError) as caught:
        run(tmp_path, 4, data=Poisoned(), network=network)
    message = str(caught.value)
    assert "epoch 2 step 2 (step 7 of the training)" in message
    assert "loss = inf" in message
    assert "squared = inf" in message
    assert all(np.isfinite(param.asnumpy()).all() for param in network.get_parameters())
    assert [path.name for path in ckpt(tmp_path).parent.glob("*.ckpt")] == ["ctpn-1_5.ckpt"]


def test_what_relu_hides_from_the_loss_is_found_in_the_gradient(tmp_path):
    with pytest.raises(NotFiniteError, match="gradient norm = nan"):
        run(tmp_path / "plain", 4, data=Data(poison=2))
    # A loss scale takes it for an overflow, but the batch-norm statistics are spoilt.
    with pytest.raises(NotFiniteError, match="batch-norm statistics"):
        run(tmp_path / "scaled", 4, data=Data(poison=2), loss_scale="dynamic")


class Overflowing(nn.Cell):
    """Finite loss; with a large scale the float16 gradient is not."""

    term_names = ("loss",)

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, image, target):
        output = self.network(image)
        return (ops.abs(output - target).astype(ms.float16).mean().astype(ms.float32),)


def test_overflow_lowers_the_scale_skips_the_step_and_counts(tmp_path):
    network = Net()
    optimizer = optimizer_of(network)
    options = TrainOptions(epochs=1, output_dir=tmp_path, interactive=False, log_every=1, loss_scale="dynamic")
    result = train(Overflowing(network), optimizer, Data(), options)
    assert result.overflows > 0
    lines = metrics(tmp_path)
    scales = [line["loss_scale"] for line in lines]
    # Half-precision gradients of this loss overflow at 65536 at least.
    assert scales == [2.0**16 / 2 ** min(n, result.overflows) for n in range(1, STEPS + 1)]
    assert lines[-1]["overflows"] == result.overflows
    assert int(optimizer.global_step.asnumpy()[0]) == STEPS - result.overflows
    # A skipped step does not use up the schedule.
    assert lines[0]["lr"] == lines[1]["lr"]


def test_evaluation_mode_best_checkpoint_and_interval(tmp_path):
    network = Net()
    network.norm.set_train(False)
    seen = []

    def evaluate():
        seen.append(network.training)
        return {"precision": 0.5, "acc": [0.2, 0.6, 0.6, 0.1][len(seen) - 1]}

    options = {"evaluate": evaluate, "eval_start_epoch": 1, "metric": "acc", "save_checkpoint_epochs": 3}
    _, result = run(tmp_path, 4, network=network, **options)
    assert seen == [False] * 4
    assert network.training
    assert result.best == 0.6
    best = json.loads(ckpt(tmp_path, "best_acc.json").read_text())
    assert (best["epoch"], best["acc"]) == (3, 0.6)  # the later one of equals, as upstream
    third = read_weights(ckpt(tmp_path, "ctpn-3_5.ckpt"))
    for name, array in read_weights(ckpt(tmp_path, "best_acc.ckpt")).items():
        np.testing.assert_array_equal(array, third[name])
    assert [line["epoch"] for line in metrics(tmp_path) if line["event"] == "eval"] == [1, 2, 3, 4]


def test_a_metric_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"'hmean' is not among .*'precision'"):
        run(tmp_path, 1, evaluate=lambda: {"precision": 1.0})


def test_saving_by_minutes_and_the_configuration(tmp_path):
    config = {"epochs": 1, "heights": (2, 4), "path": Path("x")}
    run(tmp_path, 1, save_checkpoint_minutes=1e-9, config=config)
    names = {path.name for path in ckpt(tmp_path).parent.glob("*.ckpt")}
    assert names == {f"ctpn-1_{step}.ckpt" for step in range(1, STEPS + 1)}
    assert (ckpt(tmp_path).parent / "config.yaml").read_text() == "epochs: 1\nheights:\n- 2\n- 4\npath: x\n"


def test_another_training_is_not_overwritten_nor_resumed_with_other_data(straight):
    folder = straight[0]
    before = ckpt(folder).read_bytes()
    with pytest.raises(UserError, match="holds another training"):
        run(folder, 4)

    class Longer(Data):
        steps_per_epoch = STEPS - 1

    with pytest.raises(UserError, match="5 steps per epoch, the data has 4"):
        run(folder, 4, data=Longer(), resume=True)
    with pytest.raises(UserError, match="another optimizer"):
        run(folder, 4, optimizer="adamw", resume=True)
    assert ckpt(folder).read_bytes() == before


def test_nothing_left_to_do_after_resume(straight):
    _, result = run(straight[0], 4, resume=True)
    assert result.global_step == 4 * STEPS
    assert result.images_per_second is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs: 0"),
        ({"epochs": 9}, "schedule has 20 steps, the training 45"),
        ({"clip_norm": -1.0}, "clip_norm"),
        ({"log_every": 0}, "log_every"),
    ],
)
def test_options_out_of_range_are_named(tmp_path, options, message):
    network = Net()
    with pytest.raises(ValueError, match=message):
        asked = TrainOptions(**{"epochs": 1, "output_dir": tmp_path, **options})
        train(Loss(network), optimizer_of(network), Data(), asked)


def test_data_that_ends_early_is_named(tmp_path):
    class Short(Data):
        def epoch(self, epoch, first_step=0):
            yield from list(super().epoch(epoch, first_step))[:3]

    with pytest.raises(UserError, match="epoch 1 ended after 3 of 5 steps"):
        run(tmp_path, 1, data=Short())

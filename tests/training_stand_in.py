"""A small network, loss and data set that train in seconds; also a script that other processes run.

python training_stand_in.py OUTPUT EPOCHS STEP
python training_stand_in.py OUTPUT ranks
"""

import os
import sys
from pathlib import Path

import numpy as np

os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
from mindspore import nn, ops
from mindspore.communication import get_group_size, get_rank, init

from src.model_utils.console_log import log_to_console
from src.training.loop import train
from src.training.lr_schedule import warmup_cosine
from src.training.optimizers import make_optimizer
from src.training.options import TrainOptions
from src.training.run_state import NotFiniteError

STEPS = 5
TOTAL_EPOCHS = 4
BATCH = 4


class Net(nn.Cell):
    """Convolution, batch norm with learning statistics, mean, dense: (B, 3, H, W) -> (B, 4)."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.dense = nn.Dense(8, 4, bias_init="zeros")
        # Own numbers, so that every fresh network starts alike whatever was drawn before.
        for index, (_, param) in enumerate(self.parameters_and_names()):
            if param.ndim > 1:
                array = np.random.default_rng(index).standard_normal(param.shape).astype(np.float32) * 0.2
                param.set_data(ms.Tensor(array))

    def construct(self, image):
        return self.dense(ops.relu(self.norm(self.conv(image))).mean((2, 3)))


class Loss(nn.Cell):
    """Squared and absolute error."""

    term_names = ("loss", "squared", "absolute")

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, image, target):
        error = self.network(image) - target
        squared = ops.square(error).mean()
        absolute = ops.abs(error).mean()
        return squared + absolute, squared, absolute


class Data:
    """Batches from (epoch, step); `poison` is a global step (from 1) whose image is NaN."""

    batch_size = BATCH
    steps_per_epoch = STEPS

    def __init__(self, poison=None, hook=None):
        self.poison, self.hook = poison, hook
        self.asked = []

    def epoch(self, epoch, first_step=0):
        for step in range(first_step, STEPS):
            global_step = (epoch - 1) * STEPS + step + 1
            if self.hook is not None:
                self.hook(global_step)
            self.asked.append(global_step)
            image = np.random.default_rng([epoch, step]).random((BATCH, 3, 8, 8), np.float32)
            target = image.mean((2, 3))[:, [0, 1, 2, 0]] * 3
            if global_step == self.poison:
                image = np.full_like(image, np.nan)
            yield image, target


def optimizer_of(network, name="momentum", base_lr=0.05, weight_decay=1e-3):
    rates = warmup_cosine(base_lr, TOTAL_EPOCHS * STEPS, warmup_steps=3)
    return make_optimizer(name, network.trainable_params(), rates, weight_decay=weight_decay)


def run(output, epochs, *, optimizer="momentum", data=None, network=None, evaluate=None, **options):
    """Train a fresh stand-in; returns (network, result)."""
    network = network or Net()
    options = {"log_every": 2, "interactive": False, "keep_checkpoint_max": 0, **options}
    result = train(
        Loss(network),
        optimizer_of(network, optimizer),
        data or Data(),
        TrainOptions(epochs=epochs, output_dir=output, clip_norm=1.0, **options),
        evaluate=evaluate,
    )
    return network, result


def one_process(output, epochs, wait):
    """Train; before step number `wait` wait for a line on standard input."""

    def hook(global_step):
        print(f"ready for step {global_step}", flush=True)
        if global_step == int(wait):
            input()

    _, result = run(output, int(epochs), data=Data(hook=hook))
    sys.exit(result.exit_code)


def one_rank(output):
    """One of several processes with the same data: a training with a bad batch on the last rank alone, then
    one in which the last rank alone gets SIGTERM at step 7."""
    init()
    rank_id, rank_size = get_rank(), get_group_size()
    ms.set_auto_parallel_context(parallel_mode="data_parallel", gradients_mean=True, device_num=rank_size)
    last = rank_id == rank_size - 1
    ranks = {"rank_id": rank_id, "rank_size": rank_size}
    try:
        run(Path(output) / "poisoned", 1, data=Data(poison=3 if last else None), **ranks)
    except NotFiniteError as error:
        print(error, flush=True)

    def hook(global_step):
        if last and global_step == 7:
            os.kill(os.getpid(), 15)

    network, result = run(Path(output) / "stopped", 2, data=Data(hook=hook), **ranks)
    total = sum(float(np.abs(p.asnumpy()).sum()) for p in network.trainable_params())
    print(f"weights {total:.9g} stopped by {result.stopped_by}, step {result.global_step}", flush=True)


if __name__ == "__main__":
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device("CPU")
    log_to_console()
    if sys.argv[2] == "ranks":
        one_rank(sys.argv[1])
    else:
        one_process(*sys.argv[1:])

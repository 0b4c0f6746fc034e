"""CTPN forward pass and training step in MindSpore beside the same network in PyTorch, both float32.

    python benchmarks/bench_ctpn.py [--height 576] [--width 960] [--batch 1] [--channels 1.0] [--repeats 5]
                                    [--only forward|train] [--bn_statistics learned|frozen] [--threads N]

Both sides have the same topology, batch and loss (its shapes and cost, not its sampling) and are timed in
turns, so that a change in the machine's speed falls on both. Printed: the median of each, the spread, and the
ratio MindSpore / PyTorch. Without PyTorch only our side is printed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from src.model_utils.command import run_command

LEARNING_RATE, MOMENTUM = 1e-4, 0.9
ANCHORS = 14


def sample(arguments: argparse.Namespace) -> tuple[np.ndarray, ...]:
    """A batch of noise with 512 sampled anchors per image."""
    rng = np.random.default_rng(0)
    batch, height, width = arguments.batch, arguments.height, arguments.width
    count = (height // 16) * (width // 16) * ANCHORS
    image = rng.standard_normal((batch, 3, height, width), dtype=np.float32)
    labels = np.full((batch, count), -1, np.int32)
    for row in labels:
        chosen = rng.choice(count, min(512, count), replace=False)
        row[chosen] = rng.integers(0, 2, len(chosen))
    targets = rng.standard_normal((batch, count, 4), dtype=np.float32)
    weights = np.repeat((labels == 1)[..., None], 4, axis=2).astype(np.float32)
    return image, labels, targets, weights


def mindspore_steps(arguments: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """What to time on our side, by name; each call computes to the end."""
    import mindspore as ms  # noqa: PLC0415 - the CPU kernel setting has to come first

    from src.ctpn.ctpn import Ctpn  # noqa: PLC0415
    from src.ctpn.loss import CtpnLoss  # noqa: PLC0415

    ms.set_context(mode=ms.GRAPH_MODE)
    network = Ctpn(width_mult=arguments.channels, num_anchors=ANCHORS, bn_statistics=arguments.bn_statistics)

    class Total(ms.nn.Cell):
        def __init__(self):
            super().__init__(auto_prefix=False)
            self.loss = CtpnLoss(network)

        def construct(self, image, labels, targets, weights):
            return self.loss(image, labels, targets, weights)[0]

    batch = [ms.Tensor(array) for array in sample(arguments)]
    steps = {}
    if arguments.only != "train":
        # A copy with its own mode: switching one network between training and evaluation would recompile it.
        evaluated = Ctpn(width_mult=arguments.channels, num_anchors=ANCHORS).set_train(False)

        def forward():
            return evaluated(batch[0])[0].asnumpy()

        steps["forward"] = forward
    if arguments.only != "forward":
        optimizer = ms.nn.Momentum(network.trainable_params(), LEARNING_RATE, MOMENTUM)
        step = ms.nn.TrainOneStepCell(Total(), optimizer).set_train()
        steps["train"] = lambda: step(*batch).asnumpy()
    return steps


def torch_steps(arguments: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """The same in PyTorch, or nothing where it is not installed."""
    try:
        import torch  # noqa: PLC0415

        from pytorch.ctpn import Ctpn  # noqa: PLC0415
        from pytorch.ctpn_loss import ctpn_loss  # noqa: PLC0415
    except ImportError:
        return {}
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    image, labels, targets, weights = (torch.from_numpy(array) for array in sample(arguments))
    steps = {}
    if arguments.only != "train":
        evaluated = Ctpn(arguments.channels, ANCHORS).eval()

        def forward():
            with torch.inference_mode():
                return evaluated(image)[0].sum().item()

        steps["forward"] = forward
    if arguments.only != "forward":
        network = Ctpn(arguments.channels, ANCHORS, arguments.bn_statistics).train()
        optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, MOMENTUM)

        def train():
            optimizer.zero_grad()
            loss = ctpn_loss(*network(image), labels, targets, weights)[0]
            loss.backward()
            optimizer.step()
            return loss.item()

        steps["train"] = train
    return steps


def interleaved(steps: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of every step, each warmed up once and then timed in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for name, step in steps.items():
        start = time.perf_counter()
        step()
        print(f"  {name}: first call {time.perf_counter() - start:.1f} s", flush=True)
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--height", type=int, default=576)
    parser.add_argument("--width", type=int, default=960)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--channels", type=float, default=1.0, help="factor on the number of channels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=("forward", "train"))
    parser.add_argument("--bn_statistics", choices=("learned", "frozen"), default="learned")
    parser.add_argument("--threads", type=int, help="threads of PyTorch; its own choice by default")
    arguments = parser.parse_args()

    ours, theirs = mindspore_steps(arguments), torch_steps(arguments)
    print(
        f"CTPN {arguments.height}x{arguments.width}, batch {arguments.batch}, "
        f"channels x{arguments.channels}, batch norm {arguments.bn_statistics}, float32"
    )
    for name in ours:
        steps = {f"MindSpore {name}": ours[name]}
        if name in theirs:
            steps[f"PyTorch {name}"] = theirs[name]
        seconds = interleaved(steps, arguments.repeats)
        medians = {label: statistics.median(values) for label, values in seconds.items()}
        for label, values in seconds.items():
            print(f"  {label}: median {medians[label]:.3f} s, {min(values):.3f} to {max(values):.3f} s")
        if len(medians) == 2:
            mindspore, pytorch = medians.values()
            print(f"  ratio MindSpore / PyTorch, {name}: {mindspore / pytorch:.2f}")


if __name__ == "__main__":
    run_command(main)

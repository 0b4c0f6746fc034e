"""CRNN train step and inference in MindSpore beside the same network in PyTorch, fp32, same machine.

    python benchmarks/bench_crnn.py [--batch 64] [--width 100] [--classes 37] [--repeats 7] [--threads N]

Both do the same work on the same data, taking turns, so that a busy machine slows both. Printed are the
medians and the median of the ratios of neighboring runs (MindSpore / PyTorch: below 1, MindSpore is faster), by the
wall clock and by the processor time of all threads, which is steadier on a machine that others use, too.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import mindspore as ms
import numpy as np
import torch
from mindspore import nn

from pytorch.convert import to_mindspore
from pytorch.crnn import Crnn as TorchCrnn
from pytorch.crnn_loss import ctc_loss
from pytorch.weight_init import init_crnn
from src.crnn.crnn import Crnn
from src.crnn.ctc_loss import CrnnLoss
from src.data.loading.prefetch import usable_cores
from src.model_utils.command import run_command
from src.training.train_step import TrainStep
from src.weights.weights_file import load_weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--classes", type=int, default=37)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=usable_cores())
    args = parser.parse_args()
    ms.set_device("CPU")
    ms.set_context(mode=ms.GRAPH_MODE)
    torch.set_num_threads(args.threads)

    batch = make_batch(args.batch, args.width, args.classes)
    torch_model = TorchCrnn(args.classes)
    init_crnn(torch_model, seed=0)
    weights = to_mindspore(torch_model.state_dict(), "crnn")
    # both MindSpore networks take their weights before PyTorch trains on
    ours = mindspore_inference(weights, batch), mindspore_training(weights, batch)
    compare("inference", ours[0], torch_inference(torch_model, batch), args.repeats)
    compare("train step", ours[1], torch_training(torch_model, batch), args.repeats)


def make_batch(size: int, width: int, classes: int):
    """Random images (B, 1, 32, W) and labels of 3 to 12 characters."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal((size, 1, 32, width)).astype(np.float32)
    labels = rng.integers(1, classes, (size, 12)).astype(np.int32)
    return image, labels, rng.integers(3, 13, size).astype(np.int32)


def mindspore_network(weights) -> Crnn:
    network = Crnn(len(weights["rnn.1.embedding.bias"]))
    load_weights(network, weights)
    return network


def mindspore_inference(weights, batch):
    network = mindspore_network(weights).set_train(False)
    image = ms.Tensor(batch[0])
    return lambda: float(network(image).asnumpy()[0, 0, 0])


def torch_inference(model, batch):
    image = torch.from_numpy(batch[0])

    def run():
        model.eval()
        with torch.inference_mode():
            return float(model(image)[0, 0, 0])

    return run


def mindspore_training(weights, batch):
    network = mindspore_network(weights)
    optimizer = nn.Adadelta(network.trainable_params(), 1.0)
    step = TrainStep(CrnnLoss(network), optimizer).set_train()
    tensors = [ms.Tensor(array) for array in batch]
    control = ms.Tensor(np.array([1, 0], np.float32))
    return lambda: float(step(control, *tensors).asnumpy()[0])


def torch_training(model, batch):
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0, rho=0.9, eps=1e-6)
    image, labels, lengths = (torch.from_numpy(array) for array in batch)

    def run():
        model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = ctc_loss(model(image), labels, lengths)
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def compare(title: str, ours, theirs, repeats: int) -> None:
    """Run both in turns and print times, ratios and the values that show they did the same work."""
    values = ours(), theirs()  # also compiles
    wall = np.zeros((2, repeats))
    processor = np.zeros((2, repeats))
    for repeat in range(repeats):
        order = (0, 1) if repeat % 2 else (1, 0)
        for which in order:
            start, start_processor = time.perf_counter(), time.process_time()
            (ours, theirs)[which]()
            wall[which, repeat] = time.perf_counter() - start
            processor[which, repeat] = time.process_time() - start_processor
    for clock, seconds in (("wall", wall), ("processor", processor)):
        milliseconds = 1e3 * np.median(seconds, axis=1)
        print(
            f"{title:10}  {clock:9}  MindSpore {milliseconds[0]:8.1f} ms   PyTorch {milliseconds[1]:8.1f} ms   "
            f"ratio {np.median(seconds[0] / seconds[1]):.2f}",
            flush=True,
        )
    print(f"{title:10}  first values {values[0]:.5f} {values[1]:.5f}", flush=True)


if __name__ == "__main__":
    run_command(main)

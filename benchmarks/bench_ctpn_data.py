"""How fast CTPN's training samples are made: target assignment alone, and whole batches.

    python benchmarks/bench_ctpn_data.py [--mindrecord FILE] [--size 960x576] [--batch_size 2] [--steps 50]

Without --mindrecord only the parts are timed, on a random image. `cpu` is processor time of the whole process a
sample; `samples/s` is what a consumer sees that does nothing else.
"""

import argparse
import statistics
import sys
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import cv2
import numpy as np

from src.ctpn.anchor_generator import make_anchors
from src.ctpn.bbox_assign_sample import assign_targets
from src.data.detection.augment import augment
from src.data.detection.options import AugmentOptions
from src.data.detection.preprocess import preprocess
from src.data.images.decode import decode_image
from src.model_utils.command import run_command

AUGMENTED = AugmentOptions(
    expand_ratio=0.5, crop_ratio=0.5, photo_ratio=0.5, colour_ratio=0.5, blur_ratio=0.3, noise_ratio=0.3
)


def median_ms(function, repeats: int = 30) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def time_parts(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    cv2.setNumThreads(1)
    smooth = cv2.resize(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8), (1280, 960))
    jpeg = cv2.imencode(".jpg", smooth)[1].tobytes()
    anchors = make_anchors((shape[0] // 16, shape[1] // 16))
    left = rng.integers(0, shape[1] // 16, 256) * 16
    top = rng.uniform(0, shape[0] - 60, 256)
    slices = np.stack([left, top, left + 15, top + rng.uniform(8, 59, 256)], axis=1)
    no_slices, no_boxes, no_flags = slices[:0], np.zeros((0, 4)), np.zeros(0, bool)
    parts = {
        "decode a 1280x960 JPEG": lambda: decode_image(jpeg),
        "preprocess": lambda: preprocess(smooth, shape),
        "augment": lambda: augment(smooth, no_boxes, no_flags, rng, AUGMENTED, image_size=shape),
        "assign 256 slices": lambda: assign_targets(anchors, slices, no_slices, shape, rng=rng),
    }
    for name, function in parts.items():
        print(f"{name:24s} {median_ms(function):6.1f} ms")


def time_batches(file: str, shape: tuple[int, int], batch_size: int, steps: int) -> None:
    from src.data.detection.dataset import CtpnTrainData  # noqa: PLC0415 - MindSpore is needed only here
    from src.training.ctpn_samples import SampleMaker  # noqa: PLC0415

    for name, options in (("plain", None), ("augmented", AUGMENTED)):
        for workers in (1, 2):
            make_sample = SampleMaker(shape, options=options)
            data = CtpnTrainData(file, make_sample, batch_size=batch_size, num_workers=workers)
            start, cpu = time.perf_counter(), time.process_time()
            count = sum(len(batch[0]) for batch in islice(data.epoch(0), steps))
            rate = count / (time.perf_counter() - start)
            cpu_ms = 1000 * (time.process_time() - cpu) / count
            print(f"{name:10s} {workers} worker(s): {rate:6.1f} samples/s, cpu {cpu_ms:5.1f} ms per sample")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mindrecord")
    parser.add_argument("--size", default="960x576", help="width x height of the network's input")
    parser.add_argument("--batch_size", type=int, default=2)
    parser.add_argument("--steps", type=int, default=50)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    time_parts((height, width))
    if arguments.mindrecord:
        time_batches(arguments.mindrecord, (height, width), arguments.batch_size, arguments.steps)


if __name__ == "__main__":
    run_command(main)

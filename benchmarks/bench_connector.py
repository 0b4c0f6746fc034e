"""Time of the text connector on one image, beside the plain loops: `python benchmarks/bench_connector.py`.

Proposals look like a trained CTPN's: columns of 16 pixels on a 960 x 576 image, several overlapping
proposals at every piece of text, scores above the threshold (the costly case: nothing is filtered away).
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from benchmarks.connector_plain import plain_lines
from src.model_utils.command import run_command
from src.text_connector.detector import detect_text_lines
from src.text_connector.options import ConnectorParams

SIZE = (576, 960)


def proposals(count: int, seed: int, image_size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """(count, 4) float32 boxes and (count,) float32 scores of text lines of many heights, with noise."""
    rng = np.random.default_rng(seed)
    height, width = image_size
    column = rng.integers(0, width // 16, count)
    lines = np.sort(rng.uniform(0, height - 60, 14))
    tall = rng.uniform(12, 50, len(lines))
    line = rng.integers(0, len(lines), count)
    y1 = lines[line] + rng.normal(0, 2, count)
    y2 = y1 + tall[line] * rng.uniform(0.8, 1.2, count)
    x1 = column * 16.0
    boxes = np.stack([x1, y1, x1 + 16, y2], axis=1).astype(np.float32)
    return boxes, rng.uniform(0.75, 1.0, count).astype(np.float32)


def scattered(count: int, seed: int, image_size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Proposals all over the image: little is suppressed, which makes linking costliest."""
    rng = np.random.default_rng(seed)
    height, width = image_size
    x1 = rng.integers(0, width // 16, count) * 16.0
    y1 = rng.uniform(0, height - 20, count)
    boxes = np.stack([x1, y1, x1 + 16, y1 + rng.uniform(6, 20, count)], axis=1).astype(np.float32)
    return boxes, rng.uniform(0.75, 1.0, count).astype(np.float32)


def measure(call, repeats: int) -> list[float]:
    """Milliseconds of processor time of each call: one core is used, and other programs do not count."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append((time.process_time() - start) * 1000)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="proposals per image")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--plain_repeats", type=int, default=3)
    arguments = parser.parse_args()
    params = ConnectorParams(line_min_score=0.5)
    for name, make in (("text lines", proposals), ("scattered", scattered)):
        boxes, scores = make(arguments.count, seed=1)
        lines = detect_text_lines(boxes, scores, SIZE, params)
        plain_boxes, plain_scores = plain_lines(boxes, scores, SIZE, params)
        same = np.array_equal(lines.boxes, plain_boxes.astype(np.float32)) and np.array_equal(
            lines.scores, plain_scores.astype(np.float32)
        )
        fast = measure(lambda b=boxes, s=scores: detect_text_lines(b, s, SIZE, params), arguments.repeats)
        slow = measure(lambda b=boxes, s=scores: plain_lines(b, s, SIZE, params), arguments.plain_repeats)
        print(
            f"{name}: {arguments.count} proposals, {len(lines)} lines, equal to plain loops: {same}; "
            f"median {np.median(fast):.2f} ms of one core, 95th percentile {np.percentile(fast, 95):.2f} ms, "
            f"plain loops {np.median(slow):.0f} ms, {np.median(slow) / np.median(fast):.0f} times faster"
        )


if __name__ == "__main__":
    run_command(main)

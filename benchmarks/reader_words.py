"""Where and what the reader reads, word by word, in labeled images.

    python benchmarks/reader_words.py IMAGES LABELS [--only FILE] [--images N] [--key value ...]

LABELS is what `folder` accepts in the detection data. Three scores, each with the 95 % interval that other images of
the same kind would give: DetEval of the reader's lines, IoU 0.5 of its words, which it cuts out of its lines, and
"end to end": words whose IoU is above 0.5 and whose text is right but for case and punctuation. Words marked as
illegible neither count nor are counted against the reader. FILE names the images to take, one per line. --key value
are options of `ReaderOptions`.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

start_command()

from benchmarks.reader_accuracy import plain
from benchmarks.reader_inputs import labeled_images, reader_options
from pytorch.threshold_choice import bootstrap_interval, set_metrics
from src.common.boxes import box_corners
from src.metrics.detection_result import GroundTruth, ImageResult
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.submission import to_pixels
from src.model_utils.command import run_command
from src.reader import ReadResult, TextReader

PROTOCOLS = ("DetEval, lines", "IoU 0.5, words", "end to end, words")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images_folder", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--only", type=Path)
    parser.add_argument("--images", type=int, default=0, help="so many, taken evenly; 0 takes all")
    arguments, more = parser.parse_known_args()
    images = labeled_images(arguments.images_folder, arguments.labels, arguments.only)
    if arguments.images:
        images = images[:: max(1, len(images) // arguments.images)][: arguments.images]
    reader = TextReader(**reader_options(more))
    start = time.perf_counter()
    results = list(reader.read_many(image.path for image in images))
    seconds = (time.perf_counter() - start) / len(images)
    print(f"{len(images)} images, {seconds:.2f} s per image with {reader.engine}")
    scores: dict[str, dict[str, ImageResult]] = {protocol: {} for protocol in PROTOCOLS}
    for image, result in zip(images, results, strict=True):
        found = score_image(image, result if isinstance(result, ReadResult) else None)
        for protocol, score in zip(PROTOCOLS, found, strict=True):
            scores[protocol][image.name] = score
    for protocol, of_images in scores.items():
        metrics = set_metrics(list(of_images.values()))
        low, high = bootstrap_interval({"": of_images})
        shown = ", ".join(f"{key} {value:.4f}" for key, value in metrics.items())
        print(f"{protocol}: {shown} (95 % interval of hmean {low:.3f} to {high:.3f})")


def score_image(image, result: ReadResult | None) -> tuple[ImageResult, ImageResult, ImageResult]:
    """The scores of `PROTOCOLS`, in their order; an image that could not be read has no words."""
    lines = result.lines if result else []
    words = [word for line in lines for word in line.words]
    corners = box_corners(image.boxes) if image.quads is None else image.quads
    truth = GroundTruth(image.boxes, image.ignored, corners.reshape(-1, 4, 2), image.texts)
    boxes = to_pixels(np.array([line.box for line in lines], np.float32).reshape(-1, 4))
    polygons = np.array([word.polygon for word in words], np.float64).reshape(-1, 4, 2)
    found = iou_hmean({"": truth}, {"": polygons}).per_image[""]
    right = sum(plain(image.texts[truths[0]]) == plain(words[mine[0]].text) for truths, mine in found.matches)
    upright = deteval({"": GroundTruth(image.boxes, image.ignored)}, {"": boxes}).per_image[""]
    return upright, found, replace(found, recall_credit=float(right), precision_credit=float(right))


if __name__ == "__main__":
    run_command(main)

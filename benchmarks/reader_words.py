"""Where and what the reader reads, word by word, in labeled images.

    python benchmarks/reader_words.py IMAGES LABELS [--only FILE] [--images N] [--rapidocr_python PYTHON]
                                      [--key value ...]

LABELS is what `folder` accepts in the detection data. Three scores, each with the 95 % interval that other images of
the same kind would give: DetEval of the reader's lines, IoU 0.5 of its words, which it cuts out of its lines, and
"end to end": words whose IoU is above 0.5 and whose text is right but for case and punctuation. Words marked as
illegible neither count nor are counted against the reader. FILE names the images to take, one per line. --key value
are options of `ReaderOptions`. --rapidocr_python names the interpreter of an environment with RapidOCR, whose lines
and words are scored too.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from benchmarks.contestant import Contestant
from benchmarks.reader_accuracy import plain
from benchmarks.reader_inputs import chosen_images, image_parser, reader_options, threads_of
from pytorch.threshold_choice import bootstrap_interval, set_metrics
from src.common.boxes import box_corners
from src.metrics.detection_result import GroundTruth, ImageResult
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.submission import to_pixels
from src.model_utils.command import run_command
from src.reader import ReadResult, TextReader

ROOT = Path(__file__).resolve().parents[1]
PROTOCOLS = ("DetEval, lines", "IoU 0.5, words", "end to end, words")


class Found(NamedTuple):
    """Boxes of lines, and words as (text, four corners)."""

    line_boxes: Sequence[Sequence[float]]
    words: Sequence[tuple[str, Sequence]]


def main() -> None:
    parser = image_parser(__doc__)
    arguments, more = parser.parse_known_args()
    images = chosen_images(arguments)
    options = reader_options(more)
    reader = TextReader(**options)
    start = time.perf_counter()
    results = list(reader.read_many(image.path for image in images))
    seconds = (time.perf_counter() - start) / len(images)
    print(f"{len(images)} images, {seconds:.2f} s per image with {reader.engine}")
    print_scores(images, [found_by(result) for result in results])
    if arguments.rapidocr_python:
        with Contestant("rapidocr", arguments.rapidocr_python, ROOT, threads_of(options)) as contestant:
            answers = [contestant.read(str(image.path)) for image in images]
        print(f"rapidocr, {sum(answer['seconds'] for answer in answers) / len(images):.2f} s per image")
        print_scores(images, [Found(answer["boxes"], answer["words"]) for answer in answers])


def found_by(result: object) -> Found:
    """What the reader found; an image that could not be read has no words."""
    lines = result.lines if isinstance(result, ReadResult) else ()
    return Found([line.box for line in lines], [(word.text, word.polygon) for line in lines for word in line.words])


def print_scores(images: list, found: list[Found]) -> None:
    scores: dict[str, dict[str, ImageResult]] = {protocol: {} for protocol in PROTOCOLS}
    for image, one in zip(images, found, strict=True):
        for protocol, score in zip(PROTOCOLS, score_image(image, one), strict=True):
            scores[protocol][image.name] = score
    for protocol, of_images in scores.items():
        metrics = set_metrics(list(of_images.values()))
        low, high = bootstrap_interval({"": of_images})
        shown = ", ".join(f"{key} {value:.4f}" for key, value in metrics.items())
        print(f"  {protocol}: {shown} (95 % interval of hmean {low:.3f} to {high:.3f})", flush=True)


def score_image(image, found: Found) -> tuple[ImageResult, ImageResult, ImageResult]:
    """The scores of `PROTOCOLS`, in their order."""
    corners = box_corners(image.boxes) if image.quads is None else image.quads
    truth = GroundTruth(image.boxes, image.ignored, corners.reshape(-1, 4, 2), image.texts)
    boxes = to_pixels(np.array(found.line_boxes, np.float32).reshape(-1, 4))
    polygons = np.array([polygon for _, polygon in found.words], np.float64).reshape(-1, 4, 2)
    matched = iou_hmean({"": truth}, {"": polygons}).per_image[""]
    right = sum(plain(image.texts[truths[0]]) == plain(found.words[mine[0]][0]) for truths, mine in matched.matches)
    upright = deteval({"": GroundTruth(image.boxes, image.ignored)}, {"": boxes}).per_image[""]
    return upright, matched, replace(matched, recall_credit=float(right), precision_credit=float(right))


if __name__ == "__main__":
    run_command(main)

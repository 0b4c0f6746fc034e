"""How much of the text in labeled images the reader reads: `--recognizer line` and `word` on the same lines.

    python benchmarks/reader_accuracy.py IMAGES LABELS [--only FILE] [--images N] [--recognizers line,word]
                                          [--baseline CHECKOUT] [--rapidocr_python PYTHON] [--key value ...]

LABELS is what `folder` accepts in the detection data: a folder of text files, an SVT XML or a COCO JSON. Words are
compared as a bag an image: a word counts as read when the image's text has it, as often as it is there. "exact"
asks for every character, "letters and digits" leaves case and punctuation aside. Words marked as illegible neither
count nor are counted against the reader. Boxes of lines and of words are scored against the labels by DetEval and by
intersection over union; of the words that were read right the mean of the latter is printed. FILE names the images to
take, one per line. --key value are options of `ReaderOptions`. A checkout of another version, and RapidOCR in the
environment of PYTHON, read the same images with their own options; see make_peers.sh.
"""

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import numpy as np

from benchmarks.contestant import Contestant
from benchmarks.reader_inputs import chosen_images, image_parser, reader_options, threads_of
from src.metrics.detection_result import GroundTruth
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.submission import to_pixels
from src.model_utils.command import run_command
from src.reader import ReadResult, TextReader

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = image_parser(__doc__)
    parser.add_argument("--recognizers", default="line,word")
    parser.add_argument("--baseline", type=Path)
    arguments, more = parser.parse_known_args()
    options = reader_options(more)
    images = chosen_images(arguments)
    print(f"{len(images)} images, {sum(len(image.texts) for image in images)} words")
    for recognizer in arguments.recognizers.split(","):
        reader = TextReader(recognizer=recognizer, **options)
        start, worked = time.perf_counter(), time.process_time()
        results = list(reader.read_many(image.path for image in images))
        seconds, processor = time.perf_counter() - start, time.process_time() - worked
        print(f"--recognizer {recognizer} with {reader.engine}, {per_image(seconds, processor, len(images))}")
        print_words(images, [result.text if isinstance(result, ReadResult) else "" for result in results])
        print_boxes(images, results)
    for name, python, root in (
        ("baseline", sys.executable, arguments.baseline),
        ("rapidocr", arguments.rapidocr_python, arguments.rapidocr_python and ROOT),
    ):
        if root:
            with Contestant(name, python, root, threads_of(options)) as contestant:
                answers = [contestant.read(str(image.path)) for image in images]
            seconds, processor = (sum(answer[key] for answer in answers) for key in ("seconds", "processor"))
            print(f"{name}, {per_image(seconds, processor, len(images))}", flush=True)
            print_words(images, ["\n".join(answer["texts"]) for answer in answers])


def per_image(seconds: float, processor: float, count: int) -> str:
    """Of an idle machine the wall time counts, of a busy one the time of the processor."""
    return f"{seconds / count:.2f} s per image ({processor / count:.2f} s of the processor)"


def print_words(images: list, texts: list[str]) -> None:
    """How many of the labeled words stand in the text of each image."""
    for title, seen in (("exact", str), ("letters and digits", plain)):
        read, there, right = tally(images, texts, seen)
        precision, recall = right / max(read, 1), right / max(there, 1)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        print(f"  {title:20s} {right} of {there} words, recall {recall:.3f}, precision {precision:.3f}, f1 {f1:.3f}")


def print_boxes(images: list, results: list) -> None:
    """How lines and words lie on the labeled boxes."""
    truth = {image.name: GroundTruth(image.boxes, np.array(image.ignored, bool)) for image in images}
    kinds = {"lines": {}, "words": {}}
    overlaps = []
    for image, result in zip(images, results, strict=True):
        read = isinstance(result, ReadResult)
        for kind, boxes in kinds.items():
            found = getattr(result, kind) if read else ()
            boxes[image.name] = to_pixels(np.array([item.box for item in found], np.float32).reshape(-1, 4))
        if read:
            overlaps += word_overlaps(image, result.words)
    for kind, boxes in kinds.items():
        for title, metrics in (("DetEval", deteval(truth, boxes)), ("IoU 0.5", iou_hmean(truth, boxes))):
            values = ", ".join(f"{key} {value:.3f}" for key, value in metrics.metrics().items())
            print(f"  {title} of {kind}: {values}")
    if overlaps:
        print(f"  IoU of {len(overlaps)} words that were read right: mean {np.mean(overlaps):.3f}")


def word_overlaps(image, words) -> list[float]:
    """Intersection over union of each word that was read right with the labeled one it lies on most."""
    overlaps = []
    for word in words:
        same = [
            box for box, text in zip(image.boxes, image.texts, strict=True) if plain(text) == plain(word.text) != ""
        ]
        if same:
            overlaps.append(max(overlap(np.array(word.box), np.array(box, float)) for box in same))
    return [value for value in overlaps if value > 0]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    shared = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def tally(images: list, texts: list[str], seen) -> tuple[int, int, int]:
    """Words that were read, that are there, and that are both, over all images; `seen` is how a word counts."""
    read = there = right = 0
    for image, whole in zip(images, texts, strict=True):
        words = Counter(filter(None, map(seen, whole.split())))
        legible = zip(image.texts, image.ignored, strict=True)
        parts = {True: Counter(), False: Counter()}  # by whether they are ignored
        for text, ignored in legible:
            parts[bool(ignored)].update(filter(None, map(seen, text.split())))
        both = words & parts[False]
        right += both.total()
        there += parts[False].total()
        read += words.total() - ((words - both) & parts[True]).total()
    return read, there, right


def plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


if __name__ == "__main__":
    run_command(main)

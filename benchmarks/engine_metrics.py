"""Accuracy of the reader by engine, on words of an LMDB or on labeled images, to set beside that of `eval.py`.

    python benchmarks/engine_metrics.py words LMDB [--recognizer word|line] [--key value ...]
    python benchmarks/engine_metrics.py lines IMAGES LABELS [--only FILE] [--key value ...]

Both go through `TextReader`, as `predict.py` does: `words` with `--detect false`, `lines` with `--recognize false`.
LABELS is what `folder` accepts in the detection data; FILE names the images to take, one per line. --engines names
the engines, --key value are options of `ReaderOptions`.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import numpy as np

from benchmarks.reader_inputs import labeled_images, reader_options
from src.common.errors import UserError
from src.data.recognition.lmdb_reader import LmdbWords
from src.engines.engine import installed_engines
from src.metrics.detection_result import GroundTruth
from src.metrics.deteval import deteval
from src.metrics.iou_hmean import iou_hmean
from src.metrics.recognition import evaluate_words
from src.metrics.submission import to_pixels
from src.model_utils.command import run_command
from src.reader import ReadResult, TextReader, Unreadable
from src.reader.image_source import ImageSource


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    words = kinds.add_parser("words")
    words.add_argument("lmdb", type=Path)
    words.add_argument("--recognizer", default="word")
    lines = kinds.add_parser("lines")
    lines.add_argument("images", type=Path)
    lines.add_argument("labels", type=Path)
    lines.add_argument("--only", type=Path)
    for kind in (words, lines):
        kind.add_argument("--engines", default=",".join(reversed(installed_engines())))
    arguments, more = parser.parse_known_args()
    options = reader_options(more)
    for engine in arguments.engines.split(","):
        if arguments.kind == "words":
            reader = TextReader(engine=engine, detect=False, recognizer=arguments.recognizer, **options)
            metrics = {"words": words_read(reader, LmdbWords(arguments.lmdb))}
        else:
            reader = TextReader(engine=engine, recognize=False, **options)
            metrics = lines_found(reader, arguments.images, arguments.labels, arguments.only)
        for title, values in metrics.items():
            shown = "  ".join(f"{name} {value:.5f}" for name, value in values.items())
            print(f"{engine:12s} {title:8s} {shown}", flush=True)


def words_read(reader: TextReader, source: LmdbWords) -> dict[str, float]:
    """Acc@1 and its companions over every word; one that cannot be decoded counts as missed."""
    samples = [source.read(index) for index in range(len(source))]
    images = (ImageSource(data, str(index)) for index, (data, _) in enumerate(samples))
    texts = [getattr(result, "text", "") for result in reader.read_many(images)]
    return evaluate_words(texts, [label for _, label in samples]).metrics()


def lines_found(reader: TextReader, folder: Path, labels: Path, only: Path | None) -> dict[str, dict[str, float]]:
    """DetEval and IoU metrics over every image that has labels."""
    images = labeled_images(folder, labels, only)
    if not images:
        raise UserError(f"{folder}: no labeled image to look at")
    truths = {image.name: GroundTruth(image.boxes, image.ignored) for image in images}
    results = reader.read_many(image.path for image in images)
    found = {name: line_boxes(result) for name, result in zip(truths, results, strict=True)}
    return {"deteval": deteval(truths, found).metrics(), "iou_0.5": iou_hmean(truths, found).metrics()}


def line_boxes(result: ReadResult | Unreadable) -> np.ndarray:
    """(M, 4) pixels; none of an image that could not be read."""
    lines = result.lines if isinstance(result, ReadResult) else ()
    return to_pixels(np.array([line.box for line in lines], np.float32).reshape(-1, 4))


if __name__ == "__main__":
    run_command(main)

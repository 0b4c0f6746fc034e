"""Measure the ranges with which a detector computes in 8-bit integers, and write them on its model card.

    python src/calibrate.py IMAGES [--count 100] [--key value ...]

IMAGES is a folder of photographs like those that will be read; those of the training serve. Keys are those of
predict.py: --ctpn_weights FILE names the weights, weights/ctpn.ckpt by default; --detector full takes those of
--ctpn_full_weights. OpenVINO measures in single precision. A detector whose card has no ranges computes in floating
point, which takes up to four times as long.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from src.common.errors import UserError
from src.common.printable import one_line
from src.common.progress_bar import progress_bar
from src.data.images.decode import ImageError, decode_image
from src.data.images.folder import image_files
from src.engines.onnx_cache import onnx_file
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, filled, whole_number
from src.model_utils.input_arguments import split_inputs
from src.model_utils.load_options import load_options, switches
from src.model_utils.reader_config import ReaderConfig
from src.reader.networks import detect_options, find_detector
from src.reader.options import ReaderOptions
from src.reader.text_detector import TextDetector
from src.weights.card import Range, card_path, load_card, write_card
from src.weights.network_weights import NetworkWeights
from src.weights.training_config import card_values, training_config_path

LEAST, MOST = 1e-6, 1e5  # width of a range: beyond it a layer is dead, or the network diverged


def main() -> None:
    inputs, rest = split_inputs(sys.argv[1:], switches(ReaderConfig))
    parser = CommandParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=filled, help="folder of images")
    parser.add_argument("--count", type=whole_number(1), default=100, help="images that are taken, evenly (100)")
    arguments, rest = parser.parse_known_args([*inputs, *rest])
    options = load_options(ReaderConfig, rest)
    weights = find_detector(options)
    folder = Path(arguments.images)
    if not folder.is_dir():
        raise UserError(f"images: '{folder}' is not a folder")
    files = image_files(folder)
    with progress_bar(Console(stderr=True), shown=bool(files)) as bar:
        task = bar.add_task(str(weights.path), total=min(arguments.count, len(files)))
        ranges, count = activation_ranges(weights, options, files, arguments.count, lambda: bar.advance(task))
    card = with_ranges(weights, ranges)
    print(f"{card}: ranges of {len(ranges)} activations; images: {count}")


def activation_ranges(
    weights: NetworkWeights, options: ReaderOptions, files: Sequence[Path], count: int, advance: Callable[[], object]
) -> tuple[dict[str, Range], int]:
    """The lowest and highest value of each activation, by its name, and over how many images.

    Args:
        files: images, of which `count` are taken, evenly; others in the place of those that cannot be read.
        advance: called after each image.

    Raises:
        UserError: none of the images can be read, or an activation has no range.
    """
    from src.engines.range_engine import RangeEngine  # noqa: PLC0415 - --help needs no OpenVINO

    cache = Path(options.cache_dir) if options.cache_dir else None
    engine = RangeEngine(onnx_file(weights, cache), (1, 3, None, None), options.threads)
    detector = TextDetector(engine, detect_options(options, weights.card), max_pixels=options.max_pixels_detected)
    even = np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int).tolist()
    done = 0
    for index in dict.fromkeys([*even, *range(len(files))]):
        if done == count:
            break
        try:
            image = decode_image(files[index], max_pixels=options.max_image_pixels)
        except ImageError as error:
            print(one_line(f"skipped {error}"), file=sys.stderr)
            continue
        detector.find(image)
        done += 1
        advance()
    if not done:
        raise UserError("images: the folder has none that can be read")
    for name, (low, high) in engine.ranges.items():
        if not MOST > high - low > LEAST:
            raise UserError(f"{weights.path}: {name} is from {low:g} to {high:g} in all images, which is no range")
    return engine.ranges, done


def with_ranges(weights: NetworkWeights, ranges: dict[str, Range]) -> Path:
    """Write the ranges on the card of the weights; where there is none, on a new one with what the training left."""
    path, configuration = card_path(weights.path), training_config_path(weights.path)
    content: dict[str, object] = {"network": weights.network}
    if path.is_file():
        read = load_card(path)
        assert isinstance(read, dict)  # `find_detector` has read it
        content = {key: value for key, value in read.items() if key not in ("version", "sha256")}
    elif configuration.is_file():
        content |= card_values(configuration, weights.network) or {}
    rounded = {name: [float(f"{value:.6g}") for value in limits] for name, limits in ranges.items()}
    return write_card(weights.path, {**content, "activation_ranges": rounded})


if __name__ == "__main__":
    run_command(main)

"""Export the recognition network: MINDIR and AIR of fixed shape, ONNX with free batch and width.

Every format maps gray words (B, 1, 32, W) to log-probabilities (T, B, C).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.common.atomic_file import write_json
from src.crnn.alphabet import Alphabet
from src.crnn.build import build_crnn
from src.crnn.crnn import Crnn
from src.crnn.topology import IMAGE_HEIGHT
from src.export.crnn_onnx import export_onnx
from src.export.network_files import (
    check_format,
    check_onnx,
    export_air,
    export_mindir,
    log_written,
    written_safely,
)
from src.export.options import CrnnExport
from src.weights.crnn_weights import load_trained
from src.weights.exported_card import CARD_NOTE, beside, card_text, recognizer_card
from src.weights.weights_file import network_arrays

OTHER_WIDTHS = (64, 160)  # an ONNX file is tried at these, too: its width is free


def export_crnn(config: CrnnExport, checkpoint: Path, device_target: str) -> list[Path]:
    """Write `<file_name>.<format>` and return the files.

    MINDIR and AIR hold one input shape; with several `image_width` there is a file for each width W, named
    `<file_name>_<W>.<format>`.

    Raises:
        UserError: the checkpoint does not fit, the format needs another host, or a file does not reproduce the
            network.
    """
    check_format(config.file_format, device_target)
    alphabet, widths = Alphabet.load(config.alphabet), config.image_width
    network = build_crnn(config, alphabet)
    load_trained(network, checkpoint, alphabet)
    suffix = config.file_format.lower()
    if config.file_format == "ONNX":
        path = Path(f"{config.file_name}.{suffix}")
        write_onnx(network, alphabet, widths, path)
        return [path]
    paths = []
    for width in widths:
        number = f"_{width}" if len(widths) > 1 else ""
        path = Path(f"{config.file_name}{number}.{suffix}")
        example = example_words(config.export_batch_size, width)
        with written_safely(path) as temporary:
            if config.file_format == "AIR":
                export_air(network, example, temporary)
                found = {}
            else:
                found = {"mindspore": export_mindir(network, example, temporary)}
        write_json(beside(path), recognizer_card(alphabet.characters, widths))
        log_written(path, found)
        paths.append(path)
    return paths


def write_onnx(network: Crnn, alphabet: Alphabet, widths: Sequence[int], path: Path) -> None:
    """Write the network with its alphabet and input widths as ONNX and compare it at several shapes.

    Raises:
        UserError: ONNX Runtime or OpenVINO does not reproduce the network to 1e-4 of its largest output.
    """
    metadata = {"characters": alphabet.characters, "image_width": " ".join(map(str, widths))}
    metadata[CARD_NOTE] = card_text(recognizer_card(alphabet.characters, widths))
    tried = sorted({*widths, *OTHER_WIDTHS})
    examples = [example_words(count, width) for count, width in enumerate(tried, start=1)]
    with written_safely(path) as temporary:
        export_onnx(network_arrays(network), temporary, metadata)
        found = check_onnx(temporary, network, examples)
    log_written(path, found, f" at widths {', '.join(map(str, tried))}")


def example_words(count: int, width: int) -> np.ndarray:
    """Noise in the range of normalized words, (count, 1, 32, width) float32, the same every time."""
    return np.random.default_rng(0).uniform(-1, 1, (count, 1, IMAGE_HEIGHT, width)).astype(np.float32)

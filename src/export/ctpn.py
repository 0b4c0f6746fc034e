"""Export the detection network: MINDIR and AIR with proposals inside, ONNX with the raw heads and free sizes."""

import logging
from pathlib import Path

import numpy as np

from src.common.atomic_file import write_json
from src.common.options import OptionError
from src.ctpn.build import build_ctpn
from src.ctpn.checkpoint_formats import mindspore_ctpn
from src.ctpn.ctpn import Ctpn
from src.ctpn.lstm_branches import choose_lstm
from src.ctpn.options import NetworkOptions
from src.ctpn.proposal_cell import NMS_LIMIT, CtpnProposals
from src.ctpn.text_lines import DetectOptions, detect_options
from src.export.ctpn_onnx import write_ctpn_onnx
from src.export.network_files import (
    check_format,
    check_onnx,
    export_air,
    export_mindir,
    log_written,
    written_safely,
)
from src.export.options import CtpnExport, FileOptions
from src.weights.exported_card import CARD_NOTE, beside, card_text, detector_card
from src.weights.weights_file import load_weights, network_arrays, read_weights

logger = logging.getLogger(__name__)


def load_ctpn(options: NetworkOptions, checkpoint: Path) -> Ctpn:
    """The network of `options` in evaluation mode with the weights of `checkpoint`."""
    network = build_ctpn(options)
    params = read_weights(checkpoint)
    lstm = choose_lstm(params, options.lstm_branch)
    if lstm.note:
        logger.info(f"{checkpoint.name}: {lstm.note}")
    load_weights(network, mindspore_ctpn(params, lstm.branch))
    return network.set_train(False)


def export_ctpn(config: CtpnExport, checkpoint: Path, device_target: str) -> Path:
    """Write `<file_name>.<format>` and return the file.

    Raises:
        UserError: the checkpoint does not fit, the format needs another host, or the file does not reproduce
            the network.
    """
    check_format(config.file_format, device_target)
    options = detect_options(config)
    if config.file_format != "ONNX" and options.nms_pre > NMS_LIMIT:
        raise OptionError(f"rpn_nms_pre: {options.nms_pre} given; {config.file_format} takes at most {NMS_LIMIT}")
    network = load_ctpn(config, checkpoint)
    path = Path(f"{config.file_name}.{config.file_format.lower()}")
    with written_safely(path) as temporary:
        if config.file_format == "ONNX":
            notes = {CARD_NOTE: card_text(detector_card(options))}
            write_ctpn_onnx(network_arrays(network), temporary, options.image_size, notes)
            found = check_onnx(temporary, network, onnx_examples(options.image_size))
        else:
            found = export_with_proposals(network, options, config, temporary)
    if config.file_format != "ONNX":
        write_json(beside(path), detector_card(options))
    log_written(path, found)
    return path


def export_with_proposals(network: Ctpn, options: DetectOptions, file: FileOptions, path: Path) -> dict[str, float]:
    """Write network and proposals as MINDIR or AIR; the largest difference after reloading, by runtime."""
    example = example_images(file.export_batch_size, options.image_size)
    with_proposals = CtpnProposals(
        network,
        options.anchors(),
        options.nms_pre,
        options.nms_threshold,
        options.max_num,
        side_refinement=options.side_refinement,
    ).set_train(False)
    if file.file_format == "AIR":
        export_air(with_proposals, example, path)
        return {}
    return {"mindspore": export_mindir(with_proposals, example, path)}


def onnx_examples(image_size: tuple[int, int]) -> list[np.ndarray]:
    """One image and two: an ONNX file leaves the batch free."""
    return [example_images(count, image_size) for count in (1, 2)]


def example_images(count: int, image_size: tuple[int, int]) -> np.ndarray:
    """Normalized noise (count, 3, H, W) float32, the same every time."""
    return np.random.default_rng(0).standard_normal((count, 3, *image_size), dtype=np.float32)

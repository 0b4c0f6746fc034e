"""Export the detection network: MINDIR and AIR with proposals inside, ONNX with the raw heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from src.ctpn.build import build_ctpn
from src.ctpn.checkpoint_formats import mindspore_ctpn
from src.ctpn.export_onnx import export_onnx
from src.ctpn.proposal_cell import CtpnProposals
from src.inference.ctpn_options import detect_options
from src.inference.network_files import check_onnx, export_air, export_mindir, written_safely
from src.training.weights_file import load_weights, read_weights


def load_ctpn(config: Any, checkpoint: Path):
    """The network of `config` in evaluation mode with the weights of `checkpoint`."""
    network = build_ctpn(config)
    load_weights(network, mindspore_ctpn(read_weights(checkpoint), config.lstm_branch))
    return network.set_train(False)


def export_ctpn(config: Any, checkpoint: Path, device_target: str) -> Path:
    """Write `<file_name>.<format>` as `config` says and return the file.

    Raises:
        UserError: the checkpoint does not fit, the format needs another host, or the file does not reproduce
            the network.
    """
    options = detect_options(config)
    network = load_ctpn(config, checkpoint)
    path = Path(f"{config.file_name}.{config.file_format.lower()}")
    example = example_images(config.export_batch_size, options.image_shape)
    with_proposals = CtpnProposals(
        network, options.anchors(), options.nms_pre, options.nms_threshold, options.max_num
    ).set_train(False)
    if config.file_format == "AIR":
        export_air(with_proposals, example, path, device_target)
        print(f"wrote {path}")
        return path
    with written_safely(path) as temporary:
        if config.file_format == "MINDIR":
            found = {"mindspore": export_mindir(with_proposals, example, temporary)}
        else:
            export_onnx(network, options.image_shape, temporary)
            found = check_onnx(temporary, network, [example_images(count, options.image_shape) for count in (1, 2)])
    agreement = ", ".join(f"{name} {difference:.1e}" for name, difference in found.items())
    print(f"wrote {path} ({path.stat().st_size / 2**20:.1f} MiB); largest difference after reloading: {agreement}")
    return path


def example_images(count: int, image_shape: tuple[int, int]) -> np.ndarray:
    """Normalised noise (count, 3, H, W) float32, the same every time."""
    return np.random.default_rng(0).standard_normal((count, 3, *image_shape), dtype=np.float32)

"""CTPN as an ONNX file: raw score and delta maps, batch size free.

Softmax, decoding and suppression stay on the host (`proposal_generator.generate_proposals`): an ONNX graph
with TopK and NMS inside is rejected by onnxruntime.
"""

from pathlib import Path

import mindspore as ms
from mindspore import nn

INPUT_NAME = "image"
OUTPUT_NAMES = ("score_map", "delta_map")


def export_onnx(network: nn.Cell, image_shape: tuple[int, int], path: Path | str) -> None:
    """Write `network` (a `Ctpn`) to `path` for images of `image_shape` (height, width), any batch size.

    The file has the input `image` (batch, 3, height, width) and the outputs `score_map` and `delta_map`,
    float32. An existing file is replaced.
    """
    height, width = image_shape
    image = ms.Tensor(shape=[None, 3, height, width], dtype=ms.float32)
    ms.onnx.export(
        network,
        image,
        file_name=str(path),
        input_names=[INPUT_NAME],
        output_names=list(OUTPUT_NAMES),
        dynamic_axes={INPUT_NAME: {0: "batch"}},
    )

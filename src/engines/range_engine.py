"""An engine that notes the range of what goes into each convolution: OpenVINO in single precision."""

from pathlib import Path
from typing import Any

import numpy as np

from src.engines.int8_convolutions import convolution_inputs, ops
from src.engines.openvino_engine import compile_file, openvino, precision_settings
from src.weights.card import Range


class RangeEngine:
    """An ONNX file whose activations are looked at while it runs.

    Attributes:
        ranges: lowest and highest value so far, by the name of the node.
    """

    name = "openvino"
    device = "CPU, f32"

    def __init__(self, path: Path, input_shape: tuple[int | None, ...], threads: int = 0):
        self.ranges: dict[str, Range] = {}
        settings = {**precision_settings("f32"), **({"INFERENCE_NUM_THREADS": threads} if threads else {})}
        compiled = compile_file(openvino.Core(), path, input_shape, settings, self._add_limits)
        self._request = compiled.create_infer_request()

    def _add_limits(self, model: Any) -> None:
        """Give the model two outputs more for each activation; all of it would take gigabytes."""
        self._count = len(model.outputs)
        inputs = convolution_inputs(model)
        axes = np.arange(4)  # (B, C, H, W)
        model.add_outputs(
            [take(source, axes).output(0) for source in inputs.values() for take in (ops.reduce_min, ops.reduce_max)]
        )
        self.ranges = dict.fromkeys(inputs, (float("inf"), float("-inf")))

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        self._request.infer({0: np.ascontiguousarray(image)})
        outputs = [np.array(tensor.data, np.float32) for tensor in self._request.output_tensors]
        limits = iter(float(limit) for limit in outputs[self._count :])
        for name, (low, high) in self.ranges.items():
            self.ranges[name] = min(low, next(limits)), max(high, next(limits))
        return outputs[: self._count]

"""An engine that notes the range of what goes into each convolution: OpenVINO in single precision."""

from pathlib import Path

import numpy as np

from src.common.openvino_package import import_openvino, use_ordinary_signal_stack
from src.engines.int8_convolutions import Range, convolution_inputs

openvino = import_openvino()
ops = openvino.opset13


class RangeEngine:
    """An ONNX file whose activations are looked at while it runs.

    Attributes:
        ranges: lowest and highest value so far, by the name of the node.
    """

    name = "openvino"
    device = "CPU, f32"

    def __init__(self, path: Path, input_shape: tuple[int | None, ...], threads: int = 0):
        core = openvino.Core()
        model = core.read_model(str(path))
        model.reshape(openvino.PartialShape([-1 if side is None else side for side in input_shape]))
        self._count = len(model.outputs)
        inputs = convolution_inputs(model)
        axes = np.arange(len(input_shape))
        # In the network: as outputs, the activations would take gigabytes.
        limits = [
            take(source, axes).output(0) for source in inputs.values() for take in (ops.reduce_min, ops.reduce_max)
        ]
        model.add_outputs(limits)
        settings = {"INFERENCE_PRECISION_HINT": "f32"} | ({"INFERENCE_NUM_THREADS": threads} if threads else {})
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()
        use_ordinary_signal_stack()
        self.ranges: dict[str, Range] = dict.fromkeys(inputs, (float("inf"), float("-inf")))

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        self._request.infer({0: np.ascontiguousarray(image)})
        outputs = [np.array(tensor.data, np.float32) for tensor in self._request.output_tensors]
        limits = iter(float(limit) for limit in outputs[self._count :])
        for name, (low, high) in self.ranges.items():
            self.ranges[name] = min(low, next(limits)), max(high, next(limits))
        return outputs[: self._count]

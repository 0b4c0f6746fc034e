"""OpenVINO as an engine, on the CPU."""

import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from src.common.errors import UserError
from src.common.openvino_package import import_openvino, use_ordinary_signal_stack
from src.engines.int8_convolutions import use_int8
from src.weights.card import Range

openvino = import_openvino()

# oneDNN, which computes for OpenVINO and for MindSpore, takes no instructions beyond those named here, in either
# variable. The project sets the first one itself for MindSpore's sake (device_adapter.set_cpu_kernels).
CAPS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
CAPS_WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
# OpenVINO keeps kernels for each size of input, thousands if it may, and images have many sizes: so few take 70 MB,
# however many images follow, and save a tenth of the time.
KERNELS_KEPT = 64


def bf16_is_capped(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether `environment` keeps oneDNN from the bfloat16 units that the processor may have."""
    value = next((environment[name] for name in CAPS if environment.get(name)), "")
    return value.upper() in CAPS_WITHOUT_BF16


def precision_settings(precision: str = "auto") -> dict[str, object]:
    """The settings of OpenVINO for `precision`: none where its own choice is right."""
    return {"INFERENCE_PRECISION_HINT": "f32"} if precision == "f32" or bf16_is_capped() else {}


def compile_file(
    core: Any,
    path: Path,
    input_shape: tuple[int | None, ...] | None,
    settings: Mapping[str, object],
    change: Callable[[Any], None] | None = None,
) -> Any:
    """An ONNX file compiled for the CPU, after its model was changed.

    Raises:
        UserError: OpenVINO cannot use the file.
    """
    try:
        model = core.read_model(str(path))
        if change:
            change(model)
        if input_shape is not None:
            model.reshape(openvino.PartialShape([-1 if side is None else side for side in input_shape]))
        return core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise UserError(f"{path}: OpenVINO cannot use it ({error})") from None
    finally:
        use_ordinary_signal_stack()


def _has_int8(core: Any) -> bool:
    return "INT8" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoEngine:
    """An ONNX file in OpenVINO.

    Args:
        threads: 0 leaves the number to OpenVINO.
        precision: "auto" and "float" take bfloat16 on processors that compute it faster, "f32" never. OpenVINO
            itself looks at the processor alone; with `CAPS` on one that has bfloat16 it would be slow, or have no
            kernel at all.
        input_shape: (B, C, H, W), None where free; the sizes given are fixed in the compiled network.
        ranges: of what goes into the convolutions, by name. With them, and precision "auto", these are computed in
            8-bit integers.

    Raises:
        UserError: OpenVINO cannot use the file, or the ranges are of another one.
    """

    name = "openvino"

    def __init__(
        self,
        path: Path,
        threads: int = 0,
        precision: str = "auto",
        input_shape: tuple[int | None, ...] | None = None,
        ranges: Mapping[str, Range] | None = None,
    ):
        # Pinned threads wait for their core while another process has it, and other cores are free.
        settings = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False, **precision_settings(precision)}
        settings["CPU_RUNTIME_CACHE_CAPACITY"] = str(KERNELS_KEPT)
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        core = openvino.Core()
        quantize = partial(use_int8, ranges=ranges) if ranges and precision == "auto" and _has_int8(core) else None
        self._compiled = compile_file(core, path, input_shape, settings, quantize)
        self._requests = threading.local()  # a request is not for two threads at once
        kind = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        kinds = f"int8 and {kind}" if quantize else kind
        self.device = f"{core.get_property('CPU', 'FULL_DEVICE_NAME')}, {kinds}"

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        if not hasattr(self._requests, "request"):
            self._requests.request = self._compiled.create_infer_request()
        request = self._requests.request
        request.infer({0: np.ascontiguousarray(image)}, share_inputs=True)
        # The request keeps its output memory for the next run.
        return [np.array(tensor.data, np.float32) for tensor in request.output_tensors]

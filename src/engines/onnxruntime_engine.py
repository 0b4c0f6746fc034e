"""ONNX Runtime as an engine, on the CPU."""

from pathlib import Path

import numpy as np
import onnxruntime

from src.common.errors import UserError


class OnnxRuntimeEngine:
    """An ONNX file in ONNX Runtime.

    Args:
        threads: 0 leaves the number to ONNX Runtime.

    Raises:
        UserError: ONNX Runtime cannot use the file.
    """

    name = "onnxruntime"

    def __init__(self, path: Path, threads: int = 0):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Otherwise the threads of one network keep their cores busy for some 10 ms after it is done, waiting for its
        # next image, while the other network wants them: reading took half as long again on two cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        # It remembers a plan of the memory for each size of image that it meets, and images have many.
        options.enable_mem_pattern = False
        if threads:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exception classes are private
            raise UserError(f"{path}: ONNX Runtime cannot use it ({error})") from None
        self._input = self._session.get_inputs()[0].name
        self.device = "CPU, f32"

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        return self._session.run(None, {self._input: image})

"""The options of exports."""

from typing import Literal

from src.common.options import NonEmpty, Options, option
from src.crnn.options import NetworkOptions as CrnnNetworkOptions
from src.ctpn.options import DetectionOptions


class FileOptions(Options):
    """What is exported, and the file that it becomes."""

    ckpt_file: str = option("weights/ctpn.ckpt", "checkpoint to export")
    file_name: NonEmpty = option("ctpn", "name of the exported file without its extension")
    file_format: Literal["MINDIR", "AIR", "ONNX"] = option("MINDIR", "format of the exported file")
    export_batch_size: int = option(1, "samples per call of an exported MINDIR or AIR; ONNX takes any number", low=1)


class CtpnExport(DetectionOptions, FileOptions):
    """The export of the detection network."""


class CrnnExport(CrnnNetworkOptions, FileOptions):
    """The export of the recognition network."""

"""Which engine computes the networks, and how."""

from pathlib import Path
from typing import Literal

from src.common.options import Options, option

EngineName = Literal["openvino", "onnxruntime", "mindspore"]


class EngineOptions(Options):
    """Which engine, and how it runs."""

    engine: Literal["auto", EngineName] = option(
        "auto", "what computes the networks; auto takes openvino, else onnxruntime, else mindspore"
    )
    threads: int = option(0, "threads of openvino and onnxruntime; 0 lets them choose", low=0, high=1024)
    precision: Literal["auto", "float", "f32"] = option(
        "auto",
        "auto: openvino computes the detector's convolutions in 8-bit integers, if its card has their ranges; float: "
        "in bfloat16 where the processor is faster with it, as it does all else; f32: all in single precision",
    )
    cache_dir: str | Path = option("", "folder for the ONNX files made from the weights; empty is .cache beside them")

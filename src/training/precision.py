"""What `mixed_precision: auto` stands for."""

from typing import TypeVar

import mindspore as ms

from src.training.options import PrecisionOptions

OptionsT = TypeVar("OptionsT", bound=PrecisionOptions)


def settle_precision(options: OptionsT) -> OptionsT:
    """`options` with "auto" replaced by half precision on Ascend, where the original work computes in it."""
    if options.mixed_precision != "auto":
        return options
    return options.replace(mixed_precision=ms.get_context("device_target") == "Ascend")

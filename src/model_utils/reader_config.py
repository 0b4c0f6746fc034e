"""The configuration of predict.py."""

from typing import ClassVar

from src.ctpn.options import ProposalOptions
from src.engines.options import EngineOptions
from src.model_utils.config_file import REPOSITORY, Config, Sections
from src.model_utils.device_options import DeviceOptions
from src.reader.options import (
    CommandOptions,
    DetectorInputOptions,
    InputOptions,
    LineOptions,
    OutputOptions,
    PageOptions,
    RecognizerOptions,
    TaskOptions,
    WeightsOptions,
)


class ReaderConfig(CommandOptions, DeviceOptions, Config):
    """Every key of reading images."""

    title = "predict.py: every key of reading images"
    file = REPOSITORY / "configs" / "predict.yaml"
    sections: ClassVar[Sections] = {
        "what to read": (InputOptions,),
        "images and pages": (PageOptions,),
        "what to do": (TaskOptions,),
        "what to write": (OutputOptions,),
        "what runs it": (EngineOptions,),
        "the device of the engine mindspore": (DeviceOptions,),
        "weights": (WeightsOptions,),
        "detection; 0 and auto take the values of the model card": (DetectorInputOptions,),
        "proposals": (ProposalOptions,),
        "text connector; what is not given takes the value in the model card, if it has one": (LineOptions,),
        "recognition": (RecognizerOptions,),
    }

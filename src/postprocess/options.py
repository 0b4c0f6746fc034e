"""The options of post-processing what the C++ application wrote."""

from src.common.options import Options, option
from src.crnn.options import DecodeOptions
from src.crnn.options import NetworkOptions as CrnnNetworkOptions
from src.ctpn.options import DetectionOptions
from src.data.loading.options import BadSampleOptions
from src.data.recognition.options import ReadSetOptions
from src.evaluation.options import ResultOptions


class OutputFileOptions(Options):
    """What the application was run on, and what it wrote."""

    export_dataset_path: str = option("", "images that the C++ application was run on")
    result_path: str = option("./result_Files", "folder of its outputs")
    label_path: str = option("", "their ground truth; empty writes results without metrics")


class CtpnPostprocess(DetectionOptions, BadSampleOptions, OutputFileOptions, ResultOptions):
    """From outputs of the detection network to results and metrics."""


class CrnnPostprocess(
    CrnnNetworkOptions, BadSampleOptions, ReadSetOptions, DecodeOptions, OutputFileOptions, ResultOptions
):
    """From outputs of the recognition network to results and metrics."""

"""The configurations of the two networks."""

from typing import ClassVar, Literal

from src.common.options import NonEmpty, option, with_default
from src.crnn import options as crnn
from src.ctpn import options as ctpn
from src.data.detection.options import AugmentOptions, DataSetOptions, TextSizeOptions, ValidationSetOptions
from src.data.loading.options import BadSampleOptions, ThreadOptions
from src.data.recognition.options import ReadSetOptions, RenderedWordOptions, StoredWordOptions, WordAugment
from src.evaluation.options import (
    BatchOptions,
    CrnnEvaluation,
    CtpnEvaluation,
    CtpnTrainingEvaluation,
    ImageSetOptions,
    LexiconOptions,
    MistakeOptions,
    ResultOptions,
    WordSetOptions,
)
from src.export.options import CrnnExport, CtpnExport, FileOptions
from src.model_utils.config_file import REPOSITORY, Config, Sections
from src.model_utils.device_options import DeviceOptions
from src.model_utils.run_options import ModelArtsOptions, ProcessOptions
from src.postprocess.options import CrnnPostprocess, CtpnPostprocess, OutputFileOptions
from src.text_connector.options import ConnectorOptions, SideOptions
from src.training import crnn_options, ctpn_options
from src.training.crnn_options import CrnnTraining
from src.training.ctpn_options import CtpnTraining
from src.training.options import (
    CheckpointOptions,
    EvaluationTimes,
    LogOptions,
    OptimizerOptions,
    PrecisionOptions,
    SeedOptions,
)


class NetworkConfig(ProcessOptions, ModelArtsOptions, CheckpointOptions, ResultOptions, FileOptions, Config):
    """What the configurations of both networks have, and this package itself uses."""

    network: str


class CtpnConfig(
    CtpnTraining, CtpnEvaluation, CtpnTrainingEvaluation, CtpnExport, CtpnPostprocess, DataSetOptions, NetworkConfig
):
    """Every key of the detection network."""

    network: Literal["ctpn"] = option("ctpn", "which network this configuration is for")
    label_path: str = with_default(
        OutputFileOptions,
        "label_path",
        "",
        "folder of gt_*.txt or gt.zip with their ground truth; empty draws and writes results without metrics",
    )

    title = "CTPN: every key of the detection network"
    file = REPOSITORY / "default_config.yaml"
    of_upstream: ClassVar[bool] = True
    sections: ClassVar[Sections] = {
        "": ("network",),
        "where it runs": (DeviceOptions, ProcessOptions, SeedOptions, ThreadOptions),
        "ModelArts": (ModelArtsOptions,),
        "the image as the network sees it": (ctpn.InputOptions,),
        "augmentation": (AugmentOptions,),
        "anchors and network": (ctpn.NetworkOptions, ctpn.LearningOptions),
        "target assignment": (ctpn.AssignOptions, TextSizeOptions, SideOptions),
        "training": (ctpn_options.TaskOptions, OptimizerOptions, PrecisionOptions, BadSampleOptions, LogOptions),
        "learning rate: linear warm-up from base * ratio, then a cosine that ends at 0 with the last step": (
            ctpn_options.ScheduleOptions,
        ),
        "checkpoints": (CheckpointOptions,),
        "evaluation while training": (EvaluationTimes, ValidationSetOptions),
        "proposals": (ctpn.ProposalOptions,),
        "text connector": (ConnectorOptions,),
        "evaluation": (ImageSetOptions, BatchOptions, ResultOptions),
        "data sets to build, and where their images and labels are": (DataSetOptions,),
        "export and C++ inference": (FileOptions, OutputFileOptions),
    }


class CrnnConfig(CrnnTraining, CrnnEvaluation, CrnnExport, CrnnPostprocess, NetworkConfig):
    """Every key of the recognition network."""

    network: Literal["crnn"] = option("crnn", "which network this configuration is for")
    test_batch_size: int = with_default(BatchOptions, "test_batch_size", 64)
    checkpoint_path: str = with_default(ResultOptions, "checkpoint_path", "weights/crnn.ckpt")
    ckpt_file: str = with_default(FileOptions, "ckpt_file", "weights/crnn.ckpt")
    file_name: NonEmpty = with_default(FileOptions, "file_name", "crnn")
    label_path: str = with_default(
        OutputFileOptions,
        "label_path",
        "",
        "file of their texts, in lines of image and text; empty writes the predictions without metrics",
    )

    title = "CRNN: every key of the recognition network"
    file = REPOSITORY / "configs" / "crnn.yaml"
    renamed: ClassVar[dict[str, str]] = {"initialisation": "initialization"}
    sections: ClassVar[Sections] = {
        "": ("network",),
        "where it runs": (DeviceOptions, ProcessOptions, SeedOptions),
        "ModelArts": (ModelArtsOptions,),
        "alphabet and network; the number of classes and of time steps follow from them": (crnn.NetworkOptions,),
        "training data": (
            StoredWordOptions,
            crnn.FlatStartOptions,
            crnn_options.NarrowOptions,
            crnn_options.WorkerOptions,
            BadSampleOptions,
        ),
        "words rendered while training": (RenderedWordOptions,),
        "augmentation": (WordAugment,),
        "training": (
            crnn_options.TrainedWeightsOptions,
            crnn.StartOptions,
            OptimizerOptions,
            crnn_options.ScheduleOptions,
            PrecisionOptions,
            LogOptions,
        ),
        "checkpoints": (CheckpointOptions,),
        "evaluation, while training and by eval.py": (EvaluationTimes, ReadSetOptions, BatchOptions),
        "eval.py only": (WordSetOptions, crnn.DecodeOptions, LexiconOptions, ResultOptions, MistakeOptions),
        "export": (FileOptions,),
        "C++ inference": (OutputFileOptions,),
    }


NETWORKS: dict[str, type[CtpnConfig] | type[CrnnConfig]] = {"ctpn": CtpnConfig, "crnn": CrnnConfig}

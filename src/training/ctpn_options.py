"""The options of training the detection network."""

from dataclasses import dataclass
from typing import Literal

from src.common.options import Options, option, with_default
from src.ctpn.options import AssignOptions, InputOptions, LearningOptions
from src.data.detection.options import AugmentOptions, TextSizeOptions, ValidationSetOptions
from src.data.loading.options import BadSampleOptions, ThreadOptions
from src.text_connector.options import SideOptions
from src.training.options import RunOptions


class TaskOptions(Options):
    """What is trained, from what, and on what."""

    task_type: Literal["Pretraining", "Finetune", "FineTune"] = option(
        "Pretraining", "Pretraining takes the backbone from pre_trained; Finetune takes the whole network"
    )
    pre_trained: str = option(
        "",
        "MindSpore checkpoint, or for the backbone torchvision's VGG16-BN or CRAFT as .pth or .safetensors; empty "
        "starts from scratch",
    )
    pretraining_dataset_file: str = option(
        "data/ctpn/pretrain/ctpn_pretrain.mindrecord0",
        "training data of Pretraining (the first of its MindRecord files)",
    )
    pretrain_dataset_file: str = option(
        "", "the same, under the name that older job descriptions use; where given, it counts"
    )
    finetune_dataset_file: str = option(
        "data/ctpn/finetune/ctpn_finetune.mindrecord0",
        "training data of Finetune (the first of its MindRecord files)",
    )

    @property
    def is_pretraining(self) -> bool:
        return self.task_type == "Pretraining"

    def data_file(self) -> tuple[str, str]:
        """The key that names the training data, and its value."""
        if not self.is_pretraining:
            return "finetune_dataset_file", self.finetune_dataset_file
        if self.pretrain_dataset_file:
            return "pretrain_dataset_file", self.pretrain_dataset_file
        return "pretraining_dataset_file", self.pretraining_dataset_file


@dataclass(frozen=True)
class Stage:
    """Length and learning rate of Pretraining or Finetune."""

    epochs: int
    base_lr: float
    warmup_steps: int
    warmup_ratio: float


class ScheduleOptions(Options):
    """Learning rate and length of each stage."""

    pre_base_lr: float = option(0.009, "highest learning rate of Pretraining", low=0)
    pre_warmup_step: int = option(
        30000,
        "steps of warm-up of Pretraining; a tenth of the run where these would be half of it or more",
        low=0,
    )
    pre_warmup_ratio: float = option(
        1 / 3, "first learning rate of Pretraining as a share of the highest", low=0, high=1
    )
    pre_total_epoch: int = option(100, "epochs of Pretraining", low=1)
    fine_base_lr: float = option(0.005, "highest learning rate of Finetune", low=0)
    fine_warmup_step: int = option(
        300, "steps of warm-up of Finetune; a tenth of the run where these would be half of it or more", low=0
    )
    fine_warmup_ratio: float = option(
        1 / 3, "first learning rate of Finetune as a share of the highest", low=0, high=1
    )
    fine_total_epoch: int = option(50, "epochs of Finetune", low=1)


class SampleOptions(InputOptions, LearningOptions, AugmentOptions, AssignOptions, TextSizeOptions, SideOptions):
    """From an annotated image to what a training step takes; the changes of the reference training are on."""

    expand_ratio: float = with_default(AugmentOptions, "expand_ratio", 1.0)
    photo_ratio: float = with_default(AugmentOptions, "photo_ratio", 1.0)


class CtpnTraining(
    SampleOptions, TaskOptions, ScheduleOptions, RunOptions, ThreadOptions, BadSampleOptions, ValidationSetOptions
):
    """All options of the training of the detection network."""

    def stage(self) -> Stage:
        """That of the task."""
        if self.is_pretraining:
            return Stage(self.pre_total_epoch, self.pre_base_lr, self.pre_warmup_step, self.pre_warmup_ratio)
        return Stage(self.fine_total_epoch, self.fine_base_lr, self.fine_warmup_step, self.fine_warmup_ratio)

"""The options of training the recognition network."""

from typing import Literal

from src.common.options import Options, option, with_default
from src.crnn.options import FlatStartOptions, LearningOptions, NetworkOptions
from src.data.loading.options import BadSampleOptions
from src.data.recognition.options import ReadSetOptions, RenderedWordOptions, StoredWordOptions, WordAugment
from src.training.options import (
    CheckpointOptions,
    EvaluationTimes,
    OptimizerOptions,
    PrecisionOptions,
    RunOptions,
    SeedOptions,
)


class NarrowOptions(Options):
    """Epochs of cheaper steps."""

    narrow_epochs: int = option(
        0,
        "epochs after these whose words are stretched to narrow_width, which makes steps cheaper; 0 for none",
        low=0,
    )
    narrow_width: int = option(64, "width of the input in pixels in these epochs, a multiple of 4", low=4)


class WorkerOptions(Options):
    """Who prepares batches."""

    loader_workers: int = option(
        0, "processes that prepare batches; 0 does it on a thread beside the training", low=0, high=64
    )


class TrainedWeightsOptions(Options):
    """Weights to start from."""

    pre_trained: str = option(
        "", "weights to start from, .ckpt, .pth or .safetensors in any published naming; empty starts from scratch"
    )


class ScheduleOptions(Options):
    """Length and learning rate."""

    total_epoch: int = option(100, "epochs", low=1)
    base_lr: float = option(1.0, "highest learning rate", low=0)
    lr_schedule: Literal["constant", "cosine"] = option(
        "constant", "constant, or cosine, which ends at 0 with the last step; both after the warm-up"
    )
    warmup_step: int = option(0, "steps of linear warm-up; at most a tenth of all steps are used", low=0)
    warmup_ratio: float = option(0.0, "first learning rate as a share of the highest", low=0, high=1)


class WordOptions(
    NetworkOptions,
    FlatStartOptions,
    NarrowOptions,
    WorkerOptions,
    RenderedWordOptions,
    WordAugment,
    BadSampleOptions,
    StoredWordOptions,
):
    """The words that are trained."""


class CrnnTraining(WordOptions, LearningOptions, TrainedWeightsOptions, ScheduleOptions, RunOptions, ReadSetOptions):
    """All options of the training of the recognition network."""

    seed: int = with_default(SeedOptions, "seed", 1234)
    batch_size: int = with_default(OptimizerOptions, "batch_size", 64)
    optimizer: Literal["momentum", "adam", "adamw", "adadelta"] = with_default(
        OptimizerOptions, "optimizer", "adadelta"
    )
    weight_decay: float = with_default(OptimizerOptions, "weight_decay", 0.0)
    clip_norm: float = with_default(OptimizerOptions, "clip_norm", 5.0)
    loss_scale: float = with_default(PrecisionOptions, "loss_scale", 128.0)
    save_checkpoint_epochs: int = with_default(CheckpointOptions, "save_checkpoint_epochs", 1)
    eval_start_epoch: int = with_default(EvaluationTimes, "eval_start_epoch", 1)
    eval_interval: int = with_default(EvaluationTimes, "eval_interval", 1)

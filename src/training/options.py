"""The options of a training, and how one ended."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from src.common.options import AutoOrBool, NonEmpty, Options, option


@dataclass(frozen=True)
class TrainOptions:
    """Options of `train`.

    Attributes:
        epochs: train up to and including this epoch.
        output_dir: everything is written under it: `ckpt_0/` (checkpoints, best_acc.ckpt, config.yaml; made
            by rank 0, all ranks resume from it), `loss_<rank>.log`, `metrics.jsonl`, `tensorboard/`.
        rank_id, rank_size: this process and the number of processes that train together.
        clip_norm: greatest global norm of the gradient, 0 = no clipping.
        loss_scale: None, a fixed number, or "dynamic"; see `LossScaler`.
        eval_start_epoch, eval_interval: evaluate after these epochs, and after the last one.
        metric: the metric of the evaluation that decides about best_acc.ckpt; higher is better.
        save_best_ckpt: whether to keep best_acc.ckpt.
        save_checkpoint_epochs: epochs between checkpoints (and one at the end); 0 = no checkpoints.
        save_checkpoint_minutes: also within an epoch after so many minutes; 0 = not.
        keep_checkpoint_max: older checkpoints beyond it are removed; 0 = keep all.
        resume: continue from the newest usable checkpoint, from the start if there is none.
        prefix: first part of the checkpoints' names.
        loss_label: name of the loss in the lines of `loss_<rank>.log`.
        log_every: steps between the lines of the log files; the last step of an epoch has one, too.
        interactive: progress bar or plain lines; None = by whether standard output is a terminal.
        config: resolved configuration, written beside the checkpoints.
    """

    epochs: int
    output_dir: str | Path
    rank_id: int = 0
    rank_size: int = 1
    clip_norm: float = 0.0
    loss_scale: float | str | None = None
    eval_start_epoch: int = 1
    eval_interval: int = 1
    metric: str = "hmean"
    save_best_ckpt: bool = True
    save_checkpoint_epochs: int = 1
    save_checkpoint_minutes: float = 0.0
    keep_checkpoint_max: int = 5
    resume: bool = False
    prefix: str = "ctpn"
    loss_label: str = "rpn_loss"
    log_every: int = 50
    interactive: bool | None = None
    config: dict | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "log_every", "eval_interval", "rank_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} given, at least 1 expected")
        for name in ("clip_norm", "save_checkpoint_epochs", "save_checkpoint_minutes", "keep_checkpoint_max"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} given, 0 or more expected")

    @property
    def checkpoint_dir(self) -> Path:
        return Path(self.output_dir) / "ckpt_0"


MOST_SEED = 2**32 - 1  # of NumPy's generators


class SeedOptions(Options):
    """Where chance comes from."""

    seed: int = option(
        1, "seed of weights, rendered words, sampling, augmentation and data order", low=0, high=MOST_SEED
    )


class OptimizerOptions(Options):
    """How the weights are updated."""

    batch_size: int = option(2, "samples per step and device", low=1)
    optimizer: Literal["momentum", "adam", "adamw", "adadelta"] = option(
        "momentum", "rule by which the weights are updated"
    )
    momentum: float = option(0.9, "momentum of the momentum optimizer", low=0, high=1)
    weight_decay: float = option(1e-4, "weight decay of convolution and dense weights", low=0)
    clip_norm: float = option(
        10.0, "largest global norm of the gradient, which is clipped to it; 0 does not clip", low=0
    )


class PrecisionOptions(Options):
    """In what the network computes."""

    mixed_precision: AutoOrBool = option(
        "auto",
        "convolutions and dense layers in half precision; batch norm, LSTM and CTC stay in single; auto: on "
        "Ascend only, as the original",
    )
    loss_scale: float = option(
        1.0, "factor on the loss in mixed precision; where it is dynamic, the factor to start with", low=1
    )
    dynamic_loss_scale: bool = option(
        False, "halve the factor when a gradient overflows, raise it when none has for a while"
    )


class LogOptions(Options):
    """What is logged."""

    log_interval: int = option(10, "steps between two lines of the log", low=1)


class CheckpointOptions(Options):
    """When a training is saved, and where."""

    save_checkpoint: bool = option(True, "write checkpoints")
    save_checkpoint_epochs: int = option(10, "epochs between two checkpoints", low=1)
    save_checkpoint_minutes: float = option(
        10.0, "minutes after which one is written within an epoch; 0 for never", low=0
    )
    keep_checkpoint_max: int = option(5, "newest checkpoints that are kept", low=1)
    save_checkpoint_path: NonEmpty = option("./", "folder for logs and, in ckpt_0, checkpoints")
    resume: bool = option(False, "continue from the newest complete checkpoint in ckpt_0")


class EvaluationTimes(Options):
    """When a training is evaluated."""

    run_eval: bool = option(False, "evaluate while training")
    save_best_ckpt: bool = option(True, "keep the checkpoint with the best hmean or accuracy as best_acc.ckpt")
    eval_start_epoch: int = option(10, "first epoch after which to evaluate", low=1)
    eval_interval: int = option(10, "epochs between two evaluations", low=1)


class RunOptions(SeedOptions, OptimizerOptions, PrecisionOptions, LogOptions, CheckpointOptions, EvaluationTimes):
    """The options of the trainings of both networks."""

    def train_options(
        self, epochs: int, rank_id: int, rank_size: int, *, metric: str, prefix: str, loss_label: str
    ) -> TrainOptions:
        """The options of the loop."""
        loss_scale: float | str = "dynamic" if self.dynamic_loss_scale else self.loss_scale
        return TrainOptions(
            epochs=epochs,
            output_dir=Path(self.save_checkpoint_path),
            rank_id=rank_id,
            rank_size=rank_size,
            clip_norm=self.clip_norm,
            loss_scale=loss_scale if self.mixed_precision is True else None,
            eval_start_epoch=self.eval_start_epoch,
            eval_interval=self.eval_interval,
            metric=metric,
            save_best_ckpt=self.save_best_ckpt,
            save_checkpoint_epochs=self.save_checkpoint_epochs if self.save_checkpoint else 0,
            save_checkpoint_minutes=self.save_checkpoint_minutes,
            keep_checkpoint_max=self.keep_checkpoint_max,
            resume=self.resume,
            prefix=prefix,
            loss_label=loss_label,
            log_every=self.log_interval,
            config=self.to_dict(),
        )


@dataclass
class TrainResult:
    """How a training ended.

    Attributes:
        epoch, step, global_step: the last step made: epoch from 1, its steps, steps of the training.
        losses: means of the loss terms and `grad_norm` over the last interval of the log.
        images_per_second: mean over the steps after the warm-up, data loading included, all ranks together.
        compile_seconds: time of the first step.
        best: best `metric` of the evaluations; None without evaluation.
        evaluation: metrics of the last evaluation.
        overflows: steps that the loss scale skipped.
        checkpoint: the last `.ckpt` written.
        stopped_by: "SIGTERM", "SIGINT" or "another rank"; None if the training is complete.
        exit_code: for the process: 0, or 143 and 130 after the signals.
    """

    epoch: int = 0
    step: int = 0
    global_step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    images_per_second: float | None = None
    compile_seconds: float = 0.0
    best: float | None = None
    evaluation: dict | None = None
    overflows: int = 0
    checkpoint: Path | None = None
    stopped_by: str | None = None
    exit_code: int = 0

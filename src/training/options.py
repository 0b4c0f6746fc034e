"""What can be asked of a training, and how one ended."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from src.common.errors import UserError


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
                raise UserError(f"{name}: {getattr(self, name)} given, at least 1 expected")
        for name in ("clip_norm", "save_checkpoint_epochs", "save_checkpoint_minutes", "keep_checkpoint_max"):
            if getattr(self, name) < 0:
                raise UserError(f"{name}: {getattr(self, name)} given, 0 or more expected")

    @property
    def checkpoint_dir(self) -> Path:
        return Path(self.output_dir) / "ckpt_0"


def loop_options(config: Any, rank_id: int, rank_size: int) -> dict[str, Any]:
    """The fields of `TrainOptions` that the configurations of both networks give under the same keys."""
    loss_scale = "dynamic" if config.dynamic_loss_scale else config.loss_scale
    return {
        "output_dir": Path(config.save_checkpoint_path),
        "rank_id": rank_id,
        "rank_size": rank_size,
        "clip_norm": config.clip_norm,
        "loss_scale": loss_scale if config.mixed_precision else None,
        "eval_start_epoch": config.eval_start_epoch,
        "eval_interval": config.eval_interval,
        "save_best_ckpt": config.save_best_ckpt,
        "save_checkpoint_epochs": config.save_checkpoint_epochs if config.save_checkpoint else 0,
        "save_checkpoint_minutes": config.save_checkpoint_minutes,
        "keep_checkpoint_max": config.keep_checkpoint_max,
        "resume": config.resume,
        "log_every": config.log_interval,
        "config": config.to_dict(),
    }


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

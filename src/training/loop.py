"""The training loop of both networks."""

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import mindspore as ms
import numpy as np
import yaml
from mindspore import Tensor, nn

from src.errors import UserError
from src.training.atomic_file import write_atomically
from src.training.checkpoints import CheckpointFolder
from src.training.eval_callback import EvalCallback, Evaluate
from src.training.interrupts import EXIT_CODE_BASE, StopRequest
from src.training.loss_scale import LossScaler
from src.training.optimizers import learning_rate_table
from src.training.run_log import RunLog
from src.training.run_state import RunState
from src.training.throughput import Throughput
from src.training.train_step import TrainStep
from src.training.weights_file import network_arrays


class NotFiniteError(UserError):
    """A loss term or the gradient is NaN or infinite; the weights are those before the step."""


class TrainData(Protocol):
    """What the loop needs of training data; the batches of an epoch depend on its number (from 1) alone."""

    batch_size: int
    steps_per_epoch: int

    def epoch(self, epoch: int, first_step: int = 0):
        """Iterate the batches of `epoch` from the one with index `first_step`, each a tuple of arrays."""


@dataclass
class TrainResult:
    """How a training ended. `images_per_second` is the mean over the steps after the warm-up (all ranks)."""

    epoch: int
    step: int
    global_step: int
    losses: dict[str, float] = field(default_factory=dict)
    images_per_second: float | None = None
    compile_seconds: float = 0.0
    best: float | None = None
    evaluation: dict | None = None
    overflows: int = 0
    checkpoint: Path | None = None
    stopped_by: str | None = None
    exit_code: int = 0


def train(
    loss_cell: nn.Cell,
    optimizer: nn.Optimizer,
    data: TrainData,
    *,
    epochs: int,
    output_dir: str | Path,
    network: nn.Cell | None = None,
    rank_id: int = 0,
    rank_size: int = 1,
    clip_norm: float = 0.0,
    loss_scale: float | str | None = None,
    evaluate: Evaluate | None = None,
    eval_start_epoch: int = 1,
    eval_interval: int = 1,
    metric: str = "hmean",
    save_best_ckpt: bool = True,
    save_checkpoint_epochs: int = 1,
    save_checkpoint_minutes: float = 0.0,
    keep_checkpoint_max: int = 5,
    resume: bool = False,
    prefix: str = "ctpn",
    loss_label: str = "rpn_loss",
    log_every: int = 50,
    interactive: bool | None = None,
    config: dict | None = None,
) -> TrainResult:
    """Train `loss_cell` on `data` up to and including epoch `epochs`.

    Writes under `output_dir`: `ckpt_0/` (checkpoints, best_acc.ckpt, config.yaml; rank 0 only, all ranks resume
    from it), `loss_<rank>.log`, `metrics.jsonl`, `tensorboard/`.

    Args:
        loss_cell: gives a tuple of scalars named by its `term_names`; the first is minimised.
        optimizer: of `make_optimizer`, with a learning rate for every step of `epochs`.
        data: see `TrainData`; with several ranks the part of this rank.
        network: whose parameters are saved; `loss_cell.network` by default.
        clip_norm: greatest global norm of the gradient, 0 = no clipping.
        loss_scale: None, a fixed number, or "dynamic"; see `LossScaler`.
        evaluate: called on every rank that has one, network in evaluation mode; returns figures by name, of which
            `metric` decides about best_acc.ckpt.
        save_checkpoint_epochs: epochs between checkpoints, 0 = none, not even at the end.
        save_checkpoint_minutes: also within an epoch after so many minutes, 0 = not.
        resume: continue from the newest usable checkpoint; from the start if there is none.
        prefix: first part of checkpoint names.
        loss_label, log_every: name of the loss in, and steps between, the lines of `loss_<rank>.log`.
        interactive: progress bar or plain lines, None = by the terminal.
        config: resolved configuration, written beside the checkpoints.

    Raises:
        NotFiniteError: before the update; names the step and the loss term.
        UserError: nothing to train on, `output_dir` holds another training, no usable checkpoint, ...
    """
    network = network if network is not None else loss_cell.network
    steps = data.steps_per_epoch
    if epochs < 1 or steps < 1:
        raise UserError(f"nothing to train: {epochs} epochs of {steps} steps")
    rates = learning_rate_table(optimizer)
    if len(rates) < epochs * steps:
        raise UserError(f"the schedule has {len(rates)} steps, {epochs} epochs of {steps} steps need {epochs * steps}")
    folder = CheckpointFolder(Path(output_dir) / "ckpt_0", prefix=prefix, keep_max=keep_checkpoint_max)
    if not resume and rank_id == 0 and folder.existing():
        raise UserError(f"{folder.folder} holds checkpoints of another training: resume it, or choose another folder")
    evaluation = None
    if evaluate is not None:
        evaluation = EvalCallback(evaluate, network, eval_start_epoch, eval_interval, metric)
    state = RunState(network, optimizer, LossScaler.from_option(loss_scale), evaluation, steps)
    snapshot = folder.load_newest() if resume else None
    if snapshot is not None:
        state.restore(snapshot)
    step_cell = TrainStep(
        loss_cell, optimizer, clip_norm=clip_norm, rank_size=rank_size, scaled=state.scaler.enabled
    ).set_train()
    speed = Throughput(data.batch_size * rank_size)
    result = TrainResult(state.epoch, state.step, state.global_step)

    with (
        StopRequest() as stop,
        RunLog(output_dir, total_steps=epochs * steps, rank_id=rank_id, loss_label=loss_label,
               start_step=state.global_step, interactive=interactive) as log,
    ):  # fmt: skip
        folder.say = log.say
        if resume:
            where = f"after epoch {state.epoch} step {state.step}" if snapshot else "from the start: no checkpoint yet"
            log.say(f"resumed {where}")
        if config is not None and rank_id == 0:
            text = yaml.safe_dump(json.loads(json.dumps(config, default=str)), allow_unicode=True)
            write_atomically(folder.folder / "config.yaml", [text.encode()])
        last_save = time.monotonic()

        def save() -> None:
            nonlocal last_save
            if rank_id == 0 and save_checkpoint_epochs > 0:
                result.checkpoint = folder.save(state.snapshot())
                log.say(f"saved {result.checkpoint}")
            last_save = time.monotonic()
            speed.restart_clock()

        while not (state.epoch == epochs and state.epoch_closed) and state.epoch <= epochs:
            state.open_next_epoch()
            for batch in data.epoch(state.epoch, state.step) if state.step < steps else ():
                report = _run_step(step_cell, batch, state.scaler.scale, stop.requested)
                terms = dict(zip(loss_cell.term_names, report.terms, strict=True))
                rate = float(rates[state.updates])
                _check_finite(report, terms, state)
                state.count_step({**terms, "grad_norm": report.norm})
                speed.step_done()
                shown = {**terms, "lr": rate, "images/s": speed.images_per_second}
                log.advance(state.epoch, state.step, state.global_step, shown)
                if state.step % log_every == 0 or state.step == steps:
                    extra = {"lr": rate, "images_per_s": speed.window()}
                    if state.scaler.enabled:
                        extra |= {"loss_scale": state.scaler.scale, "overflows": state.scaler.overflows}
                    result.losses = state.take_means()
                    log.record(state.epoch, state.step, state.global_step, {**result.losses, **extra})
                if report.stopping:
                    result.stopped_by = stop.name or "another rank"
                    break
                if save_checkpoint_minutes > 0 and time.monotonic() - last_save >= 60 * save_checkpoint_minutes:
                    save()
            if result.stopped_by:
                result.exit_code = EXIT_CODE_BASE + (stop.signum or 15)
                save()
                log.say(f"stopped by {result.stopped_by} after epoch {state.epoch} step {state.step}")
                break
            if state.step != steps:
                raise UserError(f"training data: epoch {state.epoch} ended after {state.step} of {steps} steps")
            if evaluation is not None and evaluation.due(state.epoch, epochs):
                result.evaluation, is_best = evaluation.run()
                log.record_evaluation(state.epoch, state.step, state.global_step, result.evaluation)
                if is_best and save_best_ckpt and rank_id == 0:
                    folder.save_best(network_arrays(network), {**result.evaluation, "epoch": state.epoch})
                speed.restart_clock()
            state.epoch_closed = True
            if save_checkpoint_epochs > 0 and (state.epoch % save_checkpoint_epochs == 0 or state.epoch == epochs):
                save()

    result.epoch, result.step, result.global_step = state.epoch, state.step, state.global_step
    result.images_per_second, result.compile_seconds = speed.images_per_second, speed.compile_seconds
    result.best = evaluation.best if evaluation is not None else None
    result.overflows = state.scaler.overflows
    return result


@dataclass
class _Report:
    terms: list[float]
    norm: float
    bad_losses: int  # ranks
    bad_gradients: int
    stopping: int


def _run_step(step_cell: TrainStep, batch: tuple, scale: float, stop: bool) -> _Report:
    control = Tensor(np.array([scale, float(stop)], np.float32))
    # Tensor(array) copies, so the data may reuse its buffers.
    inputs = [array if isinstance(array, ms.Tensor) else Tensor(np.ascontiguousarray(array)) for array in batch]
    *terms, norm, bad_losses, bad_gradients, stopping = step_cell(control, *inputs).asnumpy().tolist()
    return _Report(terms, norm, round(bad_losses), round(bad_gradients), round(stopping))


def _check_finite(report: _Report, terms: dict[str, float], state: RunState) -> None:
    """Count an overflow that the loss scale deals with; raise for everything else that is not finite."""
    if report.bad_losses == 0 and state.scaler.after_step(report.bad_gradients > 0):
        return
    bad = [f"{name} = {value}" for name, value in terms.items() if not math.isfinite(value)]
    if report.bad_losses == 0:
        bad = [f"gradient norm = {report.norm}"]
    where = f"epoch {state.epoch} step {state.step + 1} (step {state.global_step + 1} of the training)"
    raise NotFiniteError(f"not finite at {where}: {', '.join(bad) or 'loss of another rank'}; no update was made")

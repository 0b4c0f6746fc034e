"""The training loop of both networks."""

import errno
import json
import time
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Protocol

import numpy as np
import yaml
from mindspore import nn

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.common.folder_lock import hold_folder
from src.common.options import OptionError
from src.training.checkpoints import CheckpointFolder
from src.training.eval_callback import EvalCallback, Evaluate
from src.training.interrupts import EXIT_CODE_BASE, StopRequest
from src.training.loss_scale import LossScaler
from src.training.optimizers import learning_rate_table
from src.training.options import TrainOptions, TrainResult
from src.training.run_log import RunLog
from src.training.run_state import NotFiniteError, RunState, not_finite_message
from src.training.throughput import Throughput
from src.training.train_step import TrainStep
from src.weights.weights_file import network_arrays

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # an open log file hears of it without its name


class TrainData(Protocol):
    """What the loop needs of training data. With several ranks it gives the part of this rank."""

    batch_size: int
    steps_per_epoch: int

    def epoch(self, epoch: int, first_step: int = 0) -> Iterable[tuple[np.ndarray, ...]]:
        """The batches of `epoch` (from 1) from index `first_step` on, the same ones at every call."""


def train(
    loss_cell: nn.Cell,
    optimizer: nn.Optimizer,
    data: TrainData,
    options: TrainOptions,
    *,
    network: nn.Cell | None = None,
    evaluate: Evaluate | None = None,
) -> TrainResult:
    """Train `loss_cell` on `data`.

    Args:
        loss_cell: `construct(*batch)` gives a tuple of scalars named by `loss_cell.term_names`; the first of
            them, "loss", is minimized.
        optimizer: of `make_optimizer`, with a learning rate for every step.
        options: see `TrainOptions`.
        network: whose parameters the checkpoints hold; `loss_cell.network` by default.
        evaluate: called with the network in evaluation mode, on each rank that has one; returns metrics.

    Raises:
        NotFiniteError: before the update; names the step and the loss term.
        UserError: an option out of range, another training in `output_dir`, no usable checkpoint to resume
            from, a disk that cannot be written, ...
    """
    network = network if network is not None else loss_cell.network
    _check(options, data, optimizer)
    messages: list[str] = []
    only_one = options.rank_id == 0
    with hold_folder(options.checkpoint_dir, "training", messages.append) if only_one else nullcontext():
        return _train(loss_cell, optimizer, data, options, network=network, evaluate=evaluate, messages=messages)


def _train(
    loss_cell: nn.Cell,
    optimizer: nn.Optimizer,
    data: TrainData,
    options: TrainOptions,
    *,
    network: nn.Cell,
    evaluate: Evaluate | None,
    messages: list[str],
) -> TrainResult:
    """`train` in a folder that no other training uses; `messages` are for the log."""
    evaluation = None
    if evaluate is not None:
        evaluation = EvalCallback(evaluate, network, options.eval_start_epoch, options.eval_interval, options.metric)
    folder = CheckpointFolder(
        options.checkpoint_dir, prefix=options.prefix, keep_max=options.keep_checkpoint_max, log=messages.append
    )
    state = RunState(network, optimizer, LossScaler.from_option(options.loss_scale), evaluation, data.steps_per_epoch)
    if options.resume:
        snapshot = folder.load_newest()
        if snapshot is not None:
            state.restore(snapshot)
        messages.append(f"resumed after epoch {state.epoch} step {state.step}" if snapshot else "nothing to resume")
    elif options.rank_id == 0 and folder.existing():
        raise OptionError(
            f"{folder.folder} holds another training: --resume continues it,"
            " --save_checkpoint_path FOLDER starts a new one elsewhere"
        )
    if options.config is not None and options.rank_id == 0:
        text = yaml.safe_dump(json.loads(json.dumps(options.config, default=str)), allow_unicode=True)
        write_atomically(folder.folder / "config.yaml", [text.encode()])
    step_cell = TrainStep(
        loss_cell,
        optimizer,
        clip_norm=options.clip_norm,
        rank_size=options.rank_size,
        scaled=state.scaler.enabled,
    ).set_train()
    log = RunLog(
        options.output_dir,
        total_steps=options.epochs * data.steps_per_epoch,
        rank_id=options.rank_id,
        loss_label=options.loss_label,
        start_step=state.global_step,
        interactive=options.interactive,
    )
    try:
        with StopRequest() as stop, log:
            for message in messages:
                log.info(message)
            folder.log = log.info
            return _Run(options, step_cell, data, state, folder=folder, log=log, stop=stop).run()
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UserError(f"cannot write to {options.output_dir}: {error.strerror}") from error


def _check(options: TrainOptions, data: TrainData, optimizer: nn.Optimizer) -> None:
    if data.steps_per_epoch < 1:
        raise UserError("nothing to train on: the data has no full batch")
    needed, given = options.epochs * data.steps_per_epoch, len(learning_rate_table(optimizer))
    if given < needed:
        raise UserError(f"the learning rate schedule has {given} steps, the training {needed}")


class _Run:
    """One call of `train`: the order in which steps, logs, evaluations and checkpoints happen."""

    def __init__(
        self,
        options: TrainOptions,
        step_cell: TrainStep,
        data: TrainData,
        state: RunState,
        *,
        folder: CheckpointFolder,
        log: RunLog,
        stop: StopRequest,
    ):
        self.options, self.step_cell, self.data, self.state = options, step_cell, data, state
        self.folder, self.log, self.stop = folder, log, stop
        self.rates = learning_rate_table(state.optimizer)
        self.speed = Throughput(data.batch_size * options.rank_size)
        self.last_save = time.monotonic()
        self.result = TrainResult()

    def run(self) -> TrainResult:
        state, result = self.state, self.result
        while state.epoch < self.options.epochs or not state.epoch_closed:
            state.open_next_epoch()
            self.train_epoch()
            if result.stopped_by:
                self.save()
                self.log.info(f"stopped by {result.stopped_by} after epoch {state.epoch} step {state.step}")
                break
            self.close_epoch()
        result.epoch, result.step, result.global_step = state.epoch, state.step, state.global_step
        result.images_per_second = self.speed.images_per_second
        result.compile_seconds = self.speed.compile_seconds
        result.overflows = state.scaler.overflows
        if state.evaluation is not None:
            result.best = state.evaluation.best
        return result

    def train_epoch(self) -> None:
        """The steps of the epoch that are not done yet."""
        state, steps = self.state, self.data.steps_per_epoch
        if state.step == steps:  # stopped between its last step and its evaluation
            return
        for batch in self.data.epoch(state.epoch, state.step):
            if self.do_step(batch):
                self.result.stopped_by = self.stop.name or "another rank"
                self.result.exit_code = EXIT_CODE_BASE + (self.stop.signum or 15)
                return
            minutes = (time.monotonic() - self.last_save) / 60
            if 0 < self.options.save_checkpoint_minutes <= minutes:
                self.save()
        if state.step != steps:
            raise UserError(f"training data: epoch {state.epoch} ended after {state.step} of {steps} steps")

    def do_step(self, batch: tuple) -> bool:
        """One step with its logs. Whether a rank was asked to stop."""
        state = self.state
        report = self.step_cell.run(batch, state.scaler.scale, self.stop.requested)
        rate = float(self.rates[state.updates])
        # On several ranks all of them see the same counts, so all go on or none does.
        overflowed = report.bad_gradients > 0
        if report.bad_losses or not state.scaler.after_step(overflowed):
            raise NotFiniteError(not_finite_message({**report.terms, "gradient norm": report.norm}, state))
        if overflowed and not state.statistics_are_finite():
            raise NotFiniteError(not_finite_message({"batch-norm statistics": float("nan")}, state))
        state.count_step({**report.terms, "grad_norm": report.norm})
        self.speed.step_done()
        self.log.advance(
            state.epoch,
            state.step,
            state.global_step,
            {**report.terms, "lr": rate, "images/s": self.speed.images_per_second},
            self.speed.seconds_per_step,
        )
        if state.step % self.options.log_every == 0 or state.step == self.data.steps_per_epoch:
            self.result.losses = state.take_means()
            metrics = {**self.result.losses, "lr": rate, "images_per_s": self.speed.window()}
            if state.scaler.enabled:
                metrics |= {"loss_scale": state.scaler.scale, "overflows": state.scaler.overflows}
            self.log.record(state.epoch, state.step, state.global_step, metrics)
        return report.stopping > 0

    def close_epoch(self) -> None:
        """Evaluation and checkpoint after an epoch."""
        state, options, evaluation = self.state, self.options, self.state.evaluation
        if evaluation is not None and evaluation.due(state.epoch, options.epochs):
            metrics, is_best = evaluation.run()
            self.result.evaluation = metrics
            self.log.record_evaluation(state.epoch, state.step, state.global_step, metrics)
            if is_best and options.save_best_ckpt and options.rank_id == 0:
                self.folder.save_best(network_arrays(state.network), {"epoch": state.epoch, **metrics})
            self.speed.restart_clock()
        state.epoch_closed = True
        every = options.save_checkpoint_epochs
        if every > 0 and (state.epoch % every == 0 or state.epoch == options.epochs):
            self.save()

    def save(self) -> None:
        if self.options.rank_id == 0 and self.options.save_checkpoint_epochs > 0:
            self.result.checkpoint = self.folder.save(self.state.snapshot())
            self.log.info(f"saved {self.result.checkpoint}")
        self.last_save = time.monotonic()
        self.speed.restart_clock()

"""The loop of both networks: steps by the clock, averaged weights, evaluation, checkpoints, resuming."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pytorch.budget import Budget, OpenBudget
from pytorch.device import autocast
from pytorch.recipe_options import UpdateOptions
from pytorch.run_folder import BEST, FINAL, RunFolder
from src.common.errors import UserError
from src.training.interrupts import EXIT_CODE_BASE, StopRequest

_READ_EVERY = 20  # steps between two reads of the loss, which wait for the device

Losses = dict[str, torch.Tensor]
Exported = dict[str, tuple[dict[str, torch.Tensor], dict[str, Any]]]


class Trainer:
    """Trains `model`; `run` may be called once.

    Args:
        next_batch: share of the training that is over -> a batch, or None while it is prepared, which a stop ends.
        loss: a batch -> (losses by name, the first is the one to minimize; number of samples).
        evaluate: a model in evaluation mode -> (score that chooses the best weights, metrics by name).
        data_state: what the data needs to go on after this part; kept in the state under "data".
        settings: how the weights are updated, and how often it is logged and evaluated.
        exported: a model -> what is kept of it: by a suffix of the file's name, a state dict and plain values that
            are stored beside it.

    Attributes:
        exit_code: of the command, after `run`: 0, or as shells report the signal that stopped it.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        device: torch.device,
        folder: RunFolder,
        settings: UpdateOptions,
        *,
        bf16: bool,
        loss: Callable[[torch.nn.Module, Any], tuple[Losses, int]],
        next_batch: Callable[[float], Any],
        evaluate: Callable[[torch.nn.Module], tuple[float, dict[str, float]]],
        data_state: Callable[[], dict[str, Any]],
        exported: Callable[[torch.nn.Module], Exported],
    ):
        self.model, self.device, self.folder, self.settings = model, device, folder, settings
        self.bf16, self.loss, self.next_batch, self.evaluate = bf16, loss, next_batch, evaluate
        self.data_state, self.exported = data_state, exported
        self.optimizer = torch.optim.AdamW(
            _decay_groups(model, settings.weight_decay),
            lr=0.0,
            betas=(0.9, settings.beta2),
            fused=device.type == "cuda",
        )
        average = get_ema_multi_avg_fn(settings.ema)
        self.average = AveragedModel(model, multi_avg_fn=average, use_buffers=True) if settings.ema else None
        self.step, self.samples, self.best = 0, 0, -math.inf
        self.exit_code = 0

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`, as `RunFolder.load_state` gives it."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.step, self.samples, self.best = state["step"], state["samples"], state["best"]

    @property
    def result(self) -> torch.nn.Module:
        """The weights to keep: averaged ones where they are wanted."""
        return self.model if self.average is None else self.average.module

    def run(self, budget: Budget | OpenBudget) -> bool:
        """Train until the budget is spent; returns whether it is, or only this part of the training is over.

        SIGTERM and Ctrl-C end it after the current step. Raises UserError when the loss is not finite any more; the
        state before it stays.
        """
        self.budget = budget
        sums: dict[str, float] = {}
        marks = {"log": time.monotonic(), "eval": time.monotonic(), "save": time.monotonic()}
        logged_samples = self.samples
        recent: list[Losses] = []
        paused = False
        with StopRequest() as stop:
            while (fraction := self.budget.fraction(self.step)) < 1 and not (paused or stop.requested):
                batch = self.next_batch(fraction)
                while batch is None and not stop.requested:
                    batch = self.next_batch(fraction)
                if batch is None:
                    break
                rate = self.budget.rate(self.step, self.settings.base_lr)
                losses = self._train_step(rate, batch)
                recent.append(losses)
                if self.step % _READ_EVERY and time.monotonic() - marks["log"] < self.settings.log_seconds:
                    continue
                sums = self._means(recent)
                recent = []
                now = time.monotonic()
                if now - marks["log"] >= self.settings.log_seconds:
                    speed = (self.samples - logged_samples) / (now - marks["log"])
                    self._log_progress(fraction, sums, rate, speed)
                    marks["log"], logged_samples = now, self.samples
                if now - marks["eval"] >= 60 * self.settings.eval_minutes:
                    self._evaluate(fraction, sums, rate)
                    marks["eval"] = time.monotonic()
                if now - marks["save"] >= 60 * self.settings.checkpoint_minutes:
                    self._save()
                    marks["save"] = time.monotonic()
                paused = self.budget.pauses()
            self._save()  # first: who stops a training may not wait for an evaluation
        fraction = self.budget.fraction(self.step)
        if fraction < 1 or not self.step:
            self.exit_code = EXIT_CODE_BASE + stop.signum if stop.signum else 0
            self.folder.log(f"stopped by {stop.name or 'its time'} at {self._place(fraction)}; --resume goes on")
            if self.step and self.best == -math.inf:  # what comes next in a recipe begins with the best weights
                kept = " and ".join(self._keep(BEST))
                self.folder.log(f"{kept}: the weights of this step, because none has been evaluated yet")
            return False
        self._evaluate(fraction, self._means(recent) if recent else sums, 0.0)
        self._save()
        self._keep(FINAL)
        return True

    def _train_step(self, rate: float, batch: Any) -> Losses:
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with autocast(self.device, self.bf16):
            losses, count = self.loss(self.model, batch)
        self.optimizer.zero_grad(set_to_none=True)
        next(iter(losses.values())).backward()
        if self.settings.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1
        self.samples += count
        return {name: value.detach() for name, value in losses.items()}

    def _means(self, recent: list[Losses]) -> dict[str, float]:
        means = {name: float(torch.stack([each[name] for each in recent]).mean()) for name in recent[0]}
        if not all(map(math.isfinite, means.values())):
            raise UserError(f"step {self.step}: the loss is not finite ({means}); go on from the state with --resume")
        return means

    def _log_progress(self, fraction: float, means: dict[str, float], rate: float, speed: float) -> None:
        losses = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        share = f"{fraction:6.1%} " if self.budget.has_end else ""
        self.folder.log(
            f"{self.budget.seconds:7.0f} s {share}step {self.step} samples {self.samples} {losses} "
            f"lr {rate:.2e} {speed:.1f}/s"
        )

    def _place(self, fraction: float) -> str:
        """How far the training is; a share of one without an end would be 0 for ever."""
        return f"{fraction:.1%}" if self.budget.has_end else f"step {self.step}"

    def _evaluate(self, fraction: float, means: dict[str, float], rate: float) -> None:
        self.result.eval()
        score, metrics = self.evaluate(self.result)
        self.folder.log(f"evaluation at {self._place(fraction)}: score {score:.4f} " + str(metrics))
        self.folder.add_to_curve(
            {
                "seconds": round(self.budget.seconds, 1),
                "step": self.step,
                "samples": self.samples,
                "lr": rate,
                **means,
                "score": score,
                **metrics,
            }
        )
        if score > self.best:
            self.best = score
            self._keep(BEST)

    def _keep(self, name: str) -> list[str]:
        """Save the weights as `best.pt`, or as `best_SUFFIX.pt` for each suffix that `exported` gives; the names."""
        file = Path(name)
        progress = {"step": self.step, "samples": self.samples, "seconds": self.budget.seconds}
        names = []
        for suffix, (state, about) in self.exported(self.result).items():
            names.append(f"{file.stem}_{suffix}{file.suffix}" if suffix else name)
            self.folder.save_weights(names[-1], state, {**about, **progress})
        return names

    def _save(self) -> None:
        for name, value in self.model.named_parameters():
            if not torch.isfinite(value).all():
                raise UserError(f"step {self.step}: {name} is not finite; go on from the state before with --resume")
        self.folder.save_state(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": None if self.average is None else self.average.state_dict(),
                "step": self.step,
                "samples": self.samples,
                "best": self.best,
                **self.budget.state(),
                "data": self.data_state(),
            }
        )


def _decay_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for kernels and matrices, none for vectors (biases, batch norm)."""
    parameters = [value for value in model.parameters() if value.requires_grad]
    return [
        {"params": [value for value in parameters if value.ndim > 1], "weight_decay": weight_decay},
        {"params": [value for value in parameters if value.ndim <= 1], "weight_decay": 0.0},
    ]

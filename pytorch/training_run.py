"""What the two training commands do alike: begin or continue in a folder, and train until the budget is used."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from pytorch.budget import Budget, OpenBudget
from pytorch.device import choose_device, prepare
from pytorch.recipe_options import RunOptions
from pytorch.run_folder import STATE, RunFolder
from pytorch.training import Trainer
from src.common.errors import UserError
from src.common.folder_lock import hold_folder
from src.common.options import OptionError


@contextmanager
def open_run(config: RunOptions) -> Iterator[tuple[torch.device, RunFolder, dict[str, Any] | None]]:
    """The device, made ready and seeded, the output folder, and with `resume` the state to go on from.

    No other training uses the folder inside.

    Raises:
        OptionError: `resume` without such a state; a folder or device that cannot be used.
        UserError: another training writes to the folder; a damaged state.
    """
    device = choose_device(config.device)
    prepare(device)
    torch.manual_seed(config.seed)
    messages: list[str] = []
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_folder(Path(config.output), "training", messages.append))
        except OptionError as error:
            raise OptionError(f"output: {error}") from None
        folder = RunFolder(config.output, config.resume)
        state = folder.load_state() if config.resume else None
        if config.resume and state is None:
            raise OptionError(f"resume: '{config.output}' holds no training; without --resume one begins there")
        for message in messages:
            folder.log(message)
        yield device, folder, state


def make_budget(config: RunOptions, state: dict[str, Any] | None) -> Budget | OpenBudget:
    """How long, and at what rate. Raises UserError for a length that does not fit the schedule."""
    if config.schedule == "constant":
        if config.minutes or config.steps:
            raise OptionError("schedule: constant has no end; minutes and steps must be 0, cooldown_minutes ends it")
        times = state and {key: state[key] for key in ("seconds", "cools_from") if key in state}
        return OpenBudget(config.warmup_steps, config.cooldown_minutes, times, config.stop_after_minutes)
    used = state["seconds"] if state else 0.0
    return Budget(config.minutes, config.steps, used, config.stop_after_minutes, warmup=config.warmup)


def run_trainer(trainer: Trainer, config: RunOptions, state: dict[str, Any] | None) -> int:
    """Train from `state`, or from the beginning, for the length of `config`; returns the exit code.

    Raises:
        UserError: a state of another network.
    """
    if state:
        with _fitting(trainer.folder):
            trainer.load(state)
    trainer.run(make_budget(config, state))
    return trainer.exit_code


def load_network(network: torch.nn.Module, state: dict[str, Any], folder: RunFolder) -> None:
    """The weights of a state. Raises UserError for those of another network."""
    with _fitting(folder):
        network.load_state_dict(state["model"])


@contextmanager
def _fitting(folder: RunFolder) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{folder.path / STATE} does not fit; resume with the same options: {error}") from error

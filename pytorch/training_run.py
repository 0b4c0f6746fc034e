"""What the two training commands do alike: begin or continue in a folder, and train until the budget is used."""

from typing import Any

import torch

from pytorch.budget import Budget
from pytorch.device import choose_device, prepare
from pytorch.run_folder import RunFolder
from pytorch.training import Trainer
from src.model_utils.config import Config


def open_run(config: Config) -> tuple[torch.device, RunFolder, dict[str, Any] | None]:
    """The device, made ready and seeded, the output folder, and the state to go on from with `resume`, if any."""
    device = choose_device(config.device)
    prepare(device)
    torch.manual_seed(config.seed)
    folder = RunFolder(config.output, config.resume)
    return device, folder, folder.load_state() if config.resume else None


def first_position(state: dict[str, Any] | None) -> int:
    """Where the data go on."""
    return state["data"]["position"] if state else 0


def run_trainer(trainer: Trainer, config: Config, state: dict[str, Any] | None) -> None:
    """Train from `state`, or from the beginning, for the minutes or steps of `config`."""
    if state:
        trainer.load(state)
    used = state["seconds"] if state else 0.0
    trainer.run(Budget(config.minutes, config.steps, used, config.stop_after_minutes, warmup=config.warmup))

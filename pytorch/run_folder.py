"""The folder of one training: its state to go on from, its best and final weights, its log and its curve."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pytorch.torch_file import load_torch, save_torch
from src.common.atomic_file import clear_leftovers
from src.common.errors import UserError
from src.common.options import OptionError

STATE, BEST, FINAL, LOG, CURVE = "state.pt", "best.pt", "final.pt", "train.log", "curve.csv"
_PARTS = {"model", "optimizer", "average", "step", "samples", "best", "seconds", "data"}


class RunFolder:
    """Files of one training; each is whole whenever the process is killed, whose leftovers are cleared.

    Raises UserError, when made, for a folder with another training in it and no `resume`.
    """

    def __init__(self, path: str | Path, resume: bool):
        self.path = Path(path)
        # A training that was killed before its first evaluation has a state and no curve.
        if not resume and any((self.path / name).exists() for name in (CURVE, STATE)):
            raise OptionError(f"{self.path}: holds a training; continue it with --resume, or give another output")
        self.path.mkdir(parents=True, exist_ok=True)
        clear_leftovers(self.path)
        self._columns: list[str] = []
        self._continue_curve()

    def load_state(self) -> dict[str, Any] | None:
        """The state that `save_state` wrote last, on the CPU; None where there is none.

        Raises:
            UserError: it is damaged.
        """
        file = self.path / STATE
        if not file.is_file():
            return None
        state = load_torch(file)
        if not isinstance(state, dict) or not state.keys() >= _PARTS:
            raise UserError(f"{file} is no state of a training")
        return state

    def save_state(self, state: dict[str, Any]) -> None:
        save_torch(self.path / STATE, state)

    def save_weights(self, name: str, state: Mapping[str, torch.Tensor], about: dict[str, Any]) -> None:
        """`best.pt`, for instance: the weights under "model", float32, and plain values about them beside it."""
        weights = {key: value.detach().cpu().clone() for key, value in state.items()}
        save_torch(self.path / name, {"model": weights, **about})

    def log(self, text: str) -> None:
        """Print a line and keep it in the log."""
        print(text, flush=True)
        with (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def add_to_curve(self, row: dict[str, float]) -> None:
        """A row of the curve; the first one decides on the columns, empty where a later row has nothing.

        Raises:
            UserError: a row with a column that the first one had not.
        """
        new = not self._columns
        self._columns = self._columns or list(row)
        with (self.path / CURVE).open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            if new:
                writer.writeheader()
            try:
                writer.writerow(row)
            except ValueError as error:
                raise UserError(f"{self.path / CURVE}: {error}; continue with the same options") from None

    def _continue_curve(self) -> None:
        if (self.path / CURVE).exists():
            with (self.path / CURVE).open(encoding="utf-8", newline="") as file:
                self._columns = next(csv.reader(file), [])

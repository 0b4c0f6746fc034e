"""What a run leaves to read: the screen, `loss_<rank>.log`, `metrics.jsonl` and TensorBoard scalars."""

import json
import logging
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from src.common.atomic_file import write_atomically
from src.common.errors import UserError

logger = logging.getLogger(__name__)


class RunLog:
    """Every rank writes its `loss_<rank>.log`; rank 0 writes and shows the rest.

    On a terminal progress is a bar; elsewhere (the scripts send it to `./log`) a plain line now and then.
    The loss lines have the form `377 epoch: 1 step: 229 ,rpn_loss: 0.00355`: seconds since the start, epoch,
    step of the epoch, mean of the loss since the line before.

    Args:
        folder: where the files go.
        total_steps: steps of the whole training.
        loss_label: name of the total loss in the loss lines.
        start_step: steps done before (resume); later lines of `metrics.jsonl` are dropped, they come again.
        interactive: bar or lines; None = whether standard output is a terminal.
        line_seconds: least time between plain lines.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        total_steps: int,
        rank_id: int = 0,
        loss_label: str = "rpn_loss",
        start_step: int = 0,
        interactive: bool | None = None,
        line_seconds: float = 10.0,
    ):
        self.folder = Path(folder)
        self.rank_id = rank_id
        self.loss_label = loss_label
        self.total_steps = total_steps
        self.line_seconds = line_seconds
        self.started = time.monotonic()
        self._last_line = float("-inf")
        self._metrics_file = self._board = self._progress = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._loss_file = _open(self.folder / f"loss_{rank_id}.log", start_step)
            if rank_id != 0:
                return
            path = self.folder / "metrics.jsonl"
            _keep_until(path, start_step)
            self._metrics_file = _open(path, start_step)
            self._board = _tensorboard(self.folder / "tensorboard", start_step)
        except OSError as error:
            raise UserError(f"cannot write logs to {self.folder}: {error.strerror}") from None
        if sys.stdout.isatty() if interactive is None else interactive:
            self._progress = _bar(total_steps, start_step)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def info(self, message: str) -> None:
        """A line for the user (rank 0 only)."""
        if self._progress is not None:
            self._progress.console.print(message, markup=False, highlight=False)
        elif self.rank_id == 0:
            logger.info(message)

    def advance(
        self,
        epoch: int,
        step: int,
        global_step: int,
        values: dict[str, float | None],
        seconds_per_step: float | None = None,
    ) -> None:
        """Show a step: `values` are metrics of this step by name."""
        if self.rank_id != 0:
            return
        metrics = " ".join(f"{name} {_short(value)}" for name, value in values.items() if value is not None)
        if self._progress is not None:
            task = self._progress.task_ids[0]
            self._progress.update(task, completed=global_step, epoch=epoch, metrics=metrics)
            return
        now = time.monotonic()
        if now - self._last_line >= self.line_seconds or global_step == self.total_steps:
            self._last_line = now
            rest = timedelta(seconds=round((self.total_steps - global_step) * (seconds_per_step or 0)))
            eta = f" eta {rest}" if seconds_per_step else ""
            logger.info(f"epoch {epoch} step {step} ({global_step}/{self.total_steps}) {metrics}{eta}")

    def record(self, epoch: int, step: int, global_step: int, values: dict[str, float | None]) -> None:
        """Write means of an interval to every file. `values["loss"]` is the total loss."""
        seconds = int(time.monotonic() - self.started)
        loss = values.get("loss")
        if loss is not None:
            self._loss_file.write(f"{seconds} epoch: {epoch} step: {step} ,{self.loss_label}: {loss:.5f}\n")
        self._write("train", epoch, step, global_step, values)

    def record_evaluation(self, epoch: int, step: int, global_step: int, values: dict) -> None:
        """Write the metrics of an evaluation and show them."""
        self._write("eval", epoch, step, global_step, values)
        numbers = {k: v for k, v in values.items() if isinstance(v, (int, float)) and k != "seconds"}
        self.info(f"{json.dumps(numbers)} epoch: {epoch} evaluation: {values.get('seconds', 0.0):.1f} s")

    def close(self) -> None:
        """Flush and close everything; may be called twice."""
        if self._progress is not None:
            self._progress.stop()
        for file in (self._loss_file, self._metrics_file, self._board):
            if file is not None:
                file.close()
        self._progress = self._board = self._metrics_file = None

    def _write(self, event: str, epoch: int, step: int, global_step: int, values: dict) -> None:
        if self._metrics_file is None:
            return
        line = {"event": event, "epoch": epoch, "step": step, "global_step": global_step, **values}
        self._metrics_file.write(json.dumps(line, default=float) + "\n")
        for name, value in values.items():
            if self._board is not None and isinstance(value, (int, float)):
                self._board.add_scalar(f"{event}/{name}", value, global_step)


def _bar(total_steps: int, start_step: int) -> Progress:
    progress = Progress(
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[metrics]}"),
        console=Console(file=sys.stdout),
    )
    progress.add_task("train", total=total_steps, completed=start_step, epoch="-", metrics="compiling")
    progress.start()
    return progress


def _open(path: Path, start_step: int) -> TextIO:
    """Line-buffered, so that every line is there after a kill; a new training starts a new file.

    A link in its place is replaced, so that its target stays as it is.
    """
    if not start_step:
        write_atomically(path, [])
    return open(path, "a", encoding="utf-8", buffering=1)


def _short(value: float) -> str:
    return f"{value:.4g}"


def _keep_until(metrics: Path, start_step: int) -> None:
    """Drop the lines after `start_step` and a last line that a kill cut short."""
    if not metrics.exists():
        return
    kept = []
    for line in metrics.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        try:
            if json.loads(line)["global_step"] <= start_step and line.endswith("\n"):
                kept.append(line.encode())
        except (ValueError, KeyError, TypeError):
            continue
    write_atomically(metrics, kept)


def _tensorboard(folder: Path, start_step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=start_step + 1 if start_step else None)

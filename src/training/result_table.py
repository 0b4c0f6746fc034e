"""Accuracy and speed of a training as a row of the table that the reference prints."""

from pathlib import Path

import mindspore as ms

from src.common.atomic_file import write_atomically
from src.training.options import TrainResult

FILE_NAME = "result.md"
_COUNT_NAMES = {"Ascend": "Npu_nums", "GPU": "Gpu_nums", "CPU": "Cpu_nums"}


def write_result_table(result: TrainResult, folder: Path, rank_size: int, amp_type: str) -> str:
    """Write the table to `result.md` in `folder` and return it.

    Acc@1 is the best word accuracy of the evaluations in percent, FPS the mean number of words per second over all
    devices, after the warm-up and with data loading; "-" stands for what was not measured.
    """
    accuracy = f"{100 * result.best:.2f}" if result.best is not None else "-"
    speed = f"{result.images_per_second:.3f}" if result.images_per_second else "-"
    headings = ["Acc@1", "FPS", _COUNT_NAMES[ms.get_context("device_target")], "Epochs", "AMP_Type", "MindSpore"]
    row = [accuracy, speed, str(rank_size), str(result.epoch), amp_type, ms.__version__]
    widths = [max(len(heading), len(value), 3) for heading, value in zip(headings, row, strict=True)]
    lines = [
        "| " + " | ".join(value.center(width) for value, width in zip(cells, widths, strict=True)) + " |"
        for cells in (headings, row)
    ]
    lines.insert(1, "|" + "|".join(":" + "-" * width + ":" for width in widths) + "|")
    table = "\n".join(lines)
    write_atomically(folder / FILE_NAME, [table.encode() + b"\n"])
    return table

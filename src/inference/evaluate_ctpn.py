"""Evaluate checkpoints of the detection network as a configuration says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from src.ctpn.build import build_ctpn
from src.ctpn.checkpoint_formats import mindspore_ctpn
from src.data.ctpn_dataset import CtpnEvalData
from src.data.images import decode_image
from src.data.mindrecord_source import MindRecordSource
from src.errors import UserError
from src.inference.ctpn_options import detect_options
from src.inference.detection_results import draw_detections, write_detection_results
from src.inference.evaluate_detection import DetectionEvaluation, PredictMaps, evaluate_detection
from src.training.weights_file import load_weights, read_weights


def evaluate_ctpn(config: Any) -> dict[str, dict]:
    """Evaluate each checkpoint under `checkpoint_path` and write everything to `eval_output_path`.

    With `dataset_path` empty, the pictures of `image_path` are read without ground truth: there are results
    and pictures, but no figures.

    Returns:
        The figures (protocol -> precision, recall, hmean) by checkpoint.

    Raises:
        UserError: nothing to evaluate, a checkpoint that does not fit, or an unreadable test set.
    """
    checkpoints = find_checkpoints(Path(config.checkpoint_path))
    source, picture_folder = choose_source(config)
    folder = Path(config.eval_output_path)
    network = build_ctpn(config).set_train(False)
    figures = {}
    for checkpoint in checkpoints:
        load_weights(network, mindspore_ctpn(read_weights(checkpoint), config.lstm_branch))
        evaluation = evaluate_source(config, predictor(network), source, f"evaluating {checkpoint.name}")
        extra = {"checkpoint": checkpoint.name, "test_set": Path(source).name, "device": config.device_target}
        figures[checkpoint.stem] = write_detection_results(evaluation, folder, checkpoint.stem, extra)
        if config.draw_results:
            pictures = pictures_of(source, picture_folder)
            drawn = draw_detections(evaluation, pictures, folder / f"pictures_{checkpoint.stem}")
            print(f"drew {drawn} pictures to {folder / f'pictures_{checkpoint.stem}'}")
    report(figures, folder)
    return figures


def evaluate_in_training(config: Any, network: ms.nn.Cell) -> dict[str, float]:
    """Figures of `network`, as it is, on `eval_dataset_path`: DetEval under plain names, IoU beside it.

    With `eval_image_path`, what it finds is drawn on the pictures of that folder, below the checkpoints.
    """
    evaluation = evaluate_source(config, predictor(network), config.eval_dataset_path)
    if config.eval_image_path:
        pictures = pictures_of(config.eval_dataset_path, Path(config.eval_image_path))
        draw_detections(evaluation, pictures, Path(config.save_checkpoint_path) / "eval_pictures")
    figures = evaluation.figures()
    return {**figures["deteval"], "iou_hmean": figures["iou_0.5"]["hmean"], "images": len(evaluation.lines)}


def find_checkpoints(path: Path) -> list[Path]:
    """The checkpoint, or those of a folder from the oldest to the newest.

    Raises:
        UserError: there is none.
    """
    if path.is_file():
        return [path]
    found = sorted(path.glob("*.ckpt"), key=lambda item: (item.stat().st_mtime, item.name)) if path.is_dir() else []
    if not found:
        raise UserError(f"checkpoint_path: '{path}' is neither a checkpoint nor a folder with *.ckpt files")
    return found


def choose_source(config: Any) -> tuple[str, Path | None]:
    """The test set, and the folder whose pictures are drawn on (None for those in the test set).

    Raises:
        UserError: `image_path` and `img_dir` disagree, or nothing is given.
    """
    if config.image_path and config.img_dir and config.image_path != config.img_dir:
        raise UserError(f"img_dir: '{config.img_dir}' differs from image_path '{config.image_path}'; give one")
    folder = config.image_path or config.img_dir
    if folder and not Path(folder).is_dir():
        raise UserError(f"image_path: '{folder}' is not a folder")
    if config.dataset_path:
        return config.dataset_path, Path(folder) if folder else None
    if not folder:
        raise UserError("dataset_path: is empty, and so is image_path; give a MindRecord or a folder of pictures")
    return folder, Path(folder)


def evaluate_source(config: Any, predict: PredictMaps, source: str, title: str = "") -> DetectionEvaluation:
    """Run `predict` over a MindRecord or a folder of pictures; shows progress when there is a title."""
    options = detect_options(config)
    data = CtpnEvalData(
        source,
        batch_size=config.test_batch_size,
        image_shape=options.image_shape,
        keep_ratio=config.keep_ratio,
        num_workers=config.num_parallel_workers,
        max_bad_ratio=config.max_bad_ratio,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not title) as progress:
        task = progress.add_task(title, total=data.num_samples)
        evaluation = evaluate_detection(
            predict, data, config.test_batch_size, options, lambda count: progress.advance(task, count)
        )
    for name, reason in data.report.reasons.items():
        print(f"left out {name}: {reason}")
    evaluation.has_ground_truth = not Path(source).is_dir()
    return evaluation


def pictures_of(source: str, folder: Path | None) -> Iterator[tuple[str, np.ndarray]]:
    """(file name, RGB picture) of the test set, from `folder` where it holds a file of that name.

    Raises:
        UserError: `folder` lacks a picture of the test set.
    """
    if Path(source).is_dir():
        data = CtpnEvalData(source, batch_size=1, image_shape=(16, 16))
        for batch in data:
            name = batch["file_names"][0]
            yield name, decode_image(Path(source) / name)
        return
    records = MindRecordSource(source, {"image": "bytes", "file_name": "string"})
    for row in records.read(range(len(records))):
        name = row["file_name"]
        if folder is None:
            yield name, decode_image(row["image"].tobytes(), name=name)
        elif (folder / name).is_file():
            yield name, decode_image(folder / name)
        else:
            raise UserError(f"image_path: '{folder}' has no picture '{name}', which the test set holds")


def predictor(network: ms.nn.Cell) -> PredictMaps:
    """The network as a function from arrays to its two maps as arrays."""

    def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        score_map, delta_map = network(ms.Tensor(images))
        return score_map.asnumpy(), delta_map.asnumpy()

    return predict


def report(figures: dict[str, dict], folder: Path) -> None:
    """Print the figures as a table, and each in the form of the official script."""
    if not any(figures.values()):
        print(f"no ground truth, so no figures; results are in {folder}")
        return
    table = Table(title="text detection")
    for heading in ("checkpoint", "protocol", "precision", "recall", "hmean"):
        table.add_column(heading)
    for name, protocols in figures.items():
        for protocol, values in protocols.items():
            table.add_row(name, protocol, *(f"{values[key]:.5f}" for key in ("precision", "recall", "hmean")))
    Console().print(table)
    for name, protocols in figures.items():
        values = ", ".join(f'"{key}": {value:.5f}' for key, value in protocols["deteval"].items())
        print(f"{name}: {{{values}}}")

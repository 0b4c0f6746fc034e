"""Evaluate checkpoints of the detection network."""

import logging
from collections.abc import Iterable
from pathlib import Path

import mindspore as ms
import numpy as np

from src.common.errors import UserError
from src.common.options import OptionError
from src.common.progress_bar import progress_bar
from src.common.ranks import barrier, broadcast_statistics, current_ranks, gather_json
from src.ctpn.build import build_ctpn
from src.ctpn.checkpoint_formats import mindspore_ctpn
from src.ctpn.lstm_branches import choose_lstm
from src.ctpn.text_lines import detect_options
from src.data.detection.dataset import CtpnEvalData
from src.data.detection.evaluation_images import check_folder, images_of
from src.data.loading.bad_samples import BadSamples
from src.evaluation.checkpoint_files import evaluate_each, find_checkpoints, result_stem
from src.evaluation.detection import DetectionEvaluation, PredictMaps, evaluate_detection
from src.evaluation.detection_results import draw_detections, write_detection_results
from src.evaluation.gather_detection import gather_found
from src.evaluation.options import CtpnEvaluation, CtpnTrainingEvaluation, DetectionRunOptions
from src.evaluation.tables import metrics_line, show_table
from src.weights.weights_file import load_weights, read_weights

logger = logging.getLogger(__name__)


def evaluate_ctpn(config: CtpnEvaluation) -> dict[str, dict]:
    """Evaluate each checkpoint under `checkpoint_path` and write everything to `eval_output_path`.

    Several ranks evaluate a share of the images each; all get the metrics, and rank 0 writes.

    Returns:
        The metrics (protocol -> precision, recall, hmean) by checkpoint; empty ones without ground truth.

    Raises:
        UserError: nothing to evaluate, an unreadable test set, or (at the end) an unusable checkpoint.
    """
    checkpoints = find_checkpoints(Path(config.checkpoint_path))
    source, image_folder = choose_source(config)
    folder = Path(config.eval_output_path)
    rank_id, rank_size = current_ranks()
    is_main = rank_id == 0
    network = build_ctpn(config).set_train(False)
    predict = predictor(network)

    def load(checkpoint: Path) -> None:
        params = read_weights(checkpoint)
        lstm = choose_lstm(params, config.lstm_branch)
        load_weights(network, mindspore_ctpn(params, lstm.branch))
        if lstm.note and is_main:
            logger.info(f"{checkpoint.name}: {lstm.note}")
        # The first call compiles the network, which is no part of an image's time.
        predict(np.zeros((config.test_batch_size, 3, *config.image_size), np.float32))

    def evaluate(checkpoint: Path) -> dict:
        title = f"evaluating {checkpoint.name}" if is_main else ""
        evaluation = evaluate_source(config, predict, source, title, folder.glob("pictures_*"))
        if not is_main:
            return evaluation.metrics() if evaluation.has_ground_truth else {}
        extra = {"checkpoint": checkpoint.name, "test_set": source.name, "options": detect_options(config).to_dict()}
        metrics = write_detection_results(evaluation, folder, result_stem(checkpoint), extra)
        print(metrics_line(result_stem(checkpoint), metrics), flush=True)
        if config.draw_results:
            place = folder / f"pictures_{result_stem(checkpoint)}"
            drawn = draw_detections(evaluation, images_of(source, image_folder, evaluation.lines), place)
            logger.info(f"drew {drawn} images to {place}")
        return metrics

    def finish(metrics: dict[str, dict]) -> None:
        barrier(rank_size)
        if is_main and any(metrics.values()):
            show_table(metrics)
        if is_main and metrics:
            print(f"results are in {folder}")

    return evaluate_each(checkpoints, load, evaluate, finish)


def evaluate_in_training(config: CtpnTrainingEvaluation, drawings: Path, network: ms.nn.Cell) -> dict[str, float]:
    """Metrics of `network`, as it is, on `eval_dataset_path`: DetEval under plain names, IoU beside it.

    Several ranks evaluate a share each, with the batch-norm statistics of rank 0, which are those that are saved.
    With `eval_image_path`, what it finds is drawn on the images of that folder, into `drawings`.
    """
    rank_id, rank_size = current_ranks()
    broadcast_statistics(network, rank_size)
    evaluation = evaluate_source(config, predictor(network), Path(config.eval_dataset_path))
    if config.eval_image_path and rank_id == 0:
        images = images_of(config.eval_dataset_path, config.eval_image_path, evaluation.lines)
        draw_detections(evaluation, images, drawings)
    metrics = evaluation.metrics()
    shown = {**metrics["deteval"], "iou_hmean": metrics["iou_0.5"]["hmean"]}
    return {**{name: round(value, 6) for name, value in shown.items()}, "images": len(evaluation.lines)}


def choose_source(config: CtpnEvaluation) -> tuple[Path, Path | None]:
    """The test set, and the folder whose images are drawn on (None for those in the test set).

    With a folder of images and no MindRecord the folder is the test set, without ground truth. Where
    nobody named a MindRecord and the usual one is not there, that is logged.

    Raises:
        UserError: `image_path` and `img_dir` disagree, nothing is given, or the folder lacks an image.
    """
    if config.image_path and config.img_dir and config.image_path != config.img_dir:
        raise OptionError(f"img_dir: '{config.img_dir}' differs from image_path '{config.image_path}'; give one")
    folder = Path(config.image_path or config.img_dir) if config.image_path or config.img_dir else None
    if folder and not folder.is_dir():
        raise OptionError(f"image_path: '{folder}' is not a folder")
    if not config.dataset_path:
        if folder is None:
            raise OptionError("dataset_path: is empty, and so is image_path; give a MindRecord or a folder of images")
        return folder, folder
    source = Path(config.dataset_path)
    if source.is_dir():
        raise OptionError(f"dataset_path: '{source}' is a folder; give a MindRecord, or images with --image_path")
    if not any(map(Path.exists, (source, Path(f"{source}0")))):
        if folder and "dataset_path" not in config.given:
            logger.info(f"no MindRecord {source}: reading the images of {folder}, without ground truth")
            return folder, folder
        how = "" if source.is_absolute() else f" (from {Path.cwd()}); src/create_dataset.py makes it"
        raise OptionError(f"dataset_path: {source}: no such MindRecord file{how}")
    if folder and config.draw_results:
        try:
            check_folder(source, folder)
        except UserError as error:
            raise UserError(f"image_path: {error}") from None
    return source, folder


def evaluate_source(
    config: DetectionRunOptions, predict: PredictMaps, source: Path, title: str = "", without: Iterable[Path] = ()
) -> DetectionEvaluation:
    """Run `predict` over a MindRecord or a folder of images; shows progress when there is a title.

    without: folders of results, which may lie among the images.

    Several ranks share the images; what comes back is the whole, the same on each.
    """
    rank_id, rank_size = current_ranks()
    options = detect_options(config)
    data = CtpnEvalData(
        source,
        batch_size=config.test_batch_size,
        image_size=options.image_size,
        keep_ratio=config.keep_ratio,
        rank_id=rank_id,
        rank_size=rank_size,
        num_workers=config.num_parallel_workers,
        max_bad_ratio=config.max_bad_ratio,
        without=without,
    )
    with progress_bar(shown=bool(title)) as progress:
        task = progress.add_task(title, total=len(range(rank_id, data.num_samples, rank_size)))
        evaluation = evaluate_detection(
            predict,
            data,
            config.test_batch_size,
            options,
            lambda count: progress.advance(task, count),
            gather=lambda found: gather_found(found, rank_size),
        )
    # The ranks' shares may each hold fewer bad images than are accepted, but too many together.
    left_out = BadSamples(data.num_samples, config.max_bad_ratio)
    for reasons in gather_json(data.report.reasons, rank_size):
        for name, reason in reasons.items():
            left_out.add(name, reason)
    if rank_id == 0:
        for name, reason in left_out.reasons.items():
            logger.warning(f"left out {name}: {reason}")
    evaluation.has_ground_truth = not source.is_dir()
    return evaluation


def predictor(network: ms.nn.Cell) -> PredictMaps:
    """The network as a function from arrays to its two maps as arrays."""

    def predict(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        score_map, delta_map = network(ms.Tensor(images))
        return score_map.asnumpy(), delta_map.asnumpy()

    return predict

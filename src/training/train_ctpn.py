"""Train the detection network."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import mindspore as ms

from src.common.errors import UserError
from src.common.options import OptionError
from src.common.plain_yaml import read_documents
from src.ctpn.build import AUTO_KEYS, build_training_ctpn, settle_auto
from src.ctpn.checkpoint_formats import (
    backbone_only,
    describe_backbone,
    mindspore_ctpn,
    missing_backbone_layers,
)
from src.ctpn.lstm_branches import choose_lstm
from src.ctpn.options import AssignOptions, LearningOptions
from src.ctpn.topology import BACKBONE
from src.data.detection.dataset import COLUMNS, CtpnTrainData, open_training_records
from src.data.detection.evaluation_images import check_folder
from src.data.detection.mindrecord_reader import MindRecordSource
from src.data.detection.options import AugmentOptions, ValidationSetOptions
from src.training.ctpn_options import CtpnTraining
from src.training.ctpn_samples import SampleMaker
from src.training.lr_schedule import warmup_cosine
from src.training.options import CheckpointOptions, TrainResult
from src.training.run_training import Job, Ranks, continues, run_job, settle_precision, settle_sizes
from src.weights.weights_file import load_weights, read_weights

logger = logging.getLogger(__name__)
PREFIX = "ctpn"


def train_ctpn(
    config: CtpnTraining, rank_id: int, rank_size: int, evaluate: Callable[[ms.nn.Cell], dict] | None = None
) -> TrainResult:
    """Pre-train or fine-tune; checkpoints, logs and metrics go below `save_checkpoint_path`.

    Args:
        evaluate: gives the metrics of a network; called with `run_eval`.

    Raises:
        UserError: a file that is missing or does not fit, or a diverged training; see `loop.train`.
    """
    config = settle_precision(config)
    ranks, goes_on = Ranks(rank_id, rank_size), continues(config, PREFIX)
    if not config.is_pretraining and not config.pre_trained and not goes_on:
        raise OptionError("pre_trained: Finetune needs the checkpoint to start from (--pre_trained FILE)")
    if goes_on:
        config = config.replace(**choices_before(Path(config.save_checkpoint_path) / "ckpt_0", config))
    config = settle_sizes(config, PREFIX, config.pre_trained, ranks)
    config = settle_auto(config, has_backbone=bool(config.pre_trained) or not config.is_pretraining)
    data = training_data(config, rank_id, rank_size)
    if config.run_eval and evaluate:
        check_evaluation_data(config)
    network, loss_cell = build_training_ctpn(config, config.seed, config.mixed_precision is True)
    if config.pre_trained and not goes_on:
        logger.info(load_pre_trained(network, config.pre_trained, config.is_pretraining, config.lstm_branch))
    stage = config.stage()
    job = Job(
        network=network,
        loss_cell=loss_cell,
        data=data,
        epochs=stage.epochs,
        rates=warmup_cosine(
            stage.base_lr,
            stage.epochs * data.steps_per_epoch,
            warmup_steps=stage.warmup_steps,
            warmup_ratio=stage.warmup_ratio,
        ),
        metric="hmean",
        prefix=PREFIX,
        loss_label="rpn_loss",
        evaluate=partial(evaluate, network) if config.run_eval and evaluate else None,
    )
    result = run_job(job, config, ranks, describe_training(config, data, stage.epochs, ranks))
    for name, reason in data.report.reasons.items():
        logger.warning(f"replaced {name} while training: {reason}")
    if ranks.is_main:
        print(describe_result(config, result), flush=True)
    return result


def training_data(config: CtpnTraining, rank_id: int, rank_size: int) -> CtpnTrainData:
    """The training samples of this rank.

    Raises:
        UserError: the data file is missing or not one of ours.
    """
    with _named(*config.data_file()) as file:
        open_training_records(file)
    make_sample = SampleMaker(
        config.image_size,
        anchor_heights=config.anchor_height,
        options=AugmentOptions.part_of(config),
        keep_ratio=config.keep_ratio,
        side_refinement=config.side_refinement,
        min_cover=config.min_cover,
        min_text_height=config.min_text_height,
        assignment=AssignOptions.part_of(config),
    )
    return CtpnTrainData(
        file,
        make_sample,
        batch_size=config.batch_size,
        seed=config.seed,
        rank_id=rank_id,
        rank_size=rank_size,
        num_workers=config.num_parallel_workers,
        max_bad_ratio=config.max_bad_ratio,
    )


def check_evaluation_data(options: ValidationSetOptions) -> None:
    """What an evaluation while training needs is there now, not only found missing after the first epochs."""
    with _named("eval_dataset_path", options.eval_dataset_path) as file:
        MindRecordSource(file, COLUMNS)
    if options.eval_image_path:
        with _named("eval_image_path", options.eval_image_path) as folder:
            check_folder(options.eval_dataset_path, folder)


@contextlib.contextmanager
def _named(key: str, path: str) -> Iterator[str]:
    """Errors about the data at `path` name the key of the configuration it came from."""
    if not path:
        raise OptionError(f"{key}: is empty; make the data with src/create_dataset.py and name its first file")
    try:
        yield path
    except UserError as error:
        missing = not Path(path).exists() and key != "pre_trained"
        how = (
            f" (from {Path.cwd()}); src/create_dataset.py makes it"
            if missing and not Path(path).is_absolute()
            else ""
        )
        kind = OptionError if missing or isinstance(error, OptionError) else UserError
        raise kind(f"{key}: {error}{how}") from None


def choices_before(folder: Path, options: LearningOptions) -> dict[str, str]:
    """What `auto` stood for in the training that is continued; it depends on its `pre_trained`, not on ours."""
    try:
        before = read_documents(folder / "config.yaml")[0]
    except OptionError:
        return {}
    open_keys = [key for key in AUTO_KEYS if getattr(options, key) == "auto"]
    return {key: before[key] for key in open_keys if before.get(key) in ("learned", "frozen")}


def load_pre_trained(network: ms.nn.Cell, path: str, pretraining: bool, lstm_branch: str) -> str:
    """The backbone (Pretraining) or the whole network (Finetune) from a file, strictly; logs what was loaded.

    Raises:
        UserError: missing, damaged, or of another shape; names what differs.
    """
    with _named("pre_trained", path):
        params = read_weights(path)
        if not pretraining:
            lstm = choose_lstm(params, lstm_branch)
            load_weights(network, mindspore_ctpn(params, lstm.branch))
            return f"network: all parameters from {path} ({lstm.note or f'LSTM branch {lstm.branch}'})"
        backbone = backbone_only(params)
        fresh = missing_backbone_layers(backbone)
        others = [name for name, _ in network.parameters_and_names() if not name.startswith("vgg16_")]
        load_weights(network, backbone, allow_missing=[*others, *(f"{BACKBONE}{layer}." for layer in fresh)])
        return describe_backbone(path, fresh)


def describe_training(config: CtpnTraining, data: CtpnTrainData, epochs: int, ranks: Ranks) -> str:
    """What is about to happen, for the person who started it."""
    return (
        f"{config.task_type}: {data.num_samples} images, {epochs} epochs of {data.steps_per_epoch} steps, "
        f"{data.batch_size} images per step{ranks.each()}; batch norm {config.bn_statistics}, "
        f"first stages {config.first_stages}"
    )


def describe_result(options: CheckpointOptions, result: TrainResult) -> str:
    """How it ended, or how to go on."""
    if result.stopped_by:
        return "the same command with --resume continues" if options.save_checkpoint else "nothing was saved"
    speed = "" if result.images_per_second is None else f", {result.images_per_second:.2f} images/s"
    best = "" if result.best is None else f", best hmean {result.best:.5f}"
    return f"finished after epoch {result.epoch} step {result.step}{speed}{best}"

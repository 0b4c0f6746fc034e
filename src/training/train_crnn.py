"""Train the recognition network."""

import contextlib
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mindspore as ms
import numpy as np

from src.common.options import OptionError
from src.crnn.alphabet import Alphabet
from src.crnn.build import build_training_crnn
from src.data.recognition.sources import open_lmdbs
from src.training.crnn_options import CrnnTraining, ScheduleOptions
from src.training.crnn_samples import WordData, training_data
from src.training.lr_schedule import constant, usable_warmup, warmup_cosine
from src.training.options import TrainResult
from src.training.result_table import write_result_table
from src.training.run_training import Job, Ranks, continues, run_job, settle_precision, settle_sizes
from src.weights.crnn_weights import load_pre_trained, write_alphabet

logger = logging.getLogger(__name__)
PREFIX = "crnn"


def train_crnn(
    config: CrnnTraining, rank_id: int, rank_size: int, evaluate: Callable[[ms.nn.Cell], dict] | None = None
) -> TrainResult:
    """Train, or fine-tune from `pre_trained`; everything goes below `save_checkpoint_path`.

    Args:
        evaluate: gives the metrics of a network; called with `run_eval`.

    Raises:
        UserError: a file that is missing or does not fit, or a diverged training; see `loop.train`.
    """
    config = settle_precision(config)
    ranks = Ranks(rank_id, rank_size)
    config = settle_sizes(config, PREFIX, config.pre_trained, ranks)
    alphabet = Alphabet.load(config.alphabet)
    if config.run_eval and not open_lmdbs(config.eval_lmdb, config.lmdb_root):  # now, not after the first epoch
        raise OptionError("eval_lmdb: is empty; name LMDBs to evaluate on, or use run_eval False")
    data = training_data(config, alphabet, rank_id, rank_size)
    network, loss_cell = build_training_crnn(config, alphabet, config.seed, config.mixed_precision is True)
    output = Path(config.save_checkpoint_path)
    if config.pre_trained and not continues(config, PREFIX):
        remade = load_pre_trained(network, config.pre_trained, alphabet)
        logger.info(f"network: weights from {config.pre_trained}")
        if remade:
            logger.info(f"the head ({', '.join(remade)}) was made for another alphabet; it starts from scratch")
    if ranks.is_main and (config.save_checkpoint or config.save_best_ckpt):
        write_alphabet(output / "ckpt_0", alphabet)
    job = Job(
        network=network,
        loss_cell=loss_cell,
        data=data,
        epochs=config.total_epoch,
        rates=learning_rates(config, config.total_epoch * data.steps_per_epoch),
        metric="accuracy",
        prefix=PREFIX,
        loss_label="ctc_loss",
        evaluate=partial(evaluate, network) if config.run_eval and evaluate else None,
    )
    with contextlib.closing(data):
        result = run_job(job, config, ranks, describe_training(config, alphabet, data, ranks))
    if ranks.is_main:
        report_data(data)
        if result.stopped_by:
            print(
                "the same command with --resume continues" if config.save_checkpoint else "nothing was saved",
                flush=True,
            )
        else:
            print(write_result_table(result, output, rank_size, "O1" if config.mixed_precision else "O0"), flush=True)
    return result


def learning_rates(options: ScheduleOptions, total_steps: int) -> np.ndarray:
    """(total_steps,) float32: linear warm-up, then constant or a cosine to 0."""
    cosine = warmup_cosine(
        options.base_lr, total_steps, warmup_steps=options.warmup_step, warmup_ratio=options.warmup_ratio
    )
    if options.lr_schedule == "cosine":
        return cosine
    rates = constant(options.base_lr, total_steps)
    steps = usable_warmup(options.warmup_step, total_steps)
    rates[:steps] = cosine[:steps]
    return rates


def describe_training(config: CrnnTraining, alphabet: Alphabet, data: WordData, ranks: Ranks) -> str:
    """What is about to happen, for the person who started it."""
    early = [
        *([f"{config.flat_start_epochs} of flat start"] if config.flat_start_epochs else []),
        *([f"{config.narrow_epochs} of width {config.narrow_width}"] if config.narrow_epochs else []),
    ]
    return (
        f"{len(alphabet.characters)} characters, input widths {', '.join(map(str, config.image_width))}; "
        f"{config.total_epoch} epochs of {data.steps_per_epoch} steps, {data.batch_size} words per step{ranks.each()}"
        f"{', the first ' if early else ''}{', then '.join(early)}"
    )


def report_data(data: WordData) -> None:
    """Log what the data did not give."""
    report = data.report
    for source in report["sources"]:
        for kind in ("dropped", "bad"):
            for reason, count in source[kind].items():
                logger.warning(f"{source['source']}: {count} of {source['samples']} words left out: {reason}")
    for reason, count in report["replaced"].items():
        logger.warning(f"{count} words replaced while training: {reason}")

"""Evaluate checkpoints of the recognition network."""

import logging
from pathlib import Path

import mindspore as ms
import numpy as np

from src.common.options import OptionError
from src.common.progress_bar import progress_bar
from src.common.ranks import barrier, broadcast_statistics, current_ranks
from src.crnn.alphabet import Alphabet
from src.crnn.build import build_crnn
from src.crnn.ctc_decode import Decode, greedy_decode
from src.crnn.decoder import choose_decoder
from src.crnn.topology import IMAGE_HEIGHT
from src.data.recognition.eval_dataset import CrnnEvalData
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.sources import find_lmdbs, open_lmdbs
from src.evaluation.checkpoint_files import evaluate_each, find_checkpoints, result_stem
from src.evaluation.lexicon_files import read_lexicons
from src.evaluation.options import CrnnEvaluation, CrnnTrainingEvaluation, LexiconOptions
from src.evaluation.recognition import LexiconChoice, PredictLogProbs, WordEvaluation, pooled, read_words
from src.evaluation.recognition_results import draw_mistakes, write_word_results
from src.evaluation.tables import TOTAL, show_metrics
from src.weights.crnn_weights import load_trained

logger = logging.getLogger(__name__)


def evaluate_crnn(config: CrnnEvaluation) -> dict[str, dict[str, dict[str, float]]]:
    """Evaluate each checkpoint under `checkpoint_path` and write everything to `eval_output_path`.

    Returns:
        The metrics by checkpoint and data set; "total" is over the words of all data sets together.

    Raises:
        UserError: nothing to evaluate, an unusable data set, or (at the end) an unusable checkpoint.
    """
    checkpoints = find_checkpoints(Path(config.checkpoint_path))
    sources = evaluation_sources(config)
    alphabet = Alphabet.load(config.alphabet)
    choice = lexicon_choice(config, alphabet, sources)
    network = build_crnn(config, alphabet)
    decode = choose_decoder(config, alphabet)
    folder = Path(config.eval_output_path)
    rank_id, rank_size = current_ranks()
    is_main = rank_id == 0

    def evaluate(checkpoint: Path) -> dict[str, dict[str, float]]:
        title = f"evaluating {checkpoint.name}" if is_main else ""
        evaluations = read_sources(config, alphabet, predictor(network), sources, decode, choice=choice, title=title)
        metrics = all_metrics(evaluations)
        if is_main:
            protocol = {"checkpoint": checkpoint.name, "decoder": config.decoder, "labels": config.eval_label_policy}
            write_word_results(evaluations, metrics, folder, result_stem(checkpoint), protocol)
            if config.draw_results:
                sheet = folder / f"mistakes_{result_stem(checkpoint)}.png"
                drawn = draw_mistakes(evaluations, sources, sheet, config.worst_mistakes)
                logger.info(f"the {drawn} worst mistakes: {sheet}" if drawn else "no mistake was made")
        return metrics

    def finish(metrics: dict[str, dict]) -> None:
        barrier(rank_size)
        if is_main and metrics:
            show_metrics(metrics)
            print(f"results are in {folder}")

    return evaluate_each(
        checkpoints, lambda checkpoint: load_trained(network, checkpoint, alphabet), evaluate, finish
    )


def evaluate_in_training(config: CrnnTrainingEvaluation, network: ms.nn.Cell) -> dict[str, float]:
    """Metrics of `network`, as it is, on `eval_lmdb`: those of all words, and the accuracy on each data set."""
    _, rank_size = current_ranks()
    broadcast_statistics(network, rank_size)
    sources = open_lmdbs(config.eval_lmdb, config.lmdb_root)
    alphabet = Alphabet.load(config.alphabet)
    evaluations = read_sources(config, alphabet, predictor(network), sources, greedy_decode)
    metrics = all_metrics(evaluations)
    each = {f"accuracy_{name}": metrics[name]["accuracy"] for name in sources} if len(sources) > 1 else {}
    return {**metrics[TOTAL], **each}


def evaluation_sources(config: CrnnEvaluation) -> dict[str, LmdbWords]:
    """The data sets to evaluate on: `dataset_path`, or else `eval_lmdb`.

    Raises:
        UserError: there is none, or one cannot be used.
    """
    names = find_lmdbs(config.dataset_path) if config.dataset_path else config.eval_lmdb
    if not names:
        raise OptionError("eval_lmdb: is empty, and so is dataset_path; give an LMDB to evaluate on")
    return open_lmdbs(names, config.lmdb_root)


def read_sources(
    config: CrnnTrainingEvaluation,
    alphabet: Alphabet,
    predict: PredictLogProbs,
    sources: dict[str, LmdbWords],
    decode: Decode,
    *,
    choice: LexiconChoice | None = None,
    title: str = "",
) -> dict[str, WordEvaluation]:
    """Read all words of each data set; shows progress when there is a title."""
    rank_id, rank_size = current_ranks()
    data = {
        name: CrnnEvalData(
            source,
            characters=alphabet.characters,
            batch_size=config.test_batch_size,
            height=IMAGE_HEIGHT,
            widths=config.image_width,
            label_policy=config.eval_label_policy,
            rank_id=rank_id,
            rank_size=rank_size,
        )
        for name, source in sources.items()
    }
    evaluations = {}
    with progress_bar(shown=bool(title)) as progress:
        task = progress.add_task(title, total=sum(map(len, data.values())))
        for name, words in data.items():
            evaluations[name] = read_words(
                predict,
                words,
                decode,
                alphabet.decode,
                cased=alphabet.has_case,
                choice=choice,
                rank_size=rank_size,
                on_progress=lambda count: progress.advance(task, count),
            )
    return evaluations


def all_metrics(evaluations: dict[str, WordEvaluation]) -> dict[str, dict[str, float]]:
    """Metrics by data set, and of all their words together."""
    metrics = {name: evaluation.metrics() for name, evaluation in evaluations.items()}
    return {**metrics, TOTAL: pooled(list(evaluations.values())).metrics()}


def lexicon_choice(
    options: LexiconOptions, alphabet: Alphabet, sources: dict[str, LmdbWords]
) -> LexiconChoice | None:
    """The lexicon of the configuration, None without one.

    Raises:
        UserError: a file that cannot be read, or lexicons of the samples that do not fit the data sets.
    """
    if not options.eval_lexicon:
        return None
    if not options.lexicon_per_sample:
        return LexiconChoice(read_lexicons(options.eval_lexicon, alphabet.encode)[0], options.lexicon_method)
    if len(sources) != 1:
        raise OptionError(
            f"lexicon_per_sample: belongs to one data set, here are {len(sources)}: {', '.join(sources)}"
        )
    samples = len(next(iter(sources.values())))
    lexicons = read_lexicons(options.eval_lexicon, alphabet.encode, samples)
    return LexiconChoice(lexicons, options.lexicon_method)


def predictor(network: ms.nn.Cell) -> PredictLogProbs:
    """The network as a function from arrays to arrays."""

    def predict(images: np.ndarray) -> np.ndarray:
        return network(ms.Tensor(images)).asnumpy()

    return predict

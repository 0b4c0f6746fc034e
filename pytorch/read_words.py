"""Evaluation of the recognizer: data, decoding and metrics of eval.py, with the PyTorch network in between."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import torch

from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import greedy_decode
from src.crnn.topology import IMAGE_HEIGHT
from src.data.recognition.eval_dataset import CrnnEvalData
from src.data.recognition.word_images import StoredWords
from src.metrics.recognition import evaluate_words, word_accuracy

Metrics = dict[str, dict[str, dict[str, float]]]


def predictor(model: torch.nn.Module, device: torch.device) -> Callable[[np.ndarray], list[np.ndarray]]:
    """A `SharedCrnn` in float32 as a function (B, 1, H, W) -> log-probabilities (T, B, C) of each alphabet."""

    def predict(images: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            return [each.float().cpu().numpy() for each in model(torch.from_numpy(images).to(device))]

    return predict


def read_metrics(
    predict: Callable[[np.ndarray], Sequence[np.ndarray]],
    sources: Mapping[str, StoredWords],
    alphabets: Mapping[str, Alphabet],
    widths: Sequence[int],
    *,
    plain: Collection[str] = (),
    batch_size: int = 128,
) -> Metrics:
    """Metrics over every sample, by data set and alphabet: those of src/metrics/recognition.py, and plain_accuracy,
    which compares letters and digits only.

    Args:
        sources: LMDBs by name, or any finite word sources.
        plain: names of those whose labels leave out case or punctuation, so that neither can be evaluated.
    """
    metrics: Metrics = {}
    everything = "".join(alphabet.characters for alphabet in alphabets.values())
    for name, source in sources.items():
        truths: list[str] = []
        texts: dict[str, list[str]] = {alphabet: [] for alphabet in alphabets}
        for batch in CrnnEvalData(
            source, characters=everything, batch_size=batch_size, height=IMAGE_HEIGHT, widths=tuple(widths)
        ):
            truths += batch.texts
            outputs = predict(batch.images[: batch.count])
            for (key, alphabet), log_probs in zip(alphabets.items(), outputs, strict=True):
                texts[key] += [alphabet.decode(word.indices) for word in greedy_decode(log_probs)]
        metrics[name] = {
            key: word_metrics(texts[key], truths, with_case=alphabet.has_case and name not in plain)
            for key, alphabet in alphabets.items()
        }
    return metrics


def word_metrics(texts: Sequence[str], truths: Sequence[str], *, with_case: bool) -> dict[str, float]:
    """The metrics of one alphabet on one data set."""
    found = evaluate_words(texts, truths).metrics()
    if not with_case:
        del found["case_sensitive_accuracy"]
    return {
        **found,
        "plain_accuracy": word_accuracy(list(map(plain_text, texts)), list(map(plain_text, truths))),
    }


def plain_text(text: str) -> str:
    """Its letters and digits, case aside: what the public word sets are evaluated by."""
    return "".join(filter(str.isalnum, text)).lower()


def score_of(metrics: Metrics) -> float:
    """What chooses the best weights: the mean accuracy, with case and punctuation where both are known."""
    each = [values for by_alphabet in metrics.values() for values in by_alphabet.values()]
    return float(np.mean([values.get("case_sensitive_accuracy", values["plain_accuracy"]) for values in each]))

"""How well the twin reads: the evaluation data, decoding and metrics of eval.py, with PyTorch in between."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import greedy_decode
from src.crnn.topology import IMAGE_HEIGHT
from src.data.recognition.eval_dataset import CrnnEvalData
from src.metrics.recognition import evaluate_words


def torch_predictor(model: torch.nn.Module, device: torch.device) -> Callable[[np.ndarray], np.ndarray]:
    """The network in float32 as a function (B, 1, H, W) -> log-probabilities (T, B, C)."""

    def predict(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(images).to(device)).float().cpu().numpy()

    return predict


def read_metrics(
    predict: Callable[[np.ndarray], np.ndarray],
    sources: Mapping[str, object],
    alphabet: Alphabet,
    widths: Sequence[int],
    batch_size: int = 128,
) -> dict[str, dict[str, float]]:
    """Metrics of each data set over every sample (see src/metrics/recognition.py).

    sources: LMDBs by name, or any finite word sources.
    """
    metrics = {}
    for name, source in sources.items():
        data = CrnnEvalData(
            source, characters=alphabet.characters, batch_size=batch_size, height=IMAGE_HEIGHT, widths=tuple(widths)
        )
        texts: list[str] = []
        truths: list[str] = []
        for batch in data:
            log_probs = predict(batch.images)[:, : batch.count]
            texts += [alphabet.decode(word.indices) for word in greedy_decode(log_probs)]
            truths += batch.texts
        metrics[name] = evaluate_words(texts, truths).metrics()
        if not alphabet.has_case:
            del metrics[name]["case_sensitive_accuracy"]
    return metrics


def score_of(metrics: Mapping[str, Mapping[str, float]]) -> float:
    """What chooses the best weights: the mean over the data sets of the accuracy, with case where there is case."""
    return float(np.mean([each.get("case_sensitive_accuracy", each["accuracy"]) for each in metrics.values()]))

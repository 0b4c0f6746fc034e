"""What a recognizer read in the words of a data set, and the metrics of it.

T time steps, B batch, C classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from src.common.ranks import gather_json
from src.crnn.ctc_decode import Decode
from src.crnn.lexicon import Lexicon
from src.data.recognition.eval_dataset import CrnnEvalData
from src.metrics.recognition import evaluate_words, word_accuracy

PredictLogProbs = Callable[[np.ndarray], np.ndarray]  # (B, 1, H, W) -> (T, B, C)


@dataclass(frozen=True)
class Prediction:
    """One word: its number in the data set, its text and what was read.

    `in_lexicon` is the word of the lexicon that was chosen, None without a lexicon.
    """

    index: int
    truth: str
    text: str
    confidence: float
    in_lexicon: str | None = None


@dataclass(frozen=True)
class LexiconChoice:
    """How to choose from a lexicon: one for all samples, or one per sample, by the sample's number."""

    lexicons: Lexicon | Sequence[Lexicon]
    method: str = "ctc"

    def choose(self, index: int, log_probs: np.ndarray, read: Sequence[int]) -> str:
        """The word for sample `index`, whose log-probabilities are (T, C)."""
        lexicon = self.lexicons if isinstance(self.lexicons, Lexicon) else self.lexicons[index]
        return lexicon.nearest(log_probs, read, self.method)


@dataclass
class WordEvaluation:
    """All predictions of a data set, in the order of the data set.

    Attributes:
        report: of the data (`CrnnEvalData.report`).
        cased: whether the alphabet can write both cases.
    """

    predictions: list[Prediction]
    cased: bool
    report: dict[str, Any] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """Every metric by name, over every sample.

        `accuracy` is Acc@1: words read exactly, case aside. Where the alphabet has both cases, there is the
        accuracy with case, too, and with a lexicon the accuracy of choosing from it.
        """
        texts, truths = [item.text for item in self.predictions], [item.truth for item in self.predictions]
        metrics = evaluate_words(texts, truths).metrics()
        if not self.cased:
            del metrics["case_sensitive_accuracy"]
        if self.predictions[0].in_lexicon is not None:
            metrics["lexicon_accuracy"] = word_accuracy([item.in_lexicon or "" for item in self.predictions], truths)
        return metrics


def read_words(
    predict: PredictLogProbs,
    data: CrnnEvalData,
    decode: Decode,
    to_text: Callable[[Sequence[int]], str],
    *,
    cased: bool,
    choice: LexiconChoice | None = None,
    rank_size: int = 1,
    on_progress: Callable[[int], None] = lambda count: None,
) -> WordEvaluation:
    """Read every word of `data`. On several ranks each reads its share, and all get the whole.

    Args:
        to_text: classes without blanks -> text.
        on_progress: receives the number of words of each batch.
    """
    rows: list[tuple] = []
    for batch in data:
        log_probs = predict(batch.images)[:, : batch.count]
        for column, (index, truth, word) in enumerate(
            zip(batch.indices, batch.texts, decode(log_probs), strict=True)
        ):
            chosen = choice.choose(index, log_probs[:, column], word.indices) if choice else None
            rows.append((index, truth, to_text(word.indices), word.confidence, chosen))
        on_progress(batch.count)
    shares = gather_json({"rows": rows, "report": data.report}, rank_size)
    report = dict(data.report)
    for name in ("unreadable", "unreadable_samples"):
        report[name] = _joined([share["report"][name] for share in shares])
    predictions = sorted((Prediction(*row) for share in shares for row in share["rows"]), key=lambda item: item.index)
    return WordEvaluation(predictions, cased, report)


def pooled(evaluations: Sequence[WordEvaluation]) -> WordEvaluation:
    """All words of several data sets as one."""
    predictions = [item for evaluation in evaluations for item in evaluation.predictions]
    return WordEvaluation(predictions, evaluations[0].cased)


def _joined(parts: list) -> Any:
    """Counts added up, or lists one after the other."""
    if isinstance(parts[0], list):
        return [item for part in parts for item in part]
    return {key: sum(part.get(key, 0) for part in parts) for key in sorted({key for part in parts for key in part})}

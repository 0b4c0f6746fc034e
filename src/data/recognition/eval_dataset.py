"""Evaluation data of the recognition network: every sample exactly once, whatever the batch and the ranks.

B batch, H W input height and width.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.common.errors import UserError
from src.data.images.decode import ImageError
from src.data.recognition.labels import LabelRejected, LabelRules
from src.data.recognition.preprocess import (
    bucket_width,
    kept_ratio_width,
    normalize,
    resize_word,
    to_gray,
)
from src.data.recognition.word_images import SampleError, StoredWords


@dataclass(frozen=True)
class WordEvalBatch:
    """images (B, 1, H, W) f32, always B rows: a last batch is filled up by repeating its first row.

    texts and indices belong to the first `count` rows; outputs for the others are to be cut off.
    """

    images: np.ndarray
    texts: list[str]
    indices: list[int]

    @property
    def count(self) -> int:
        return len(self.texts)


class CrnnEvalData:
    """Iterable of WordEvalBatch over one finite word source (LmdbWords).

    An image that cannot be decoded stays in, as a flat gray one, so that it counts as missed; a label that cannot be
    read is left out. `report` counts both. Case is folded when the alphabet has small letters only. len() is the
    number of samples of this rank.

    Args:
        source: the words.
        characters: the alphabet, without the blank.
        batch_size: words per batch.
        height: of the input in pixels.
        widths: as in CrnnTrainData; with several, each batch has the narrowest that holds its images.
        label_policy: "keep" evaluates every sample: a text with characters outside the alphabet can then only be
            missed. "drop" and "strip" are the protocols of the references (see LabelRules).
        rank_id: this rank, which takes every rank_size-th sample.
        rank_size: number of ranks.
    """

    def __init__(
        self,
        source: StoredWords,
        *,
        characters: str,
        batch_size: int,
        height: int,
        widths: Sequence[int],
        label_policy: str = "keep",
        rank_id: int = 0,
        rank_size: int = 1,
    ):
        if batch_size < 1 or not 0 <= rank_id < rank_size:
            raise ValueError(f"batch size {batch_size}, rank {rank_id} of {rank_size}: not usable")
        self.batch_size = batch_size
        self._source = source
        self._height, self._widths = height, tuple(widths)
        self._left_out: Counter = Counter()
        self._unreadable: dict[int, tuple[str, str]] = {}
        rules = LabelRules(characters, label_policy)
        texts = source.labels() if hasattr(source, "labels") else (source.sample(i)[1] for i in range(len(source)))
        self._texts: dict[int, str] = {}
        for index, text in enumerate(texts):
            try:
                if isinstance(text, SampleError):
                    raise text
                self._texts[index] = rules.apply(text)
            except (SampleError, LabelRejected) as error:
                self._left_out[error.reason] += 1
        self.total = len(self._texts)
        if not self.total:
            raise UserError(f"no sample to evaluate: {dict(self._left_out)}")
        self._mine = sorted(self._texts)[rank_id::rank_size]

    def __len__(self) -> int:
        return len(self._mine)

    def __iter__(self) -> Iterator[WordEvalBatch]:
        waiting: dict[int, list[tuple[int, np.ndarray]]] = {width: [] for width in self._widths}
        for index in self._mine:
            gray = self._gray(index)
            width = bucket_width(kept_ratio_width(gray.shape[0], gray.shape[1], self._height), self._widths)
            row = resize_word(gray, self._height, width, keep_ratio=len(self._widths) > 1)
            waiting[width].append((index, row))
            if len(waiting[width]) == self.batch_size:
                yield self._batch(waiting[width])
                waiting[width] = []
        for rows in waiting.values():
            if rows:
                yield self._batch(rows)

    def _gray(self, index: int) -> np.ndarray:
        try:
            return to_gray(self._source.sample(index)[0])
        except (SampleError, ImageError) as error:
            self._unreadable[index] = (error.reason, str(error))
            return np.full((self._height, self._widths[0]), 127, np.uint8)

    def _batch(self, rows: list[tuple[int, np.ndarray]]) -> WordEvalBatch:
        filled = [row for _, row in rows] + [rows[0][1]] * (self.batch_size - len(rows))
        indices = [index for index, _ in rows]
        images = normalize(np.stack(filled))[:, None]  # (B, H, W) -> (B, 1, H, W)
        return WordEvalBatch(images, [self._texts[index] for index in indices], indices)

    @property
    def report(self) -> dict[str, Any]:
        """JSON: samples evaluated (all ranks), labels left out by reason, images that counted as missed."""
        return {
            "source": str(getattr(self._source, "path", type(self._source).__name__)),
            "samples": self.total,
            "left_out": dict(self._left_out),
            "unreadable": dict(Counter(reason for reason, _ in self._unreadable.values())),
            "unreadable_samples": [message for _, message in self._unreadable.values()][:100],
        }

"""One batch of words from sample numbers: read, check, change, resize. Runs in the caller or in a worker.

B samples of a batch, H input height, W the input width of this batch.
"""

from collections.abc import Sequence, Sized
from dataclasses import dataclass

import numpy as np

from src.common.errors import UserError
from src.data.images.decode import ImageError
from src.data.recognition.augment import augment_word
from src.data.recognition.labels import LabelRejected, LabelRules, ctc_steps
from src.data.recognition.options import WordAugment
from src.data.recognition.preprocess import resize_word, to_gray
from src.data.recognition.sampling import TOO_LONG
from src.data.recognition.word_images import SampleError, WordSamples

_ATTEMPTS = 100
_STRIDES = (7919, 7907)  # primes: the stand-ins for neighboring bad samples are not neighbors


@dataclass(frozen=True)
class BatchTask:
    """Sample numbers of one batch; `positions` (B,) are their places in the epoch, for the random changes."""

    epoch: int
    width: int
    sources: np.ndarray
    indices: np.ndarray
    positions: np.ndarray


@dataclass(frozen=True)
class Problem:
    """A sample that could not be used and was replaced."""

    source: int
    index: int
    reason: str
    message: str
    broken: bool  # False where only the label rules left it out


@dataclass(frozen=True)
class WordBatch:
    """A batch of words.

    Attributes:
        images: uint8 (B, H, W).
        texts: B texts after the label rules.
    """

    images: np.ndarray
    texts: list[str]
    problems: list[Problem]


@dataclass(frozen=True)
class BatchMaker:
    """Everything a worker needs to make batches; plain data, so that it can be sent to one.

    widths ascending; max_steps: time steps that each width gives. Several widths keep proportions.
    """

    sources: Sequence[WordSamples]
    rules: LabelRules
    augment: WordAugment
    height: int
    widths: tuple[int, ...]
    max_steps: tuple[int, ...]
    seed: int

    def __call__(self, task: BatchTask) -> WordBatch:
        """Make the batch.

        Raises:
            UserError: nothing usable stands in for a bad sample.
        """
        count = len(task.indices)
        images = np.empty((count, self.height, self.widths[task.width]), np.uint8)
        texts: list[str] = []
        problems: list[Problem] = []
        for row, (source, index, position) in enumerate(
            zip(task.sources.tolist(), task.indices.tolist(), task.positions.tolist(), strict=True)
        ):
            gray, text = self._usable_sample(source, index, task.width, problems)
            if self.augment.active:
                key = np.random.SeedSequence([self.seed, 3, task.epoch, position])
                gray = augment_word(gray, self.augment, np.random.Generator(np.random.PCG64(key)))
            images[row] = resize_word(gray, self.height, images.shape[2], keep_ratio=len(self.widths) > 1)
            texts.append(text)
        return WordBatch(images, texts, problems)

    def _usable_sample(self, source: int, index: int, width: int, problems: list[Problem]) -> tuple[np.ndarray, str]:
        """The sample, or, when it is bad, the first good one of a fixed sequence of others of its source."""
        for attempt in range(_ATTEMPTS):
            candidate = self._candidate(source, index, attempt)
            try:
                image, text = self.sources[source].sample(candidate)
                text = self.rules.apply(text)
                if not 0 < ctc_steps(text) <= self.max_steps[width]:
                    raise LabelRejected(TOO_LONG if text else "empty label")
                return to_gray(image), text
            except (SampleError, ImageError) as error:
                problems.append(Problem(source, candidate, error.reason, str(error), True))
            except LabelRejected as error:
                problems.append(Problem(source, candidate, error.reason, error.reason, False))
        reasons = sorted({problem.reason for problem in problems[-_ATTEMPTS:]})
        raise UserError(f"no usable sample among {_ATTEMPTS} of source {source}: {', '.join(reasons)}")

    def _candidate(self, source: int, index: int, attempt: int) -> int:
        samples = self.sources[source]
        if not isinstance(samples, Sized):
            return index + attempt * _STRIDES[0]
        count = len(samples)
        stride = _STRIDES[0] if count % _STRIDES[0] else _STRIDES[1]
        return (index + attempt * stride) % count

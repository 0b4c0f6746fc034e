"""Training whose first epochs come from other data."""

import numpy as np
import pytest

from src.common.errors import UserError
from src.data.loading.staged_data import StagedData
from src.data.recognition.dataset import CrnnTrainData

CHARACTERS = "abc"


class Words:
    """Ten images whose labels fit into any width, and one that needs more than four time steps."""

    def __len__(self) -> int:
        return 11

    def sample(self, index: int):
        return np.full((16, 40), index, np.uint8), "a" if index < 10 else "abcab"


def words(width: int, batch_size: int = 2, samples: int = 8) -> CrnnTrainData:
    return CrnnTrainData(
        [Words()],
        characters=CHARACTERS,
        encode=lambda text: [1 + CHARACTERS.index(char) for char in text],
        time_steps=lambda width: width // 4,
        batch_size=batch_size,
        height=32,
        widths=[width],
        samples_per_epoch=samples,
    )


def test_first_epochs_are_narrow_and_the_rest_is_as_without_them():
    wide, staged = words(100), StagedData(words(16), 2, words(100))
    shapes = [{images.shape for images, _, _ in staged.epoch(epoch)} for epoch in (1, 2, 3, 4)]
    assert shapes == [{(2, 1, 32, 16)}, {(2, 1, 32, 16)}, {(2, 1, 32, 100)}, {(2, 1, 32, 100)}]
    for mine, other in zip(staged.epoch(3, first_step=1), wide.epoch(3, first_step=1), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(mine, other, strict=True))
    assert staged.report["sources"] == wide.report["sources"]
    staged.close()
    wide.close()


def test_stages_of_different_length_are_refused():
    with pytest.raises(UserError, match="steps_per_epoch: 3 in the first epochs, 4 later"):
        StagedData(words(16, samples=6), 1, words(100))
    with pytest.raises(UserError, match="batch_size"):
        StagedData(words(16, batch_size=4), 1, words(100))

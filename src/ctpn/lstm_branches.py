"""Which of the two LSTMs of a published CTPN checkpoint was trained.

The published network makes both, `rnn2` for GPU and CPU and `rnn` for Ascend, and trains one of them. Nothing in
the file does not name it; but the other one still lies in the range in which both began, +-1 / sqrt(hidden units).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from src.common.errors import UserError
from src.ctpn.topology import BACKBONE

LSTM_BRANCHES = ("rnn2", "rnn")
LSTM_CHOICES = ("auto", *LSTM_BRANCHES)
_NAMES = {"rnn2": ("rnn2.",), "rnn": ("rnn.w", "rnn.b")}  # CRNN has others that start with rnn.
_SHOWN = 4
_MADE_FOR = {"rnn2": "GPU and CPU", "rnn": "Ascend"}
_ROUNDING = 1.001  # of float16


class LstmBranchError(UserError):
    """A branch that is not one of the two, or is not in the file."""


@dataclass(frozen=True)
class LstmChoice:
    """The branch to load, and a line about it where the file holds both, else ""."""

    branch: str
    note: str = ""


def choose_lstm(params: Mapping[str, np.ndarray], wanted: str = "auto") -> LstmChoice:
    """The branch of a checkpoint that is `wanted`; of "auto", the one that was trained.

    Raises:
        LstmBranchError: `wanted` is not one of the choices, or is not in the file.
    """
    if wanted not in LSTM_CHOICES:
        raise LstmBranchError(f"LSTM branch {wanted!r}: choose one of {', '.join(LSTM_CHOICES)}")
    held = [branch for branch in LSTM_BRANCHES if any(name.startswith(_NAMES[branch]) for name in params)]
    if not held and not any(name.startswith(BACKBONE) for name in params):
        found = ", ".join(sorted(params)[:_SHOWN]) or "nothing"
        raise LstmBranchError(
            f"not CTPN weights: found {found}, ...; expected names such as {BACKBONE}conv1_1.0.weight"
        )
    if not held:
        raise LstmBranchError(
            "the checkpoint has no LSTM, neither rnn2.* nor rnn.*; a backbone alone is for Pretraining"
        )
    if wanted not in ("auto", *held):
        raise LstmBranchError(f"LSTM branch {wanted!r} is not in the checkpoint, which has only {held[0]}.*")
    if len(held) == 1:
        return LstmChoice(held[0])
    trained = [branch for branch in held if not _in_initial_range(params, branch)]
    branch = wanted if wanted != "auto" else (trained or held)[0]
    other = held[1 - held.index(branch)]
    if len(trained) == 2:
        state = "both look trained"
    elif not trained:
        state = "both look untrained"
    else:
        state = f"{trained[0]} looks trained, {held[1 - held.index(trained[0])]} is still in its initial range"
    note = f"the file holds two LSTMs: {branch} (of {_MADE_FOR[branch]}) is loaded; {state}"
    if trained == [other]:
        note = f"warning: {note}; --lstm_branch {other} or auto takes the trained one"
    elif len(trained) != 1:
        note += f"; --lstm_branch {other} takes the other one"
    return LstmChoice(branch, note)


def _in_initial_range(params: Mapping[str, np.ndarray], branch: str) -> bool:
    arrays = [np.asarray(value) for name, value in params.items() if name.startswith(f"{branch}.")]
    matrices = [array for array in arrays if array.ndim == 2]
    if not matrices:
        return False
    # weight_hh is (4 hidden, hidden), w1 (input + hidden, 4 hidden).
    hidden = min(array.shape[1] for array in matrices) if branch == "rnn2" else matrices[0].shape[1] // 4
    return all(np.abs(array).max(initial=0) <= _ROUNDING / np.sqrt(max(1, hidden)) for array in arrays)

"""From log-probabilities to classes: best path and prefix beam search. Pure NumPy, on the host.

Shapes: T time steps, B batch, C classes (0 is the CTC blank).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log
from operator import itemgetter

import numpy as np

from src.common.errors import UserError
from src.crnn.topology import BLANK


@dataclass(frozen=True)
class Decoded:
    """One read word.

    Attributes:
        indices: classes of its characters, without blanks; `Alphabet.decode` makes the text.
        confidence: probability in [0, 1] that the network gives the prediction: of its best path (greedy), or of
            all its paths that the beam kept (beam search). An empty prediction has one, too.
        character_scores: for each character the greatest probability among its time steps.
        steps: for each character the time step of that probability.
    """

    indices: tuple[int, ...]
    confidence: float
    character_scores: tuple[float, ...]
    steps: tuple[int, ...] = ()


def greedy_decode(log_probs: np.ndarray) -> list[Decoded]:
    """Most probable class of each time step, repetitions merged, blanks removed; one `Decoded` an image.

    Args:
        log_probs: (T, B, C) natural logarithms.
    """
    log_probs = _checked(log_probs)
    num_steps, batch, _ = log_probs.shape
    best = log_probs.argmax(-1).T  # (B, T)
    best_log_probs = np.take_along_axis(log_probs.transpose(1, 0, 2), best[..., None], -1)[..., 0]  # (B, T)
    confidence = np.exp(best_log_probs.sum(1, dtype=np.float64))
    is_run_start = np.ones((batch, num_steps), bool)
    is_run_start[:, 1:] = best[:, 1:] != best[:, :-1]
    run_starts = np.flatnonzero(is_run_start)
    log_prob_of_step = best_log_probs.ravel()
    run_log_probs = np.maximum.reduceat(log_prob_of_step, run_starts) if batch else np.empty(0)
    run_of_step = np.cumsum(is_run_start.ravel()) - 1
    # The step of a run that has its greatest probability, the first of equal ones: written last, back to front.
    peak = np.flatnonzero(log_prob_of_step == run_log_probs[run_of_step])[::-1] if batch else np.empty(0, int)
    run_steps = np.zeros(len(run_starts), np.int64)
    run_steps[run_of_step[peak]] = peak % num_steps
    run_classes = best.ravel()[run_starts]
    is_character = run_classes != BLANK
    image_of_run = run_starts // num_steps
    ends = np.cumsum(np.bincount(image_of_run[is_character], minlength=batch)) if batch else np.empty(0, int)
    classes = np.split(run_classes[is_character], ends[:-1])
    scores = np.split(np.exp(run_log_probs[is_character]), ends[:-1])
    steps = np.split(run_steps[is_character], ends[:-1])
    return [
        Decoded(tuple(classes[i].tolist()), float(confidence[i]), tuple(scores[i].tolist()), tuple(steps[i].tolist()))
        for i in range(batch)
    ]


def beam_search_decode(log_probs: np.ndarray, beam_width: int = 10, candidates: int = 20) -> list[Decoded]:
    """Most probable word of each image, over all the paths that write it (prefix beam search, Hannun 2014).

    Args:
        log_probs: (T, B, C) natural logarithms.
        beam_width: prefixes kept after each time step.
        candidates: most probable classes tried at each time step; bounds the time for large alphabets.
    """
    if beam_width < 1 or candidates < 1:
        raise ValueError(f"beam_width {beam_width}, candidates {candidates}: accepted are values from 1")
    log_probs = _checked(log_probs)
    return [beam_search(log_probs[:, i], beam_width, candidates)[0] for i in range(log_probs.shape[1])]


def beam_search(log_probs: np.ndarray, beam_width: int, candidates: int, reach: float = inf) -> list[Decoded]:
    """The most probable texts of one image (T, C), the best first; see `beam_search_decode`.

    Args:
        reach: classes whose log-probability is further below the best one of their time step are not tried.
    """
    num_steps, num_classes = log_probs.shape
    kept = min(candidates, num_classes)
    tried = np.argpartition(-log_probs, kept - 1, axis=1)[:, :kept]  # (T, candidates)
    # Probabilities are shares of the best one of their time step, then of the best prefix: none becomes too small.
    best = log_probs.max(axis=1)
    below = np.take_along_axis(log_probs, tried, axis=1).astype(np.float64) - best[:, None]
    shares, log_scale = np.exp(below), float(best.sum(dtype=np.float64))
    # prefix -> (probability of ending in blank, in its last character, (score, step) of its characters)
    beam: dict[tuple[int, ...], tuple[float, float, tuple[tuple[float, int], ...]]] = {(): (1.0, 0.0, ())}
    for step in range(num_steps):
        likely = below[step] >= -reach
        values = list(zip(tried[step, likely].tolist(), shares[step, likely].tolist(), strict=True))
        score = exp(best[step])
        grown: dict[tuple[int, ...], list] = {}
        for prefix, (ends_blank, ends_character, peaks) in beam.items():
            either, last = ends_blank + ends_character, prefix[-1] if prefix else BLANK
            for value_class, value in values:
                if value_class == BLANK:
                    _collect(grown, prefix, 0, either * value, peaks)
                    continue
                here = (score * value, step)
                if value_class == last:
                    longer_run = (*peaks[:-1], max(peaks[-1], here, key=itemgetter(0)))
                    _collect(grown, prefix, 1, ends_character * value, longer_run)
                    _collect(grown, (*prefix, value_class), 1, ends_blank * value, (*peaks, here))
                else:
                    _collect(grown, (*prefix, value_class), 1, either * value, (*peaks, here))
        ranked = sorted(grown.items(), key=_probability, reverse=True)[:beam_width]
        most = _probability(ranked[0])
        log_scale += log(most)
        beam = {prefix: (blank / most, character / most, peaks) for prefix, (blank, character, peaks, _) in ranked}
    return [
        Decoded(
            prefix,
            min(1.0, exp(min(0.0, log(ends_blank + ends_character) + log_scale))),
            tuple(score for score, _ in peaks),
            tuple(step for _, step in peaks),
        )
        for prefix, (ends_blank, ends_character, peaks) in beam.items()
    ]


def _probability(entry: tuple[tuple[int, ...], list]) -> float:
    ends_blank, ends_character, *_ = entry[1]
    return ends_blank + ends_character


def _collect(grown: dict, prefix: tuple[int, ...], ending: int, value: float, peaks: tuple) -> None:
    """Add a path to a prefix; the peaks of the characters are those of its most probable contribution."""
    if not value:
        return
    state = grown.get(prefix)
    if state is None:
        state = grown[prefix] = [0.0, 0.0, peaks, value]
    elif value > state[3]:
        state[2], state[3] = peaks, value
    state[ending] += value


def _checked(log_probs: np.ndarray) -> np.ndarray:
    log_probs = np.asarray(log_probs)
    if log_probs.ndim != 3 or log_probs.shape[0] == 0 or log_probs.shape[2] < 2:
        raise ValueError(f"log-probabilities of shape {log_probs.shape}: (T, B, C) with C >= 2 is accepted")
    if np.isnan(log_probs).any():
        raise UserError("the network's output is not finite (NaN); its training has diverged")
    return log_probs


Decode = Callable[[np.ndarray], list[Decoded]]  # (T, B, C) -> B words

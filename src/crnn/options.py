"""The options of the recognition path."""

from typing import Literal

from src.common.options import Options, option


class DecodeOptions(Options):
    """From class probabilities to text."""

    decoder: Literal["greedy", "beam"] = option(
        "greedy", "greedy takes the best class of each time step, beam the most probable text"
    )
    beam_width: int = option(10, "prefixes that the beam keeps", low=1, high=1000)

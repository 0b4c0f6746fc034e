"""The options of the recognition network and of the way from it to text."""

from typing import Literal

from pydantic import model_validator
from typing_extensions import Self

from src.common.options import Options, WholeNumbers, option
from src.crnn.topology import time_steps


class NetworkOptions(Options):
    """Alphabet and network; the number of classes and of time steps follow from them."""

    alphabet: str = option(
        "digits_lower",
        "digits_lower (0-9 a-z), printable_ascii, or a UTF-8 file with the characters in the order of their classes",
    )
    image_width: WholeNumbers = option(
        (100,),
        "input widths in pixels, ascending multiples of 4; one stretches words to it, several keep proportions",
    )
    network_width: float = option(
        1.0,
        "scale of all channel counts; 1.0 is the published network, smaller ones are for quick starts",
        low=0.03,
        high=4,
    )

    @model_validator(mode="after")
    def _widths_ascend(self) -> Self:
        widths = self.image_width
        if not widths or list(widths) != sorted(set(widths)):
            raise ValueError(f"image_width: {list(widths)} is not a list of ascending whole numbers")
        for width in widths:
            time_steps(width)
        return self


class FlatStartOptions(Options):
    """First epochs that teach letters before CTC."""

    flat_start_epochs: int = option(
        0,
        "first epochs that teach letters on short words as if all were equally wide, instead of CTC; 0 for none",
        low=0,
    )
    flat_start_width: int = option(32, "width of the input in pixels in these epochs, a multiple of 4", low=4)
    flat_start_length: int = option(3, "characters of the longest of their words", low=2, high=23)


class StartOptions(Options):
    """Starting weights."""

    initialization: Literal["published", "he"] = option(
        "published", "starting weights; published is what the original work drew, he learns faster from scratch"
    )


class LearningOptions(NetworkOptions, FlatStartOptions, StartOptions):
    """The network and its loss in training."""


class DecodeOptions(Options):
    """From class probabilities to text."""

    decoder: Literal["greedy", "beam", "words"] = option(
        "greedy",
        "greedy takes the best class of each time step, beam the most probable text, words uses known words too",
    )
    word_list: str = option("", "file of words for the decoder words, one per line; empty takes English ones")
    beam_width: int = option(10, "prefixes that the beam keeps", low=1, high=1000)

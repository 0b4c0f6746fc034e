"""Lexicons from files: one for all samples, or one per sample."""

import re
from collections.abc import Callable
from pathlib import Path

from src.common.bounded_file import LARGE, read_bounded_text
from src.common.errors import UserError
from src.common.options import OptionError, unreadable
from src.crnn.lexicon import Lexicon

_SEPARATORS = re.compile(r"[,\s]+")


def read_lexicons(path: str | Path, encode: Callable[[str], list[int]], samples: int | None = None) -> list[Lexicon]:
    """The lexicons of a UTF-8 file, encoded.

    Args:
        encode: text -> classes, raising ValueError for a word that the alphabet cannot write; those are left out.
        samples: None takes the whole file as one lexicon, one word per line. Otherwise the file has a line for each
            of so many samples, with its words separated by commas, tabs or spaces.

    Raises:
        UserError: the file cannot be read, has another number of lines, or a lexicon has no word left.
    """
    try:
        lines = read_bounded_text(path, LARGE).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(error)(f"eval_lexicon: cannot read '{path}': {error}") from None
    if not lines[-1]:
        lines.pop()
    if samples is None:
        return [Lexicon((line.strip() for line in lines if line.strip()), encode)]
    if len(lines) != samples:
        raise OptionError(f"eval_lexicon: '{path}' has {len(lines)} lines, the data set {samples} words")
    known: dict[str, Lexicon] = {}  # the samples of one photograph have the same lexicon
    lexicons = []
    for number, line in enumerate(lines, start=1):
        if line not in known:
            try:
                known[line] = Lexicon((word for word in _SEPARATORS.split(line) if word), encode)
            except UserError as error:
                raise UserError(f"eval_lexicon: '{path}' line {number}: {error}") from None
        lexicons.append(known[line])
    return lexicons

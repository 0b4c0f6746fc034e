"""What to write: words of a lexicon, codes, numbers, prices, and lines of several words."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.common.bounded_file import LARGE, read_bounded_text
from src.common.errors import UserError
from src.common.options import unreadable
from src.data.synthesis.english_words import ENGLISH_WORDS

DIGITS = "0123456789"
SMALL = "abcdefghijklmnopqrstuvwxyz"
CAPITALS = SMALL.upper()
LONGEST_WORD = 23  # characters: fits the 26 time steps of 100 pixels with three repeated letters
PRINTABLE = "".join(map(chr, range(32, 127)))
# letters of English text by frequency per thousand: random strings would otherwise be full of q, x and z
_LETTER_WEIGHTS = np.array(
    [82, 15, 28, 43, 127, 22, 20, 61, 70, 4, 10, 40, 24, 67, 75, 19, 4, 60, 63, 91, 28, 10, 24, 5, 20, 4], float
)


def read_lexicon(path: str | Path) -> list[str]:
    """Words of a file, one per line; empty lines and lines that begin with '#' are skipped.

    Raises:
        UserError: the file is missing, is not UTF-8 or holds no word.
    """
    try:
        lines = read_bounded_text(path, LARGE).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(error)(f"lexicon: cannot read {path}: {error}") from error
    words = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not words:
        raise UserError(f"lexicon: {path} holds no word")
    return words


@dataclass(frozen=True)
class TextMix:
    """How often each kind of text is written (weights, normalized on use)."""

    lexicon: float = 0.45
    common: float = 0.27
    number: float = 0.11
    price: float = 0.03
    code: float = 0.05
    letters: float = 0.07
    address: float = 0.02


_KINDS = ("lexicon", "common", "number", "price", "code", "letters", "address")


class TextSampler:
    """Draws words and lines from a random generator.

    Args:
        lexicon: words to choose from; None means the built-in ones.
        mix: how often each kind of text appears.
        max_length: longest word in characters.
        alphabet: where it has characters beyond ASCII, half of the random strings are made of these.
    """

    def __init__(
        self,
        lexicon: list[str] | None = None,
        mix: TextMix | None = None,
        max_length: int = LONGEST_WORD,
        alphabet: str = "",
    ):
        words = [word for word in (lexicon or ENGLISH_WORDS) if len(word) <= max_length]
        if not words:
            raise UserError(f"lexicon: no word of at most {max_length} characters")
        mix = mix or TextMix()
        weights = np.array([getattr(mix, kind) for kind in _KINDS])
        if weights.min() < 0 or weights.sum() <= 0:
            raise ValueError(f"text mix {mix} needs weights of at least 0 with a positive sum")
        self.words = words
        self.max_length = max_length
        self.foreign = "".join(char for char in alphabet if not char.isascii())
        self.cumulative = np.cumsum(weights / weights.sum())
        self.letter_cdf = np.cumsum(_LETTER_WEIGHTS / _LETTER_WEIGHTS.sum())

    def word(self, rng: np.random.Generator) -> str:
        """One word, cased and perhaps with a punctuation mark, as found on signs."""
        return _with_punctuation(rng, self.bare_word(rng))[: self.max_length]

    def bare_word(self, rng: np.random.Generator) -> str:
        """One word, number, price or code, cased, without surrounding punctuation."""
        kind = _KINDS[min(int(np.searchsorted(self.cumulative, rng.random())), len(_KINDS) - 1)]
        if kind == "lexicon":
            word = self.words[int(rng.random() * len(self.words))]
            if rng.random() < 0.6:  # a dictionary has more long words than a street has
                word = min(word, self.words[int(rng.random() * len(self.words))], key=len)
            return _cased(rng, word)
        if kind == "common":
            return _cased(rng, ENGLISH_WORDS[int(rng.random() * len(ENGLISH_WORDS))])
        text = getattr(self, f"_{kind}")(rng)
        return text[: self.max_length]

    def line(self, rng: np.random.Generator, max_words: int) -> str:
        """One to `max_words` words in one casing, with the punctuation of running text now and then."""
        count = 1 + int(rng.random() * max_words)
        words = [self.bare_word(rng) for _ in range(count)]
        style = rng.random()
        if style < 0.35:
            words = [word.upper() for word in words]
        elif style < 0.6:
            words = [word[:1].upper() + word[1:].lower() for word in words]
        elif style < 0.85:
            words = [words[0][:1].upper() + words[0][1:].lower(), *(word.lower() for word in words[1:])]
        for i in range(count):
            if rng.random() < 0.12:
                words[i] = _with_punctuation(rng, words[i], chance=1.0)
        if count > 2 and rng.random() < 0.12:
            words[1 + int(rng.random() * (count - 2))] = "&-/+"[int(rng.random() * 4)]
        return " ".join(words)

    def _number(self, rng: np.random.Generator) -> str:
        length = min(1 + int(rng.geometric(0.42)), 11) if rng.random() < 0.9 else 1
        digits = "".join(DIGITS[i] for i in rng.integers(0, 10, length))
        style = rng.random()
        if length >= 5 and style < 0.3:
            return f"{digits[:-3]},{digits[-3:]}"
        if length >= 3 and style < 0.2:
            cut = 1 + int(rng.random() * (length - 2))
            return digits[:cut] + "-./:"[int(rng.random() * 4)] + digits[cut:]
        if style > 0.95:
            return digits + ("%", "st", "th", "kg", "km", "cm", "ml", "g")[int(rng.random() * 8)]
        return digits

    def _price(self, rng: np.random.Generator) -> str:
        whole = int(10 ** (rng.random() * 3))
        cents = ("99", "95", "50", "00", "49", "25")[int(rng.random() * 6)]
        amount = str(whole) if rng.random() < 0.3 else f"{whole}.{cents}"
        sign = "$$$#"[int(rng.random() * 4)] if rng.random() < 0.6 else ""
        return sign + amount + ("/-" if rng.random() < 0.05 else "")

    def _code(self, rng: np.random.Generator) -> str:
        letters = "".join(CAPITALS[i] for i in rng.integers(0, 26, 1 + int(rng.random() * 3)))
        digits = "".join(DIGITS[i] for i in rng.integers(0, 10, 1 + int(rng.random() * 4)))
        style = rng.random()
        text = letters + ("-" if style < 0.15 else "") + digits if style < 0.7 else digits + letters
        return text.lower() if rng.random() < 0.12 else text

    def _letters(self, rng: np.random.Generator) -> str:
        length = 1 + int(rng.random() * rng.random() * 11)
        if self.foreign and rng.random() < 0.5:
            return "".join(self.foreign[i] for i in rng.integers(0, len(self.foreign), length))
        if rng.random() < 0.3:
            text = "".join(SMALL[i] for i in rng.integers(0, 26, length))
        else:
            text = "".join(SMALL[min(i, 25)] for i in np.searchsorted(self.letter_cdf, rng.random(length)))
        return _cased(rng, text)

    def _address(self, rng: np.random.Generator) -> str:
        word = self.words[int(rng.random() * len(self.words))].lower()
        style = rng.random()
        if style < 0.4:
            return f"www.{word}.com"
        if style < 0.7:
            return word + (".com", ".org", ".net", ".co.uk", ".in", ".de")[int(rng.random() * 6)]
        if style < 0.85:
            return f"{word}@{ENGLISH_WORDS[int(rng.random() * len(ENGLISH_WORDS))]}.com"
        return "#" + word if style < 0.92 else "@" + word


def _cased(rng: np.random.Generator, word: str) -> str:
    style = rng.random()
    if style < 0.42:
        return word.upper()
    if style < 0.72:
        return word[:1].upper() + word[1:].lower()
    if style < 0.96:
        return word.lower()
    mask = rng.random(len(word)) < 0.5
    return "".join(c.upper() if up else c.lower() for c, up in zip(word, mask, strict=True))


def _with_punctuation(rng: np.random.Generator, word: str, chance: float = 0.07) -> str:
    if rng.random() >= chance:
        return word
    style = rng.random()
    if style < 0.62:
        return word + ".,!:;?.,!'"[int(rng.random() * 10)]
    if style < 0.72:
        return '"' + word + '"'
    if style < 0.82:
        return "(" + word + ")"
    if style < 0.92 and len(word) > 2:
        return word[:-1] + "'" + word[-1:]
    return word + ("'s", "...", "*", "-", "/")[int(rng.random() * 5)]

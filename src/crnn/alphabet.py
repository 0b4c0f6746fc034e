"""The characters that a recognizer knows. Class 0 is the CTC blank, the first character class 1."""

import os
from collections.abc import Iterable
from pathlib import Path

from src.common.bounded_file import SMALL, read_bounded_text
from src.common.errors import UserError
from src.common.options import OptionError

NAMED = {
    "digits_lower": "0123456789abcdefghijklmnopqrstuvwxyz",
    "printable_ascii": "".join(map(chr, range(32, 127))),
}


class AlphabetError(UserError):
    """An alphabet that cannot be used, or a text that it cannot write."""


class UnknownAlphabetError(AlphabetError, OptionError):
    """Neither a name nor a file."""


class Alphabet:
    """Text <-> classes.

    Args:
        characters: in the order of their classes; a space is allowed, a repetition is not.

    A character that the alphabet has in the other case only is encoded as that one ("A" as "a").

    Raises:
        AlphabetError: an empty alphabet or repeated characters.
    """

    def __init__(self, characters: str):
        repeated = sorted({c for c in characters if characters.count(c) > 1}) if _repeats(characters) else []
        if repeated:
            raise AlphabetError(f"alphabet: {_listed(repeated)} more than once; each character is one class")
        if not characters:
            raise AlphabetError("alphabet: empty; at least one character is needed")
        self.characters = characters
        self._classes = {character: i for i, character in enumerate(characters, start=1)}
        for character in characters:
            for other in (character.lower(), character.upper()):
                if len(other) == 1:
                    self._classes.setdefault(other, self._classes[character])

    @classmethod
    def named(cls, name: str) -> "Alphabet":
        """One of `NAMED`: "digits_lower" (the 36 of the reference) or "printable_ascii" (95, space included)."""
        if name not in NAMED:
            raise UnknownAlphabetError(f"alphabet: {name!r} is not one of {', '.join(NAMED)}")
        return cls(NAMED[name])

    @classmethod
    def from_file(cls, path: str | Path) -> "Alphabet":
        """UTF-8 file: all characters in one line, or one per line; the order is the order of the classes.

        Line ends and a byte-order mark are not characters; a space is one, where it stands.
        """
        try:
            text = read_bounded_text(path, SMALL)
        except (OSError, UnicodeDecodeError) as error:
            kind = UnknownAlphabetError if isinstance(error, OSError) else AlphabetError
            raise kind(f"alphabet file {path}: {error}") from error
        # not splitlines: that would also split at characters an alphabet may hold, such as U+2028
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        lines = [line for line in lines if line]
        too_long = [line for line in lines if len(line) > 1] if len(lines) > 1 else []
        if too_long:
            raise AlphabetError(
                f"alphabet file {path}: line {too_long[0][:20]!r} has {len(too_long[0])} characters; "
                "accepted are one line with all characters, or one character per line"
            )
        try:
            return cls("".join(lines))
        except AlphabetError as error:
            raise AlphabetError(f"{path}: {error}") from error

    @classmethod
    def load(cls, name_or_file: str | Path, option: str = "alphabet") -> "Alphabet":
        """One of `NAMED`, or the one in a file.

        Args:
            option: what the user set, for the message.

        Raises:
            AlphabetError: neither a name nor a file, or a file with characters that are not usable.
        """
        if name_or_file in NAMED:
            return cls.named(str(name_or_file))
        if not os.path.isfile(name_or_file):
            raise UnknownAlphabetError(f"{option}: '{name_or_file}' is neither a file nor one of {', '.join(NAMED)}")
        return cls.from_file(name_or_file)

    @property
    def num_classes(self) -> int:
        """Characters and the blank."""
        return len(self.characters) + 1

    @property
    def has_case(self) -> bool:
        """Whether some letter is there in both cases, so that the recognizer can get case wrong."""
        present = set(self.characters)
        return any(c != c.upper() and c.upper() in present for c in present)

    def foreign(self, text: str) -> list[str]:
        """Characters of `text` that the alphabet cannot write, each once, in order of appearance."""
        return list(dict.fromkeys(c for c in text if c not in self._classes))

    def encode(self, text: str) -> list[int]:
        """Classes of the characters.

        Raises:
            AlphabetError: lists every foreign character at once.
        """
        try:
            return [self._classes[character] for character in text]
        except KeyError:
            raise AlphabetError(
                f"text {text!r}: {_listed(self.foreign(text))} not in the alphabet of "
                f"{len(self.characters)} characters"
            ) from None

    def decode(self, indices: Iterable[int]) -> str:
        """Text of classes without blanks.

        Raises:
            AlphabetError: a class that has no character.
        """
        indices = [int(index) for index in indices]
        outside = [index for index in indices if not 1 <= index < self.num_classes]
        if outside:
            raise AlphabetError(f"class {outside[0]}: accepted are 1 to {self.num_classes - 1}")
        return "".join(self.characters[index - 1] for index in indices)


def _repeats(characters: str) -> bool:
    return len(set(characters)) < len(characters)


def _listed(characters: list[str]) -> str:
    return " ".join(f"{character!r} (U+{ord(character):04X})" for character in characters)

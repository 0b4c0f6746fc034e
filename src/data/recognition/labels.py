"""What becomes of a word's text before it is encoded: case, foreign characters, and whether it fits."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

POLICIES = ("drop", "strip", "keep")


class LabelRejected(ValueError):
    """A text that the rules leave out. `reason` is short and countable."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class LabelRules:
    """How texts are fitted to an alphabet.

    Attributes:
        characters: the alphabet, without the blank.
        policy: "drop" leaves out a text with a character outside the alphabet (the first reference does so),
            "strip" takes such characters away (the second one does, silently), "keep" leaves texts as they are.

    An alphabet with small letters and no capitals folds the case of every text first.
    """

    characters: str
    policy: str = "drop"

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"label policy {self.policy!r}; accepted are {', '.join(POLICIES)}")

    @cached_property
    def fold_case(self) -> bool:
        """Whether capitals are read as small letters."""
        lower = any(character.islower() for character in self.characters)
        return lower and not any(character.isupper() for character in self.characters)

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(self.characters)

    def apply(self, text: str) -> str:
        """The text as it will be trained or compared.

        Raises:
            LabelRejected: with the reason.
        """
        if self.fold_case:
            text = text.lower()
        if self.policy == "keep" or self._allowed.issuperset(text):
            return text
        if self.policy == "drop":
            raise LabelRejected("characters outside the alphabet")
        text = "".join(character for character in text if character in self._allowed)
        if not text:
            raise LabelRejected("nothing left within the alphabet")
        return text


def ctc_steps(text: str) -> int:
    """Fewest time steps that CTC needs for `text`: one per character, and a blank between two equal ones."""
    return len(text) + sum(first == second for first, second in pairwise(text))

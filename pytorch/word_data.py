"""The training words of a recipe: alphabets, sources, and the short words of a flat start before all others."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from pytorch.crnn_recipe import CrnnRecipe
from pytorch.word_chunks import RealSet, RealWords, WordRenderer, real_words
from pytorch.word_mixture import WordBatch, WordMixture
from src.common.options import OptionError
from src.crnn.alphabet import NAMED, Alphabet
from src.crnn.topology import IMAGE_HEIGHT
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.sources import open_lmdbs, rendered_words

FLAT_START_WIDTH, FLAT_START_LENGTH = 32, 3  # as in configs/crnn_synthetic.yaml


class Words:
    """Gives batches: `short_left` of `short` words first, then those of `mixture`."""

    def __init__(self, mixture: WordMixture, short: WordMixture | None, short_left: int):
        self._mixture, self._short, self._short_left = mixture, short, short_left

    def batch(self) -> WordBatch:
        if self._short is None or not self._short_left:
            return self._mixture.batch()
        self._short_left -= 1
        return self._short.batch()._replace(flat_start=True)

    @property
    def state(self) -> dict[str, int]:
        """What `make_words` needs for a training that goes on after this one."""
        return {"position": self._mixture.position, "short_left": self._short_left}

    @property
    def progress(self) -> dict[str, float]:
        return {"rendered": self._mixture.rendered, "reuse": round(self._mixture.reuse, 2)}

    def close(self) -> None:
        for mixture in filter(None, (self._mixture, self._short)):
            mixture.close()


def named_alphabets(names: str | Sequence[str]) -> dict[str, Alphabet]:
    """The alphabets of a recipe by name; a file goes by its stem. Raises UserError for one that cannot be used."""
    found = {}
    for name in [names] if isinstance(names, str) else names:
        key = name if name in NAMED else Path(name).stem
        if key in found:
            raise OptionError(f"alphabet: '{key}' is given twice")
        found[key] = Alphabet.load(name)
    if not found:
        raise OptionError("alphabet: is empty; give one at least")
    return found


def make_words(
    config: CrnnRecipe,
    alphabets: Sequence[Alphabet],
    device: torch.device,
    log: Callable[[str], None],
    state: dict[str, int] | None = None,
) -> Words:
    """The training words, from the beginning or from the `state` of `Words`.

    Raises UserError for an LMDB, folder or file that is missing or cannot be used.
    """
    widths = tuple(config.image_width)
    if list(widths) != sorted(set(widths)) or not widths or any(width < 4 or width % 4 for width in widths):
        raise OptionError(f"image_width: {list(widths)}; ascending multiples of 4 are accepted")
    real: dict[int, RealWords] = {}
    if config.rendered_share < 1:
        real, left_out = real_words(real_sets(config), alphabets, widths)
        log(f"real words: {sum(len(words.weights) for words in real.values())}, left out: {dict(left_out) or 'none'}")
    state = state or {"position": 0, "short_left": config.flat_start_steps}
    mixture = mix(config, alphabets, device, widths=widths, real=real, first=state["position"])
    short = None
    if state["short_left"]:
        short = mix(config, alphabets, device, widths=(FLAT_START_WIDTH,), real={}, max_length=FLAT_START_LENGTH)
    return Words(mixture, short, state["short_left"])


def real_sets(config: CrnnRecipe) -> list[RealSet]:
    """The LMDBs of `train_lmdb` with their weights. Raises UserError as `open_lmdbs`, or for a number of weights."""
    sources = open_lmdbs(config.train_lmdb, config.lmdb_root)
    weights = list(config.train_weight) or [0.0] * len(sources)
    if len(weights) != len(sources) or any(weight <= 0 for weight in config.train_weight):
        raise OptionError(
            f"train_weight: {weights}; a number above 0 for each of the {len(sources)} train_lmdb is accepted"
        )
    return [
        RealSet(source, weight, name in config.plain_lmdb)
        for (name, source), weight in zip(sources.items(), weights, strict=True)
    ]


def validation_words(config: CrnnRecipe) -> dict[str, LmdbWords]:
    """The LMDBs of `eval_lmdb` by name. Raises UserError as `open_lmdbs`, or where there is none."""
    if not config.eval_lmdb:
        raise OptionError("eval_lmdb: is empty; the best weights are chosen on the LMDBs that it names")
    return open_lmdbs(config.eval_lmdb, config.lmdb_root)


def mix(
    config: CrnnRecipe,
    alphabets: Sequence[Alphabet],
    device: torch.device,
    *,
    widths: tuple[int, ...],
    real: dict[int, RealWords],
    first: int = 0,
    max_length: int | None = None,
) -> WordMixture:
    """Real words and words rendered for these widths; with `max_length`, single words of so many characters."""
    limit = {} if max_length is None else {"max_length": max_length}
    rendered = rendered_words(
        config.fonts,
        config.backgrounds,
        config.lexicon,
        all_characters(alphabets),
        config.seed,
        max_words=1 if max_length else config.rendered_max_words,
        height=IMAGE_HEIGHT,
        widths=widths,
        **limit,
    )
    sources, shares = zip(*rendered, strict=True)
    if config.width_share and not max_length:
        if len(config.width_share) != len(shares) or any(share <= 0 for share in config.width_share):
            raise OptionError(
                f"width_share: {list(config.width_share)}; a number above 0 for each of {widths[: len(shares)]}"
            )
        shares = tuple(share / sum(config.width_share) for share in config.width_share)
    return WordMixture(
        WordRenderer(sources, widths[: len(sources)], alphabets, keep_ratio=len(widths) > 1),
        shares,
        real,
        rendered_share=config.rendered_share if real else 1.0,
        padded_share=config.padded_share,
        batch_size=max(2, config.batch_size // (2 if max_length else 1)),  # of easy words, more and smaller steps
        pool_size=config.pool_size,
        max_reuse=config.max_reuse,
        workers=config.workers,
        device=device,
        seed=config.seed,
        first=first,
    )


def all_characters(alphabets: Sequence[Alphabet]) -> str:
    """The characters of all alphabets, each once."""
    return "".join(dict.fromkeys("".join(alphabet.characters for alphabet in alphabets)))

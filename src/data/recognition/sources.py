"""Where the words of a training or an evaluation come from: LMDBs by name, and words rendered on the fly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from src.common.options import OptionError
from src.data.recognition.lmdb_errors import LmdbPlaceError
from src.data.recognition.lmdb_reader import LmdbWords, find_lmdb, is_lmdb
from src.data.recognition.word_images import Weighted, WordSamples
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.gray_patches import GrayPatches
from src.data.synthesis.lexicon import LONGEST_WORD, TextSampler, read_lexicon
from src.data.synthesis.words import WordSource

_WIDE_WORD, _NARROW_WORD = 150, 60  # pixels that one word among many needs at the network's height
_SEED_STEP = 7919  # sources of one seed do not draw the same texts


def open_lmdbs(names: Sequence[str], root: str | Path) -> dict[str, LmdbWords]:
    """The LMDBs by the name that reports give them: the folder's, with its parent's where two are alike.

    Args:
        names: paths, or names of folders in `root` in upper or lower case.

    Raises:
        UserError: a name that is not a text, is given twice or is not there, or an LMDB that cannot be used.
    """
    paths = [_lmdb_path(name, root) for name in names]
    opened: dict[str, LmdbWords] = {}
    for path in paths:
        alike = [other for other in paths if other.name == path.name]
        shown = path.name if len(alike) == 1 else str(Path(path.parent.name, path.name))
        if shown in opened:
            raise OptionError(f"'{path}' is given twice")
        opened[shown] = LmdbWords(path)
    return opened


def find_lmdbs(path: str | Path) -> list[str]:
    """`path` itself if it is an LMDB, else the LMDBs directly in it, by name.

    Raises:
        LmdbError: there is none.
    """
    path = Path(path)
    if is_lmdb(path):
        return [str(path)]
    found = sorted(str(entry) for entry in path.iterdir() if is_lmdb(entry)) if path.is_dir() else []
    if not found:
        raise LmdbPlaceError(f"dataset_path: '{path}' is neither an LMDB nor a folder that holds some")
    return found


def rendered_words(
    fonts: Sequence[str],
    backgrounds: Sequence[str],
    lexicon: str,
    characters: str,
    seed: int,
    *,
    height: int,
    widths: Sequence[int],
    max_words: int = 1,
    max_length: int = LONGEST_WORD,
) -> list[tuple[WordSource, float]]:
    """Words and lines rendered on the fly, as (source, share of all that is rendered) for each input width.

    One width gives one source of anything, which is stretched to it. Of several ascending widths each gets
    texts that fill it at the `height` of the input, up to the width that `max_words` words can need. Shares go with
    1 / width squared: most text is a word or two, and a wide image costs more. Labels hold `characters` only,
    of a word at most `max_length`.

    Raises:
        UserError: a folder or file that is missing or empty.
    """
    words = read_lexicon(lexicon) if lexicon else None
    sampler = TextSampler(words, max_length=max_length, alphabet=characters)
    book, patches = FontBook(fonts), GrayPatches(backgrounds)
    if len(widths) == 1:
        source = WordSource(book, sampler, patches, alphabet=characters, seed=seed, max_words=max_words)
        return [(source, 1.0)]
    ranges = [pair for pair in zip((0, *widths), widths, strict=False) if pair[0] < _WIDE_WORD * max_words]
    total = sum(1 / width**2 for _, width in ranges)
    return [
        (
            WordSource(
                book,
                sampler,
                patches,
                alphabet=characters,
                seed=seed + _SEED_STEP * number,
                max_words=min(max_words, -(-width // _NARROW_WORD)),
                aspect=(narrower / height, width / height),
            ),
            1 / width**2 / total,
        )
        for number, (narrower, width) in enumerate(ranges)
    ]


def mix_sources(
    stored: Sequence[LmdbWords],
    weights: Sequence[float],
    rendered: Sequence[tuple[WordSource, float]],
    share: float,
) -> list[WordSamples | Weighted]:
    """Sources for `CrnnTrainData`: alone without weights, otherwise as pairs (source, weight).

    Args:
        weights: of the stored sources, one each; empty goes by their sizes.
        rendered: as `rendered_words` gives them.
        share: part of all words that are rendered ones, 0 to 1.

    Raises:
        UserError: no source, or not one weight a stored source.
    """
    if weights and len(weights) != len(stored):
        raise OptionError(f"train_weight: {len(weights)} weights for {len(stored)} LMDBs in train_lmdb")
    if any(isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight < 0 for weight in weights):
        raise OptionError(f"train_weight: {list(weights)}; numbers from 0 are accepted")
    if not rendered or share <= 0:
        if not stored:
            raise OptionError("train_lmdb: is empty, and synthetic_weight is 0; there is nothing to train on")
        return list(zip(stored, weights, strict=True)) if weights else list(stored)
    if share >= 1 or not stored:
        return list(rendered)
    parts = list(weights) or [len(source) for source in stored]
    total = sum(parts)
    if not total:
        raise OptionError(f"train_weight: {parts} leave nothing of the LMDBs; give synthetic_weight 1 for that")
    pairs = [(source, (1 - share) * part / total) for source, part in zip(stored, parts, strict=True)]
    return [*pairs, *((source, share * part) for source, part in rendered)]


def _lmdb_path(name: Any, root: str | Path) -> Path:
    if not isinstance(name, str) or not name:
        raise OptionError(f"'{name}' is not the name or path of an LMDB")
    if is_lmdb(name):
        return Path(name)
    if Path(name).name == name:
        return find_lmdb(root, name)
    raise LmdbPlaceError(f"'{name}' is not an LMDB: it holds no data.mdb")

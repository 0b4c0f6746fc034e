"""Write the lists of words and pictures that validate the trained weights, and so never train them.

    python tools/make_splits.py --data DIR [--output weights/splits]

Expects the data sets in DIR as their organisers distribute them, in detection/icdar2013_train,
recognition/iiit5k_train, recognition/icdar2015_train and recognition/svt_train. Chosen by hashes of names, so the
lists are the same on every machine. Words of one photograph stay together: IIIT5K and SVT number words within
their photograph; ICDAR 2015 numbers them photograph after photograph, so blocks of neighbours are taken.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.data.annotations.label_files import read_icdar2013
from src.data.ctpn_sets import choose_held_out
from src.data.word_annotations import (
    Word,
    WordSet,
    group_hash,
    held_out_threshold,
    read_icdar_words,
    read_iiit5k,
    read_tsv,
)
from src.model_utils.command import run_command

BLOCK = 50  # neighbouring words of ICDAR 2015 that stay together: several photographs
PICTURES, PICTURE_SEED = 45, 1  # as create_dataset.py with --holdout_count 45


def held_out_words(words: WordSet, count: int) -> list[str]:
    """Names of the words of whole groups, at least `count` of them, as `create_lmdb.py --holdout` takes them."""
    threshold = held_out_threshold(words, count)
    return [word.name for word in words.iterate() if group_hash(word.group) <= threshold]


def in_blocks(words: WordSet) -> WordSet:
    """The words with blocks of neighbours as groups."""

    def block(number: int, word):
        return replace(word, group=f"block {number // BLOCK}") if isinstance(word, Word) else word

    return WordSet(words.count, lambda: (block(number, word) for number, word in enumerate(words.iterate())))


def make_lists(data: Path) -> dict[str, list[str]]:
    """Name of the list -> names in the order of the data set."""
    words = data / "recognition"
    pictures = read_icdar2013(*(data / "detection" / "icdar2013_train" / part for part in ("images", "gt"))).images
    held_out = choose_held_out(pictures, PICTURES, PICTURE_SEED)
    return {
        "iiit5k_val": held_out_words(read_iiit5k(words / "iiit5k_train" / "train.tags"), 500),
        "icdar2015_val": held_out_words(in_blocks(read_icdar_words(words / "icdar2015_train" / "gt.txt")), 500),
        "svt_val": held_out_words(read_tsv(words / "svt_train" / "words.tsv"), 50),
        "icdar2013_val": [picture.name for picture in pictures if picture.path in held_out],
    }


def main(argv: list[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Write the lists; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make_splits.py", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data sets")
    parser.add_argument("--output", type=Path, default=Path("weights/splits"), metavar="DIR")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    for name, names in make_lists(args.data).items():
        (args.output / f"{name}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
        say(f"{args.output / name}.txt: {len(names)} names")
    return 0


if __name__ == "__main__":
    run_command(main)

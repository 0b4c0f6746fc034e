"""Write the lists of words and images that validate the trained weights, and so never train them.

    python pytorch/make_splits.py --data DIR [--output weights/splits]

Expects the data sets in DIR as their organizers distribute them, below detection/ and recognition/. Which names are
chosen depends on hashes of groups of names, so the lists are the same on every machine. What shows the same thing
stays together, because a validation set whose posters, scenes and type faces also train the network flatters it:
neighboring image numbers of IIIT5K, ICDAR 2015 and born-digital, the photographs of SVT, the days when the images
of ICDAR 2003 were taken, and equal printed or receipt texts.

An image that validates takes its words with it, whichever network it validates: icdar2015_val names the words of the
images in icdar2015_images_val, and of those neighbors that are not among the detection images at all. Words of the
other detection sets are left out by the name of their image.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from src.common.atomic_file import write_atomically
from src.common.errors import UserError
from src.common.options import OptionError
from src.data.detection.annotations.label_files import read_icdar2013
from src.data.detection.data_sets import choose_held_out
from src.data.recognition.annotations import MOST_DIGITS, WordSet, group_hash, read_iiit5k, read_tsv
from src.data.recognition.lmdb_reader import LmdbWords, image_key
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, existing_folder, given_path

ICDAR2013_IMAGES, ICDAR2013_SEED = 45, 1  # as create_dataset.py with --holdout_count 45
IIIT5K_RANGE, ICDAR2015_RANGE, BORN_DIGITAL_RANGE = 50, 25, 10  # image numbers that stay together
STORED_SUFFIX = ".jpg"  # of the records of an LMDB when prepare_data unpacks them


def held_out(groups: Mapping[str, str], count: int, counted: Callable[[str], bool] = lambda name: True) -> list[str]:
    """Names of whole groups until `count` of the names that are `counted` are among them, in the order of `groups`.

    Args:
        groups: the group of each name. Those with the smallest hashes are taken.

    Raises:
        UserError: there are not more than `count` such names, so nothing would be left.
    """
    sizes = Counter(group for name, group in groups.items() if counted(name))
    if not 0 < count < sizes.total():
        raise OptionError(f"cannot hold out {count} of {sizes.total()} names")
    chosen, taken = set(), 0
    for group in sorted(set(groups.values()), key=group_hash):
        if taken >= count:
            break
        chosen.add(group)
        taken += sizes[group]
    return [name for name, group in groups.items() if group in chosen]


def range_of(name: str, size: int) -> str:
    """The range of `size` numbers that the first number in `name` lies in: `train/1009_2.png`, 50 -> "1000"."""
    number = re.search(r"\d+", name)
    if number is None or len(number[0]) > MOST_DIGITS:
        raise UserError(f"'{name}' has no number of at most {MOST_DIGITS} digits")
    return str(int(number[0]) // size * size)


def image_names(folder: Path) -> list[str]:
    """The names in `folder`, in numerical order where they are numbered."""
    names = [path.name for path in folder.iterdir()]
    return sorted(
        names, key=lambda name: [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
    )


def stored_texts(lmdb: Path) -> dict[str, str]:
    """The texts of an LMDB without their case and punctuation, by the name of the record: same text, same group."""
    texts = (text if isinstance(text, str) else "" for text in LmdbWords(lmdb).labels())
    plain = (re.sub(r"[\W_]+", "", text).lower() or text for text in texts)
    return {f"{image_key(index).decode()}{STORED_SUFFIX}": text for index, text in enumerate(plain)}


def make_lists(data: Path) -> dict[str, list[str]]:
    """Name of the list -> names in the order of the data set."""
    words, images = data / "recognition", data / "detection"
    return {
        **detection_lists(images),
        **icdar2015_lists(images, words / "icdar2015_train" / "image_of_word.tsv"),
        "iiit5k_val": held_out(
            {name: range_of(name, IIIT5K_RANGE) for name in names_of(read_iiit5k(words / "iiit5k_train/train.tags"))},
            450,
        ),
        "svt_val": held_out(
            {word.name: word.group for word in read_tsv(words / "svt_train" / "words.tsv").iterate()}, 100
        ),
        "print_words_val": held_out(stored_texts(words / "print_words"), 600),
        "print_lines_val": held_out(stored_texts(words / "print_lines"), 250),
        "sroie_lines_val": held_out(stored_texts(words / "sroie_lines"), 400),
    }


def detection_lists(images: Path) -> dict[str, list[str]]:
    """Lists of images in the sets that have no word lists of their own."""
    folder = images / "icdar2013_train"
    icdar2013 = read_icdar2013(folder / "images", folder / "gt").images
    chosen = choose_held_out(icdar2013, ICDAR2013_IMAGES, ICDAR2013_SEED)
    born_digital = image_names(images / "icdar2011_borndigital_train" / "images")
    icdar2003 = image_names(images / "icdar2003_extra" / "images")
    return {
        "icdar2013_val": [image.name for image in icdar2013 if image.path in chosen],
        "icdar2011_borndigital_val": held_out(
            {name: range_of(name, BORN_DIGITAL_RANGE) for name in born_digital}, 60
        ),
        # test_ryoungt_05.08.2002_PICT0005.jpg: who took it, and when
        "icdar2003_val": held_out({name: "_".join(name.split("_")[1:3]) for name in icdar2003}, 30),
    }


def icdar2015_lists(images: Path, image_of_word: Path) -> dict[str, list[str]]:
    """100 of the detection images, in whole ranges of image numbers, and all words of these ranges."""
    there = set(image_names(images / "icdar2015_train" / "images"))
    lines = image_of_word.read_text(encoding="utf-8").splitlines()
    names = {word: f"{image}.jpg" for word, image in (line.split("\t") for line in lines)}
    ordered = image_names(images / "icdar2015_train" / "images")
    groups = {name: range_of(name, ICDAR2015_RANGE) for name in dict.fromkeys([*ordered, *names.values()])}
    chosen = set(held_out(groups, 100, counted=there.__contains__))
    return {
        "icdar2015_images_val": [name for name in ordered if name in chosen],
        "icdar2015_val": [word for word, name in names.items() if name in chosen],
    }


def names_of(words: WordSet) -> Iterable[str]:
    return (word.name for word in words.iterate())


def main(argv: list[str] | None = None, log: Callable[[str], None] = print) -> int:
    """Write the lists; returns the exit code."""
    parser = CommandParser(prog="make_splits.py", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=existing_folder, required=True, metavar="DIR", help="folder of the data sets")
    parser.add_argument("--output", type=given_path, default=Path("weights/splits"), metavar="DIR")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    for name, names in make_lists(args.data).items():
        write_atomically(args.output / f"{name}.txt", [("\n".join(names) + "\n").encode()])
        log(f"{args.output / name}.txt: {len(names)} names")
    return 0


if __name__ == "__main__":
    run_command(main)

"""Build the word LMDBs that train and validate the recognizers, all of them, from the data sets as they come.

    python pytorch/prepare_words.py --data DIR --output data/crnn

DIR holds the data sets as make_splits.py expects them, and fonts/, lexicon.txt and detection/backgrounds for the
rendered lines that validate. Every set is divided by its list in weights/splits: NAME_train holds what may train,
NAME_val what the list names. What is there already stays, so a build that was killed goes on with the same command.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse
import tempfile
from collections.abc import Callable

from pytorch.make_splits import STORED_SUFFIX
from src import create_lmdb, synthesize
from src.common.atomic_file import write_atomically, writing
from src.data.loading.name_lists import read_names
from src.data.recognition.crops import read_detection_words
from src.data.recognition.lmdb_output import REPORT_NAME
from src.data.recognition.lmdb_reader import LmdbWords, image_key, is_lmdb
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, existing_folder, given_path

SPLITS = Path(__file__).resolve().parents[1] / "weights" / "splits"
RENDERED_LINES = 500
# name of the LMDBs and of the list: format of create_lmdb.py, labels, images
SETS = {
    "iiit5k": ("iiit5k", "recognition/iiit5k_train/train.tags"),
    "icdar2015": ("icdar2015", "recognition/icdar2015_train/gt.txt"),
    "svt": ("tsv", "recognition/svt_train/words.tsv"),
    "icdar2013": ("detection", "detection/icdar2013_train/gt", "detection/icdar2013_train/images"),
    "icdar2003": ("detection", "detection/icdar2003_extra/gt", "detection/icdar2003_extra/images"),
    "icdar2011_borndigital": (
        "detection",
        "detection/icdar2011_borndigital_train/gt",
        "detection/icdar2011_borndigital_train/images",
    ),
}
STORED_SETS = ("print_words", "print_lines", "sroie_lines")  # LMDBs already, below recognition/


def unpack(lmdb: Path, folder: Path) -> Path:
    """Write the records of an LMDB as files and a table of names and texts, which is returned."""
    source = LmdbWords(lmdb)
    lines = []
    for index in range(len(source)):
        data, text = source.read(index)
        name = f"{image_key(index).decode()}{STORED_SUFFIX}"
        with writing(folder / name) as path:
            path.write_bytes(data)
        lines.append(f"{name}\t{text}\n")
    table = folder / "words.tsv"
    write_atomically(table, ["".join(lines).encode()])
    return table


def divide(name: str, arguments: list[str], output: Path, names: Path) -> None:
    """Build NAME_train and NAME_val with create_lmdb.py, those that are not there yet."""
    for part, option in (("train", "--leave_out"), ("val", "--only")):
        target = output / f"{name}_{part}"
        if not (target / REPORT_NAME).is_file():
            create_lmdb.main([*arguments, "--output", str(target), option, str(names)])


def images_with_words(names: Path, labels: Path, images: Path, folder: Path) -> Path:
    """A list in `folder` without those images of the list `names` that show no word, which words know nothing of."""
    there = {word.group for word in read_detection_words(labels, images).iterate()}
    listed = folder / names.name
    write_atomically(listed, ["\n".join(sorted(read_names(names) & there)).encode()])
    return listed


def divide_set(name: str, data: Path, output: Path) -> None:
    """Divide one of `SETS` or `STORED_SETS`."""
    names = SPLITS / f"{name}_val.txt"
    with tempfile.TemporaryDirectory(prefix=f"{name}_") as folder:
        if name in STORED_SETS:
            labels = unpack(data / "recognition" / name, Path(folder))
            divide(name, ["tsv", "--label_path", str(labels)], output, names)
            return
        kind, *places = SETS[name]
        labels, *rest = (data / place for place in places)
        annotations = [kind, "--label_path", str(labels)]
        for images in rest:
            names = images_with_words(names, labels, images, Path(folder))
            annotations += ["--image_path", str(images)]
        divide(name, annotations, output, names)


def main(argv: list[str] | None = None, log: Callable[[str], None] = print) -> int:
    """Build what is missing; returns the exit code."""
    parser = CommandParser(
        prog="prepare_words.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=existing_folder, required=True, metavar="DIR", help="folder of the data sets")
    parser.add_argument("--output", type=given_path, default=Path("data/crnn"), metavar="DIR")
    args = parser.parse_args(argv)
    args.output.mkdir(parents=True, exist_ok=True)
    for name in (*SETS, *STORED_SETS):
        divide_set(name, args.data, args.output)
    lines = args.output / "lines_val"
    if not is_lmdb(lines):
        rendered = {
            "count": RENDERED_LINES,
            "max_words": 4,
            "seed": 1000001,
            "alphabet": "printable_ascii",
            "fonts": args.data / "fonts",
            "backgrounds": args.data / "detection/backgrounds",
            "lexicon": args.data / "lexicon.txt",
            "output": lines,
        }
        synthesize.main(["words", *(word for key, value in rendered.items() for word in (f"--{key}", str(value)))])
    for lmdb in sorted(path.parent for path in args.output.glob("*/data.mdb")):
        log(f"{lmdb}: {len(LmdbWords(lmdb))} words")
    return 0


if __name__ == "__main__":
    run_command(main)

"""Pack what the trainings here read into two archives, small enough to carry to a machine with a GPU.

    python pytorch/pack_data.py pack --words data/crnn --lexicon words.txt \\
        --images icdar2013_train ICDAR2013/images ICDAR2013/gt --images svt_train SVT/img SVT/train.xml \\
        --backgrounds BACKGROUNDS --fonts FONTS

Writes pack/sets.tar.xz (images, words, backgrounds, lexicon, lists) and pack/fonts.tar.xz. Images become smaller
WebP files. Images that `--val_list` names go into a folder of their own, and neither they nor byte for byte copies
of them are among the training images or the backgrounds. Word LMDBs are divided when they are made, see README.md
beside this file. train_all.sh unpacks both archives and trains.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse
import re
import tempfile
from collections.abc import Callable, Sequence

from pytorch.detection_images import listed, read_images
from pytorch.pack_files import put_backgrounds, put_images, put_words, write_archive
from src.common.options import OptionError
from src.data.detection.set_plan import file_digest
from src.data.loading.name_lists import read_names
from src.data.recognition.lmdb_reader import LmdbWords, find_lmdb
from src.data.synthesis.backgrounds import find_photos
from src.data.synthesis.fonts import find_fonts
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, existing_file, existing_folder, given_path

SETS, FONTS = "sets.tar.xz", "fonts.tar.xz"
WORD_SETS = (  # what recipes/crnn.yaml and recipes/crnn_lines.yaml read
    *("iiit5k_train", "icdar2015_train", "svt_train", "icdar2013_train", "icdar2011_borndigital_train"),
    *("iiit5k_val", "icdar2015_val", "svt_val", "icdar2013_val", "lines_val"),
)
# longest side in pixels and WebP quality: what validates a network keeps more of itself than what trains it
TRAIN_IMAGE, VAL_IMAGE, BACKGROUND = (900, 80), (1000, 88), (720, 70)
TRAIN_WORD_QUALITY, VAL_WORD_QUALITY = 88, 95
PLAIN_NAME = re.compile(r"\w[\w.-]{0,99}")


def check_names(sets: Sequence[str], val_list: Path) -> None:
    """Each set is a folder of its own in the archive, beside those of the words and the backgrounds.

    Raises:
        OptionError: a name that is no plain one, or that something else has.
    """
    taken = {"words", "backgrounds", "lexicon.txt"}
    for option, name in [("images", name) for name in sets] + [
        ("val_list", val_list.stem),
        ("val_list", val_list.name),
    ]:
        if not PLAIN_NAME.fullmatch(name):
            raise OptionError(f"{option}: '{name}' is not a name of letters, digits, '_', '-' and '.'")
        if name in taken:
            raise OptionError(f"{option}: the name '{name}' is taken; every set and the list need one of their own")
        taken.add(name)


def pack_detection(folder: Path, args: argparse.Namespace, log: Callable[[str], None]) -> None:
    """Training sets, the validation set with its list, and backgrounds, into `folder`.

    Raises:
        UserError: data that cannot be used, or a validation set that is not among `--images`.
    """
    sets = {name: read_images([images, labels]) for name, images, labels in args.images}
    if args.val_set not in sets:
        raise OptionError(f"val_set: {args.val_set} is not one of --images ({', '.join(sets)})")
    validation, sets[args.val_set] = listed(sets[args.val_set], read_names(args.val_list))
    held_out = {file_digest(image.path) for image in validation}
    for name, images in sets.items():
        kept = [image for image in images if file_digest(image.path) not in held_out]
        put_images(folder / name, kept, *TRAIN_IMAGE)
        left_out = len(images) - len(kept)
        log(f"{name}: {len(kept)} training images, {left_out} copies of validation images left out")
    names = put_images(folder / args.val_list.stem, validation, *VAL_IMAGE)
    # The images have other suffixes now, and train_ctpn.py looks them up by name.
    (folder / args.val_list.name).write_text("\n".join(names) + "\n", encoding="utf-8")
    log(f"{args.val_list.stem}: {len(names)} validation images")
    count = put_backgrounds(folder / "backgrounds", find_photos(args.backgrounds), held_out, *BACKGROUND)
    log(f"backgrounds: {count}")


def pack_words(folder: Path, args: argparse.Namespace, log: Callable[[str], None]) -> None:
    """The word LMDBs, into `folder`.

    Raises:
        UserError: one that is missing or cannot be used.
    """
    sources = {name: LmdbWords(find_lmdb(args.words, name)) for name in args.word_sets}
    for name, source in sources.items():
        put_words(folder / name, source, VAL_WORD_QUALITY if name.endswith("_val") else TRAIN_WORD_QUALITY)
        log(f"{name}: {len(source)} words")


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="pack_data.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=given_path, metavar="PACK", help="folder to write the archives to")
    parser.add_argument(
        "--words", type=existing_folder, required=True, metavar="DIR", help="folder of the word LMDBs"
    )
    parser.add_argument(
        "--word_sets", nargs="+", default=WORD_SETS, metavar="NAME", help="LMDBs (default: those of the recipes)"
    )
    parser.add_argument(
        "--images",
        nargs=3,
        action="append",
        required=True,
        metavar=("NAME", "IMAGES", "LABELS"),
        help="a detection set, labels in any format that create_dataset.py takes; may be given several times",
    )
    parser.add_argument(
        "--val_set", default="icdar2013_train", metavar="NAME", help="the set that --val_list divides"
    )
    parser.add_argument(
        "--val_list",
        type=given_path,
        default=Path("weights/splits/icdar2013_val.txt"),
        metavar="FILE",
        help="names of validation images, which are packed under the name of the list",
    )
    parser.add_argument(
        "--backgrounds", nargs="+", type=given_path, required=True, metavar="DIR", help="folders of photographs"
    )
    parser.add_argument(
        "--fonts", nargs="+", type=existing_folder, required=True, metavar="DIR", help="folders of fonts"
    )
    parser.add_argument(
        "--lexicon", type=existing_file, required=True, metavar="FILE", help="words to render, one per line"
    )
    return parser


def main(argv: list[str] | None = None, log: Callable[[str], None] = print) -> int:
    """Write the archives; returns the exit code.

    Raises:
        UserError: data that cannot be used.
    """
    args = make_parser().parse_args(argv)
    check_names([name for name, _, _ in args.images], args.val_list)
    fonts = {path.name: path for path in find_fonts(args.fonts)}  # of fonts with one name, the last
    args.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.output, prefix="unfinished_") as scratch:
        folder = Path(scratch) / "data"
        folder.mkdir()
        (folder / "lexicon.txt").write_bytes(args.lexicon.read_bytes())
        pack_detection(folder, args, log)
        pack_words(folder / "words", args, log)
        write_archive(Path(scratch) / SETS, [(path, path.name) for path in sorted(folder.iterdir())], 2)
        write_archive(Path(scratch) / FONTS, [(path, f"fonts/{name}") for name, path in sorted(fonts.items())], 6)
        for name in (SETS, FONTS):  # both are complete: only now do they take the place of older ones
            (Path(scratch) / name).replace(args.output / name)
    sizes = {name: (args.output / name).stat().st_size / 1e6 for name in (SETS, FONTS)}
    for name, size in sizes.items():
        log(f"{args.output / name}: {size:.1f} MB")
    log(f"together {sum(sizes.values()):.1f} MB")
    return 0


if __name__ == "__main__":
    run_command(main)

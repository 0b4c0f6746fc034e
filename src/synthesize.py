"""Render training data: `scenes` for the detector, `words` for the recognizer.

python src/synthesize.py scenes --output DIR --count N [--backgrounds DIR] [--fonts DIR] [--lexicon FILE]
python src/synthesize.py words --output LMDB --count N [--alphabet NAME|FILE] [--max_words N] ...
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse
from pathlib import Path

from rich.console import Console

from src.common.options import OptionError
from src.common.progress_bar import progress_bar
from src.common.shard import Shard
from src.crnn.alphabet import Alphabet
from src.data.loading.prefetch import usable_cores
from src.data.recognition.rendered_lmdb import write_words
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.documents import DIFFICULTIES, scene_source
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.gray_patches import GrayPatches
from src.data.synthesis.lexicon import CAPITALS, DIGITS, SMALL, TextSampler, read_lexicon
from src.data.synthesis.scene_folder import write_scenes
from src.data.synthesis.words import WordSource
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, given_path, whole_number

_positive = whole_number(1)


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, as in 960x576") from error
    if min(width, height) < 64 or max(width, height) > 8192:
        raise argparse.ArgumentTypeError(f"{text} is outside 64x64 .. 8192x8192")
    return width, height


def _quality(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is outside 1 .. 100")
    return value


def build_parser() -> CommandParser:
    """The command line of both subcommands."""
    parser = CommandParser(prog="synthesize.py", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    shared = CommandParser(add_help=False)
    shared.add_argument("--count", type=_positive, required=True, help="how many to render")
    shared.add_argument("--fonts", nargs="+", default=[], metavar="DIR", help="folders of .ttf, .otf, .ttc files")
    shared.add_argument("--backgrounds", nargs="+", default=[], metavar="DIR", help="folders of photographs")
    shared.add_argument("--lexicon", metavar="FILE", help="words, one per line; '#' begins a comment")
    shared.add_argument("--seed", type=whole_number(0), default=1, help="equal seeds give equal data (default 1)")
    shared.add_argument("--workers", type=_positive, default=usable_cores(), help="processes (default: cores)")
    scenes = commands.add_parser("scenes", parents=[shared], help="images with word and line boxes")
    scenes.add_argument("--output", type=given_path, required=True, metavar="DIR", help="folder to write")
    scenes.add_argument("--size", type=_size, default=(960, 576), metavar="WxH", help="default 960x576")
    scenes.add_argument("--difficulty", choices=sorted(DIFFICULTIES), default="medium")
    scenes.add_argument("--angle", type=float, metavar="DEGREES", help="largest rotation (default: by difficulty)")
    scenes.add_argument("--jpeg_quality", type=_quality, default=92)
    words = commands.add_parser("words", parents=[shared], help="word or line crops in an LMDB")
    words.add_argument("--output", type=given_path, required=True, metavar="LMDB", help="LMDB folder to write")
    words.add_argument(
        "--alphabet",
        default="alphanumeric",
        metavar="NAME|FILE",
        help="characters of the labels: alphanumeric (default; both cases), digits_lower, printable_ascii, or a file",
    )
    words.add_argument("--max_words", type=_positive, default=1, help="words per crop (default 1; more makes lines)")
    words.add_argument(
        "--height",
        type=_positive,
        nargs=2,
        default=(20, 48),
        metavar=("MIN", "MAX"),
        help="heights of the crops in pixels (default 20 48)",
    )
    words.add_argument("--jpeg_quality", type=_quality, default=90)
    words.add_argument(
        "--shard",
        default="",
        metavar="I/N",
        help="render share I of N only, for several machines: train on the list of their outputs",
    )
    return parser


def _run_scenes(args: argparse.Namespace, console: Console) -> None:
    if args.angle is not None and args.difficulty == "document":
        raise OptionError(f"--angle {args.angle}: documents are drawn straight; leave it out")
    if args.angle is not None and not 0 <= args.angle <= 30:
        raise OptionError(f"--angle {args.angle}: 0 to 30 degrees keep boxes along the axes meaningful")
    source = scene_source(
        args.difficulty,
        FontBook(args.fonts),
        _sampler(args),
        Backgrounds(args.backgrounds),
        size=args.size,
        seed=args.seed,
        angle=args.angle,
    )
    with progress_bar(console) as bar:
        task = bar.add_task("scenes", total=args.count)
        manifest = write_scenes(
            source,
            args.output,
            args.count,
            quality=args.jpeg_quality,
            workers=min(args.workers, args.count),
            arguments=_plain(args),
            progress=lambda done: bar.update(task, completed=done),
        )
    counts = manifest["counts"]
    console.print(f"{counts['images']} scenes, {counts['words']} words in {counts['lines']} lines -> {args.output}")


def _run_words(args: argparse.Namespace, console: Console) -> None:
    alphabet = _alphabet(args.alphabet)
    if not 8 <= args.height[0] <= args.height[1]:
        raise OptionError(f"--height {args.height[0]} {args.height[1]}: MIN from 8, and MAX not below it")
    source = WordSource(
        FontBook(args.fonts),
        _sampler(args, alphabet),
        GrayPatches(args.backgrounds),
        alphabet=alphabet,
        seed=args.seed,
        max_words=args.max_words,
        height=tuple(args.height),
    )
    indices = Shard.parse(args.shard).of(args.count)
    if not indices:
        raise OptionError(f"--shard {args.shard}: nothing of --count {args.count} falls to it")
    with progress_bar(console) as bar:
        task = bar.add_task("words", total=len(indices))
        write_words(
            source,
            args.output,
            indices,
            quality=args.jpeg_quality,
            workers=args.workers,
            arguments=_plain(args),
            progress=lambda done: bar.update(task, completed=done),
        )
    console.print(f"{len(indices)} words -> {args.output}")


def _sampler(args: argparse.Namespace, alphabet: str = "") -> TextSampler:
    return TextSampler(read_lexicon(args.lexicon) if args.lexicon else None, alphabet=alphabet)


def _alphabet(name: str) -> str:
    if name == "alphanumeric":
        return DIGITS + SMALL + CAPITALS
    return Alphabet.load(name, option="--alphabet (or alphanumeric)").characters


def _plain(args: argparse.Namespace) -> dict:
    return {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}


def main(argv: list[str] | None = None) -> None:
    """Run the command line.

    Raises:
        OptionError: an argument that cannot be used.
    """
    args = build_parser().parse_args(argv)
    {"scenes": _run_scenes, "words": _run_words}[args.command](args, Console(stderr=True))


if __name__ == "__main__":
    run_command(main)

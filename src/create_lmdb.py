"""Build word LMDBs for the recognition network.

    python src/create_lmdb.py FORMAT --label_path FILE_OR_DIR --output DIR [--image_path DIR]

FORMAT     --label_path
mjsynth    annotation_train.txt (lexicon.txt beside it, or --lexicon)
iiit5k     train.tags, or annotation.txt with `image,text`
svt        train.xml (words are cut out of the photographs)
icdar2013  gt.txt of the word recognition task; icdar2015 the same
detection  labels of a detection set in any form of docs/detection_data.md (its words are cut out)
tsv        your own: image, tab, text

The same command continues a build that was killed.
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
from rich.progress import TaskID
from rich.table import Table

from src.common.errors import UserError
from src.common.options import OptionError
from src.common.progress_bar import progress_bar
from src.common.shard import Shard
from src.data.loading.name_lists import read_names
from src.data.loading.prefetch import usable_cores
from src.data.recognition.annotations import WordSet, read_icdar_words, read_iiit5k, read_mjsynth, read_tsv
from src.data.recognition.crops import read_detection_words, read_svt_words
from src.data.recognition.listed_words import only_listed, share_of, without_listed
from src.data.recognition.lmdb_builder import build_lmdb
from src.data.recognition.lmdb_output import REJECTED_NAME, REPORT_NAME
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, given_path, share, whole_number

READERS = {
    "mjsynth": read_mjsynth,
    "iiit5k": read_iiit5k,
    "svt": read_svt_words,
    "icdar2013": read_icdar_words,
    "icdar2015": read_icdar_words,
    "detection": read_detection_words,
    "tsv": read_tsv,
}


def build_parser() -> CommandParser:
    """The command line."""
    parser = CommandParser(
        prog="create_lmdb.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("format", choices=sorted(READERS))
    parser.add_argument("--label_path", type=given_path, required=True, metavar="PATH", help="see above")
    parser.add_argument("--image_path", type=given_path, metavar="DIR", help="images (default: beside the labels)")
    parser.add_argument(
        "--lexicon", type=given_path, metavar="FILE", help="words of mjsynth (default: beside the labels)"
    )
    parser.add_argument("--output", type=given_path, required=True, metavar="DIR", help="LMDB folder to write")
    parser.add_argument(
        "--holdout", type=whole_number(0), default=0, metavar="N", help="words to set aside for validation"
    )
    parser.add_argument("--holdout_output", type=given_path, metavar="DIR", help="LMDB folder for those")
    listed = parser.add_mutually_exclusive_group()
    listed.add_argument(
        "--only", type=given_path, metavar="FILE", help="take the words or photographs this file names"
    )
    listed.add_argument("--leave_out", type=given_path, metavar="FILE", help="take all but those this file names")
    parser.add_argument(
        "--shard",
        default="",
        metavar="I/N",
        help="build share I of N only, for several machines: train on the list of their outputs",
    )
    parser.add_argument("--workers", type=whole_number(1), default=usable_cores(), help="processes (default: cores)")
    parser.add_argument("--max_bad_ratio", type=share, default=0.1, help="fail above this share (default 0.1)")
    parser.add_argument("--force", action="store_true", help="replace an LMDB that is there")
    return parser


def _read(args: argparse.Namespace) -> WordSet:
    if args.lexicon and args.format != "mjsynth":
        raise OptionError(f"--lexicon belongs to mjsynth, not to {args.format}")
    if not args.label_path.exists():
        raise OptionError(f"--label_path {str(args.label_path)!r} does not exist")
    extra = (args.lexicon,) if args.lexicon else ()
    words = READERS[args.format](args.label_path, args.image_path, *extra)
    if words.count == 0:
        raise UserError(f"--label_path {str(args.label_path)!r} holds no word")
    if args.only:
        words = only_listed(words, read_names(args.only))
    elif args.leave_out:
        words = without_listed(words, read_names(args.leave_out))
    if args.shard and args.holdout:
        raise OptionError("--shard: cannot be combined with --holdout; name what is set aside in a list (--only)")
    return share_of(words, Shard.parse(args.shard))


def main(argv: list[str] | None = None) -> int:
    """Build, verify and report; returns the exit code."""
    args = build_parser().parse_args(argv)
    console = Console()
    words = _read(args)
    label_path = args.label_path.resolve()
    description = {
        "format": args.format,
        "label_path": str(label_path),
        "image_path": str(args.image_path.resolve()) if args.image_path else "",
        **{key: str(path.resolve()) for key in ("only", "leave_out") if (path := getattr(args, key))},
        **({"shard": args.shard} if args.shard else {}),
        "label_bytes": label_path.stat().st_size if label_path.is_file() else 0,
    }
    with progress_bar(console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        reports = build_lmdb(
            words,
            args.output,
            description=description,
            holdout=args.holdout,
            holdout_output=args.holdout_output,
            workers=args.workers,
            overwrite=args.force,
            max_bad_ratio=args.max_bad_ratio,
            on_progress=show,
        )
    for report in reports:
        console.print(f"{report['output']}: {report['written']} words, verified", soft_wrap=True)
        table = Table()
        table.add_column("left out because")
        table.add_column("words", justify="right")
        for reason, count in report["rejected"].items():
            table.add_row(reason, str(count))
        if not report["rejected"]:
            table.add_row("nothing was left out", "0")
        console.print(table)
        console.print(f"details: {Path(report['output']) / REPORT_NAME}, {REJECTED_NAME}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    run_command(main)

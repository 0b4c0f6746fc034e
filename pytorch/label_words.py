"""Label words and lines in unlabeled images with RapidOCR, to train on what no data set names.

    python pytorch/label_words.py IMAGES... --output DIR [--leave_out FILE]

Needs `pip install rapidocr onnxruntime`, best in an environment of its own. IMAGES are files or folders. What the
teacher is sure of is read a second time, cut out and enlarged; where both predictions agree, the crop goes to
DIR/words and its text to DIR/words.tsv, which create_lmdb.py takes as `tsv`. The teacher may not see what validates:
FILE names images, or words of images as `svt_val.txt` does, that are left out. Name the teacher on the model card.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

import argparse
import itertools
from collections.abc import Callable, Collection, Iterator

import cv2
import numpy as np

from src.common.atomic_file import clear_leftovers, replacing, write_atomically
from src.common.bounded_file import is_special
from src.common.errors import UserError
from src.common.image_name import file_stem
from src.common.options import OptionError
from src.common.printable import printable
from src.data.images.decode import ImageError, decode_image
from src.data.loading.name_lists import read_names
from src.data.recognition.crops import crop_word
from src.model_utils.command import run_command
from src.model_utils.command_parser import CommandParser, existing_file, given_path

SURE = 0.93  # mean probability of the characters
SMALLEST = 10  # pixels of height; smaller text is guessed rather than read
ENLARGED = 1.6  # for the second prediction
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
LONGEST_STEM = 100  # bytes of a crop's name

Labeled = tuple[np.ndarray, str]
# image -> (corners (4, 2), text, score) of each line
ReadImage = Callable[[np.ndarray], list[tuple[np.ndarray, str, float]]]
ReadLine = Callable[[np.ndarray], str]


def sure_words(image: np.ndarray, read_image: ReadImage, read_line: ReadLine) -> Iterator[Labeled]:
    """Cut-out words and lines, BGR (h, w, 3), with texts that both predictions agree on."""
    for corners, written, score in read_image(image):
        text = " ".join(written.split())
        if score < SURE or not text.isascii() or not text.isprintable() or not any(map(str.isalnum, text)):
            continue
        crop = crop_word(image, np.asarray(corners, np.float32))
        if crop is None or crop.shape[0] < SMALLEST:
            continue
        again = read_line(cv2.resize(crop, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC))
        if again.split() == text.split():
            yield crop, text


def find_images(places: list[Path], held_out: Collection[str]) -> list[Path]:
    """The images in `places`, by name, without those whose name or name of their words is held out.

    Raises:
        UserError: there is none.
    """
    for place in places:
        if not place.exists():
            raise OptionError(f"IMAGES: '{place}' does not exist")
    inside = [sorted(place.rglob("*")) if place.is_dir() else [place] for place in places]
    files = [file for part in inside for file in part if not (file.is_dir() or is_special(file))]
    stems = {Path(name).stem for name in held_out}
    photographs = stems | {stem.rpartition("_")[0] for stem in stems}
    found = [file for file in files if file.suffix.lower() in SUFFIXES and file.stem not in photographs]
    if not found:
        raise UserError(f"no image in {', '.join(map(str, places))}")
    return found


def crop_stem(file: Path, used: set[str]) -> str:
    """The beginning of the names of an image's crops, unlike any in `used`, to which it is added."""
    stem = file_stem(file.stem, LONGEST_STEM)
    names = itertools.chain([stem], (f"{stem}~{number}" for number in itertools.count(2)))
    stem = next(name for name in names if name.lower() not in used)
    used.add(stem.lower())
    return stem


def rapidocr_readers() -> tuple[ReadImage, ReadLine]:
    """RapidOCR with the networks of its package. Raises UserError when it is not installed."""
    try:
        from rapidocr import RapidOCR  # noqa: PLC0415 - this tool alone needs it
    except ImportError:
        raise UserError("the teacher is missing: pip install rapidocr onnxruntime") from None
    engine = RapidOCR()

    def read_image(image: np.ndarray) -> list[tuple[np.ndarray, str, float]]:
        found = engine(image, use_det=True, use_cls=False)  # which it would keep from the last call
        if found.boxes is None or found.txts is None:
            return []
        return list(zip(found.boxes, found.txts, found.scores, strict=True))

    def read_line(crop: np.ndarray) -> str:
        found = engine(crop, use_det=False, use_cls=False)
        return " ".join(found.txts or ())

    return read_image, read_line


def main(argv: list[str] | None = None, log: Callable[[str], None] = print) -> int:
    """Label the images; returns the exit code."""
    parser = CommandParser(
        prog="label_words.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", type=given_path, metavar="IMAGES")
    parser.add_argument("--output", type=given_path, required=True, metavar="DIR")
    parser.add_argument("--leave_out", type=existing_file, metavar="FILE", help="list of images to pass over")
    args = parser.parse_args(argv)
    files = find_images(args.images, read_names(args.leave_out) if args.leave_out else ())
    readers = rapidocr_readers()
    (args.output / "words").mkdir(parents=True, exist_ok=True)
    clear_leftovers(args.output)
    clear_leftovers(args.output / "words")
    count = 0
    used: set[str] = set()
    with replacing(args.output / "words.tsv") as table:
        for file in files:
            try:
                image = np.ascontiguousarray(decode_image(file)[..., ::-1])
            except ImageError as error:
                log(printable(str(error)))
                continue
            stem = crop_stem(file, used)
            for number, (crop, text) in enumerate(sure_words(image, *readers)):
                name = f"{stem}_{number}.png"
                encoded = cv2.imencode(".png", crop)[1]
                write_atomically(args.output / "words" / name, [encoded.tobytes()], sync=False)
                table.write(f"{name}\t{text}\n".encode())
                count += 1
    log(f"{args.output}: {count} words and lines of {len(files)} images")
    return 0


if __name__ == "__main__":
    run_command(main)

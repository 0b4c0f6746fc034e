"""What is found in everyday images by this reader, another version of it, and RapidOCR, with the same threads.

    python benchmarks/everyday_table.py [--baseline FOLDER] [--rapidocr_python PYTHON] [--threads 2] [--repeats 3]
                                        [--images FILE ...]

Draws the images of everyday_images.py and prints for each of them and for each contestant: lines found of those that
are there, lines twice and pieces beside them, words right of those that are there, and seconds, the median of the
repeats; the first run of each image, in which networks meet a new size, is left out. FOLDER is a checkout of another
version. FILES are read too; of them lines, characters and seconds are printed.

A line counts as found when lines that were read cover 0.7 of its area; as twice, when half of a read line lies on
another; as pieces, what covers it beyond the first. Words are compared as a bag, letters and digits only.
"""

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.contestant import Contestant  # noqa: E402
from benchmarks.everyday_images import EVERYDAY, Everyday  # noqa: E402
from benchmarks.reader_accuracy import plain  # noqa: E402

COVERED, TWICE, PIECE = 0.7, 0.5, 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--rapidocr_python")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", nargs="*", default=[])
    parser.add_argument("--without_drawn", action="store_true")
    arguments = parser.parse_args()
    contestants = [Contestant("this", sys.executable, ROOT, arguments.threads)]
    if arguments.baseline:
        contestants.append(Contestant("baseline", sys.executable, arguments.baseline, arguments.threads))
    if arguments.rapidocr_python:
        contestants.append(Contestant("rapidocr", arguments.rapidocr_python, ROOT, arguments.threads))
    with tempfile.TemporaryDirectory() as folder:
        for draw in () if arguments.without_drawn else EVERYDAY:
            image = draw()
            path = f"{folder}/{image.name.replace(' ', '_')}.png"
            cv2.imwrite(path, image.pixels[:, :, ::-1])
            for contestant, answers in answered(contestants, path, arguments.repeats):
                print(
                    f"{image.name:14s} {contestant:9s} {judged(image, answers[-1])}  {seconds(answers)}", flush=True
                )
        for path in arguments.images:
            for contestant, answers in answered(contestants, path, arguments.repeats):
                texts = answers[-1]["texts"]
                counts = f"{len(texts):3d} lines, {sum(map(len, texts)):5d} characters"
                print(f"{Path(path).name:14s} {contestant:9s} {counts}  {seconds(answers)}", flush=True)
    for contestant in contestants:
        contestant.close()


def answered(contestants: list[Contestant], path: str, repeats: int) -> list[tuple[str, list[dict]]]:
    answers: dict[str, list[dict]] = {contestant.name: [] for contestant in contestants}
    for _ in range(repeats + 1):
        for contestant in contestants:
            answers[contestant.name].append(contestant.read(path))
    return list(answers.items())


def seconds(answers: list[dict]) -> str:
    return f"{statistics.median(answer['seconds'] for answer in answers[1:] or answers):6.2f} s"


def judged(image: Everyday, answer: dict) -> str:
    there = Counter(filter(None, (plain(word) for text in image.texts for word in text.split())))
    read = Counter(filter(None, (plain(word) for text in answer["texts"] for word in text.split())))
    words = f"{(there & read).total():3d} of {there.total():3d} words right, {read.total():3d} read"
    if not image.boxes:
        return f"{len(answer['boxes']):3d} lines ({len(image.texts)} there)                       {words}"
    found, pieces, twice = placed(np.array(image.boxes), np.array(answer["boxes"], float).reshape(-1, 4))
    return f"{found:3d} of {len(image.boxes):3d} lines, {twice:2d} twice, {pieces:2d} pieces, {words}"


def placed(there: np.ndarray, read: np.ndarray) -> tuple[int, int, int]:
    """Lines that are found, pieces beyond the first of a line, and lines that are there twice."""
    if not len(read):
        return 0, 0, 0
    low, high = np.maximum(there[:, None, :2], read[:, :2]), np.minimum(there[:, None, 2:], read[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area = np.maximum((there[:, 2:] - there[:, :2]).prod(axis=1), 1e-6)
    found = int((shared.sum(axis=1) > COVERED * area).sum())
    on_line = (shared > PIECE * area[:, None]).sum(axis=1)
    low, high = np.maximum(read[:, None, :2], read[:, :2]), np.minimum(read[:, None, 2:], read[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    np.fill_diagonal(common, 0)
    own = np.maximum((read[:, 2:] - read[:, :2]).prod(axis=1), 1e-6)
    return found, int(np.clip(on_line - 1, 0, None).sum()), int((common.max(axis=1) > TWICE * own).sum())


if __name__ == "__main__":
    main()

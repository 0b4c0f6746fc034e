"""What is found in everyday images by this reader, another version of it, and RapidOCR, with the same threads.

    python benchmarks/everyday_table.py [--baseline FOLDER] [--rapidocr_python PYTHON] [--threads 2] [--repeats 3]
                                        [--images FILE ...] [--texts FOLDER] [--without_drawn]

Draws the images of everyday_images.py and prints a Markdown table with a row for each of them: lines found of those
that are there, words right, seconds of wall time and of the processor, each of this reader, of the other version,
whose checkout is FOLDER, and of RapidOCR in the environment of PYTHON. Seconds are medians of the repeats; the first
run of each image, in which networks meet a new size, is left out. On a busy machine only the processor's seconds mean
anything, with one thread, as threads that wait for each other count too.

FILES are read as well; FOLDER has for each of them a text file with its lines, photo.jpg.txt for photo.jpg, without
which lines and characters are counted.

A line counts as found when lines that were read cover 0.7 of its area; where its place is not known, when a line that
was read has 0.7 of its letters. Lines twice are those half of which lies on another one, pieces what covers a line
beyond the first. Words are compared as a bag, letters and digits only.
"""

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from rapidfuzz.fuzz import ratio

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from src.common.command_start import start_command

if __name__ == "__main__":
    start_command()

from benchmarks.contestant import Contestant
from benchmarks.everyday_images import EVERYDAY, Everyday
from benchmarks.reader_accuracy import plain
from src.model_utils.command import run_command

COVERED, TWICE, PIECE = 0.7, 0.5, 0.1
ALIKE = 70.0  # percent of the letters of a line whose place is not known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--rapidocr_python")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", nargs="*", default=[], type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--without_drawn", action="store_true")
    arguments = parser.parse_args()
    contestants = [Contestant("this", sys.executable, ROOT, arguments.threads)]
    if arguments.baseline:
        contestants.append(Contestant("baseline", sys.executable, arguments.baseline, arguments.threads))
    if arguments.rapidocr_python:
        contestants.append(Contestant("rapidocr", arguments.rapidocr_python, ROOT, arguments.threads))
    names = ", ".join(contestant.name for contestant in contestants)
    print(f"| image | lines: {names} | words right | seconds | of the processor | twice and pieces |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for draw in () if arguments.without_drawn else EVERYDAY:
            image = draw()
            path = Path(folder, f"{image.name.replace(' ', '_')}.png")
            cv2.imwrite(str(path), image.pixels[:, :, ::-1])
            print(row(image, answered(contestants, path, arguments.repeats)), flush=True)
        for path in arguments.images:
            print(row(known(path, arguments.texts), answered(contestants, path, arguments.repeats)), flush=True)
    for contestant in contestants:
        contestant.close()


def known(path: Path, texts: Path | None) -> Everyday:
    """What is known of a file: nothing but its name, or the texts of its lines too."""
    described = texts / f"{path.name}.txt" if texts else None
    there = described.read_text(encoding="utf-8").splitlines() if described and described.is_file() else []
    return Everyday(path.name, np.empty((0, 0, 3), np.uint8), [line for line in there if line.strip()])


def answered(contestants: list[Contestant], path: Path, repeats: int) -> list[list[dict]]:
    """The answers of each contestant, who take turns."""
    answers: list[list[dict]] = [[] for _ in contestants]
    for _ in range(repeats + 1):
        for contestant, own in zip(contestants, answers, strict=True):
            own.append(contestant.read(str(path)))
    return answers


def row(image: Everyday, answers: list[list[dict]]) -> str:
    last = [own[-1] for own in answers]
    times = [
        ", ".join(f"{statistics.median(each[key] for each in own[1:] or own):.2f}" for own in answers)
        for key in ("seconds", "processor")
    ]
    if not image.texts:
        lines = ", ".join(str(len(answer["texts"])) for answer in last)
        characters = ", ".join(str(sum(map(len, answer["texts"]))) for answer in last)
        return f"| {image.name} | {lines} | {characters} characters | {' | '.join(times)} | |"
    there = bag(image.texts)
    words = ", ".join(str((there & bag(answer["texts"])).total()) for answer in last)
    more = ""
    if image.boxes:
        judged = [placed(np.array(image.boxes), np.array(answer["boxes"], float).reshape(-1, 4)) for answer in last]
        found = [each[0] for each in judged]
        more = ", ".join(f"{twice}+{pieces}" for _, pieces, twice in judged)
    else:
        found = [alike(image.texts, answer["texts"]) for answer in last]
    lines = f"{', '.join(map(str, found))} of {len(image.texts)}"
    return f"| {image.name} | {lines} | {words} of {there.total()} | {' | '.join(times)} | {more} |"


def bag(texts: list[str]) -> Counter:
    return Counter(filter(None, (plain(word) for text in texts for word in text.split())))


def alike(there: list[str], read: list[str]) -> int:
    """Lines of which a line that was read, of each another one, has most letters."""
    left, found = [plain(text) for text in read], 0
    for text in map(plain, there):
        scores = [ratio(text, other) for other in left]
        if scores and max(scores) >= ALIKE:
            del left[scores.index(max(scores))]
            found += 1
    return found


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
    run_command(main)

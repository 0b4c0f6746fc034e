"""The files of the ICDAR detection protocols: `gt_*.txt` in `gt.zip`, `res_*.txt` in `submit_*.zip`.

An image is known by the stem of its file name: `img_12.jpg` has ground truth `gt_img_12.txt` and results
`res_img_12.txt`; `100.jpg` has `gt_100.txt` and `res_100.txt`. Everything here that is "by image" uses that
stem as the key.

Result lines are `x1,y1,x2,y2`, whole pixels. Ground truth lines are `x1, y1, x2, y2, "word"` or the same with
spaces for commas, or eight coordinates and a word; quotes are optional, "###" is to be ignored.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from src.common.atomic_file import write_atomically
from src.common.bounded_file import SMALL, is_special, read_bounded_text
from src.common.errors import UserError
from src.common.image_name import file_stem, free_name
from src.common.printable import one_line
from src.metrics.detection_result import GroundTruth
from src.metrics.safe_zip import read_text_members, write_text_members

IGNORED_TEXT = "###"
_LONGEST_KEY = 240  # bytes: with "res_" and ".txt", and a few "_", it is the name of a file

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_SEPARATOR = r"(?:\s*,\s*|\s+)"
_BOX_LINE = re.compile(rf"({_NUMBER}(?:{_SEPARATOR}{_NUMBER}){{3}})(?:{_SEPARATOR}(.*)|\s*,?)")
_QUAD_LINE = re.compile(rf"({_NUMBER}(?:\s*,\s*{_NUMBER}){{7}})(?:\s*,(.*))?")
_PIXEL = r"(-?\d{1,15})"  # more digits are no pixel, and no number that int64 and float64 hold exactly
_RESULT_LINE = re.compile(rf"{_PIXEL}\s*,\s*{_PIXEL}\s*,\s*{_PIXEL}\s*,\s*{_PIXEL}\s*,?")


class SubmissionError(UserError):
    """A result or ground truth file that is not in the format of the protocol."""


def image_key(image: str | Path) -> str:
    """The name by which an image is known: its file name without folders and extension."""
    return PurePosixPath(str(image).replace("\\", "/")).stem


def result_name(image: str | Path) -> str:
    return f"res_{image_key(image)}.txt"


def ground_truth_name(image: str | Path) -> str:
    return f"gt_{image_key(image)}.txt"


def to_pixels(boxes: np.ndarray) -> np.ndarray:
    """(M, 4) boxes rounded to whole pixels, int64: what a submission holds and what should be scored.

    Raises:
        SubmissionError: a box is not finite.
    """
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if not np.isfinite(boxes).all():
        bad = boxes[~np.isfinite(boxes).all(axis=1)][0]
        raise SubmissionError(f"a box to write is not finite: {bad.tolist()}")
    return np.rint(boxes).astype(np.int64)


def result_texts(detections: Mapping[str, np.ndarray]) -> dict[str, str]:
    """File name to content for (M, 4) boxes by image file name.

    Raises:
        SubmissionError: two images would get the same file.
    """
    texts: dict[str, str] = {}
    for image, boxes in detections.items():
        name = result_name(image)
        if name in texts:
            raise SubmissionError(f"two images would both be written to {name}; the second is {image}")
        texts[name] = "".join(",".join(map(str, box)) + "\n" for box in to_pixels(boxes).tolist())
    return texts


def write_results(folder: str | Path, detections: Mapping[str, np.ndarray]) -> list[Path]:
    """Write `res_*.txt`, one per image, into a folder.

    Returns:
        Their paths.

    Raises:
        UserError: names the file that cannot be written.
    """
    folder = Path(folder)
    paths = []
    for name, text in result_texts(detections).items():
        paths.append(folder / name)
        write_atomically(paths[-1], [text.encode()], sync=False)
    return paths


def write_submission(path: str | Path, detections: Mapping[str, np.ndarray]) -> Path:
    """Write `submit_*.zip` with one `res_*.txt` per image at its root, also for images without detections.

    Raises:
        UserError: names the file that cannot be written.
    """
    return write_text_members(path, result_texts(detections))


def read_submission(path: str | Path) -> dict[str, np.ndarray]:
    """(M, 4) int64 boxes by image from a zip of `res_*.txt`.

    As strict as the official script, so that what passes here passes there.

    Raises:
        SubmissionError: names file and line.
        ArchiveError: the archive cannot be read.
    """
    return _by_image(read_text_members(path), "res_", parse_results, path)


def read_ground_truth(path: str | Path) -> dict[str, GroundTruth]:
    """Ground truth by image from a zip of `gt_*.txt`, or from a folder of them; without the prefix in all names, too.

    Raises:
        SubmissionError: names file and line.
        ArchiveError: the archive cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        # Labels of one's own are often named as the image alone.
        texts_of = [file for file in sorted(path.glob("*.txt")) if not is_special(file)]
        files = [file for file in texts_of if file.name.startswith("gt_")] or texts_of
        try:
            texts = {file.name: read_bounded_text(file, SMALL) for file in files}
        except UnicodeDecodeError as error:
            raise SubmissionError(f"{path}: a file is not UTF-8 text ({error})") from error
        except OSError as error:
            raise SubmissionError(f"{error.filename}: {error.strerror}") from error
    else:
        texts = read_text_members(path)
    prefix = "gt_" if not texts or any(name.startswith("gt_") for name in texts) else ""
    return _by_image(texts, prefix, parse_ground_truth, path)


def parse_results(text: str, where: str = "results") -> np.ndarray:
    """(M, 4) int64 from the lines of one result file."""
    boxes = []
    for number, line in _lines(text):
        found = _RESULT_LINE.fullmatch(line)
        if not found:
            raise SubmissionError(f"{where}, line {number}: expected whole x1,y1,x2,y2, got '{one_line(line)}'")
        boxes.append([int(value) for value in found.groups()])
        _check_order(boxes[-1], where, number)
    return np.array(boxes, dtype=np.int64).reshape(-1, 4)


def parse_ground_truth(text: str, where: str = "ground truth") -> GroundTruth:
    """One ground truth file; quadrilaterals when every line begins with eight coordinates."""
    lines = list(_lines(text))
    quads = [_QUAD_LINE.fullmatch(line) for _, line in lines]
    outlined = bool(lines) and all(quads)
    shapes, words = [], []
    for (number, line), quad in zip(lines, quads, strict=True):
        found = quad if outlined else _BOX_LINE.fullmatch(line)
        if not found:
            raise SubmissionError(f"{where}, line {number}: expected x1,y1,x2,y2,\"word\", got '{one_line(line)}'")
        shapes.append([float(value) for value in re.split(_SEPARATOR, found.group(1))])
        words.append(_unquoted(found.group(2) or ""))
        if not outlined:
            _check_order(shapes[-1], where, number)
    # MLT-2017 writes the script's name before the word: "Latin,###".
    tails = [word.rpartition(",")[2].strip() if outlined else word for word in words]
    ignored = np.array([tail == IGNORED_TEXT for tail in tails], dtype=bool)
    if not outlined:
        return GroundTruth(np.array(shapes).reshape(-1, 4), ignored, texts=tuple(words))
    polygons = np.array(shapes).reshape(-1, 4, 2)
    boxes = np.concatenate([polygons.min(axis=1), polygons.max(axis=1)], axis=1)
    return GroundTruth(boxes, ignored, polygons, tuple(words))


def _by_image(
    texts: Mapping[str, str], prefix: str, parse: Callable[[str, str], Any], path: str | Path
) -> dict[str, Any]:
    """Parse every file; the key of an image is what follows the prefix."""
    unknown = [name for name in texts if not name.startswith(prefix)]
    if unknown:
        raise SubmissionError(f"{path}: files must be named {prefix}<image>.txt, got '{unknown[0]}'")
    if not texts:
        raise SubmissionError(f"{path}: no {prefix}*.txt in it")
    return {name[len(prefix) : -len(".txt")]: parse(text, f"{path}: {name}") for name, text in texts.items()}


def _lines(text: str) -> Iterable[tuple[int, str]]:
    """(line number, line) of the lines that are not empty; Windows line ends do not matter."""
    # Not splitlines(): a word may hold characters that Unicode counts as line ends.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    stripped = ((number, line.strip().lstrip("\ufeff")) for number, line in enumerate(lines, 1))
    return ((number, line) for number, line in stripped if line)


def _unquoted(word: str) -> str:
    """The word between its quotes, inside which a backslash makes the next quote or backslash plain."""
    word = word.strip()
    if len(word) >= 2 and word[0] == word[-1] == '"':
        return re.sub(r'\\(["\\])', r"\1", word[1:-1])
    return word


def _check_order(box: Sequence[float], where: str, number: int) -> None:
    if box[2] < box[0] or box[3] < box[1]:
        raise SubmissionError(f"{where}, line {number}: not a box x1 <= x2, y1 <= y2: {box}")


def submission_names(names: Iterable[str]) -> dict[str, str]:
    """File name of an image -> the name to submit it under, whose stem no other image has.

    That is its own name (the official script expects `res_img_1.txt` for `img_1.jpg`), or, where several
    share a stem (`a/1.jpg`, `b/1.jpg` and `1.png`), one made of the whole of it: `a_1_jpg`. What cannot be printed or
    is too long for a file is escaped or cut, see `file_stem`.
    """
    names = list(names)
    stems = Counter(image_key(name) for name in names)
    chosen = {name: name for name in names if stems[image_key(name)] == 1 and _is_plain(image_key(name))}
    taken = {image_key(name) for name in chosen}
    for name in names:
        if name not in chosen:
            whole = image_key(name) if stems[image_key(name)] == 1 else name
            chosen[name] = free_name(file_stem(re.sub(r"[/\\.]", "_", whole), _LONGEST_KEY), taken.__contains__)
            taken.add(chosen[name])
    return chosen


def label_keys(submitted: Mapping[str, str]) -> dict[str, str]:
    """File name of an image -> the key of its ground truth, for names as `submission_names` gives them.

    Only what is written needs another name than that of a single image.
    """
    stems = Counter(image_key(name) for name in submitted)
    return {name: image_key(name if stems[image_key(name)] == 1 else key) for name, key in submitted.items()}


def _is_plain(key: str) -> bool:
    return file_stem(key, _LONGEST_KEY) == key

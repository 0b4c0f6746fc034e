"""One line of a text label file -> corners, transcription, ignored mark.

Layouts (numbers separated by commas or blanks, the transcription after them):
  corners  x1 y1 x2 y2 [text]           ICDAR 2011 and 2013, converted SVT and ICDAR 2015; text may be quoted
  size     x y w h [text]               SCUT-FORU
  quad     x1 y1 .. x4 y4 [text]        ICDAR 2015; the enclosing upright box, and the quadrilateral beside it
  mlt      x1 y1 .. x4 y4 script text   MLT 2017
A transcription made of "#" only ("###") marks a region that is not to be judged.
"""

import re
from collections import Counter

from src.data.detection.annotations.labeled_image import RawBox, corners_of_size

NUMBERS = {"corners": 4, "size": 4, "quad": 8, "mlt": 8}
# The scripts of MLT 2017 and 2019.
SCRIPTS = frozenset(
    ["arabic", "bangla", "chinese", "hindi", "japanese", "korean", "latin", "mixed", "none", "symbols"]
)
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)"
_SEPARATOR = r"(?:\s*,\s*|\s+)"
_HEADS = {
    count: re.compile(rf"\s*({_NUMBER})" + rf"{_SEPARATOR}({_NUMBER})" * (count - 1) + rf"(?:{_SEPARATOR}|$)")
    for count in (4, 8)
}


def is_ignored_text(text: str) -> bool:
    """Whether a transcription is the mark of an ignored region: "#" signs and nothing else."""
    return bool(text) and not text.strip("#")


def parse_line(line: str, layout: str) -> RawBox | None:
    """Read one line in the given layout; None when it is not such a line. The caller skips blank lines."""
    match = _HEADS[NUMBERS[layout]].match(line)
    if match is None:
        return None
    values = [float(value) for value in match.groups()]
    text = line[match.end() :].strip()
    quad = None
    if layout == "size":
        corners = corners_of_size(*values)
    elif layout == "corners":
        corners = tuple(values)
    else:
        quad = tuple(values)
        corners = (min(values[0::2]), min(values[1::2]), max(values[0::2]), max(values[1::2]))
    if layout == "mlt":
        text = text.partition(",")[2].strip()
    elif layout in ("corners", "size"):
        text = _unquote(text)
    return RawBox(corners, text, is_ignored_text(text), quad)


def parse_lines(text: str, layout: str) -> tuple[list[RawBox], Counter]:
    """All lines of a label file: the boxes, and the number of lines refused by reason."""
    boxes: list[RawBox] = []
    problems: Counter = Counter()
    for line in label_lines(text):
        box = parse_line(line, layout)
        if box is None:
            problems["not a label line"] += 1
        else:
            boxes.append(box)
    return boxes, problems


def label_lines(text: str) -> list[str]:
    """The lines that are not blank. str.splitlines would also cut at separators inside a transcription."""
    return [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]


def detect_layout(lines: list[str], candidates: tuple[str, ...]) -> str:
    """The first candidate that at least half of the sampled lines of a data set fit; else the last one.

    Longer layouts must stand before shorter ones, because every quad line also begins with four numbers.
    "size" is told from "corners" by widths and heights smaller than the position: as corners, more than a
    tenth of the lines would be reversed.
    """
    for layout in candidates[:-1]:
        if lines and 2 * sum(_fits(line, layout) for line in lines) >= len(lines):
            if layout == "size" and not _looks_like_sizes(lines):
                continue
            return layout
    return candidates[-1]


def _fits(line: str, layout: str) -> bool:
    match = _HEADS[NUMBERS[layout]].match(line)
    if match is None:
        return False
    if layout == "mlt":
        return line[match.end() :].partition(",")[0].strip().lower() in SCRIPTS
    return True


def _looks_like_sizes(lines: list[str]) -> bool:
    matches = [match for line in lines if (match := _HEADS[4].match(line))]
    values = [[float(value) for value in match.groups()] for match in matches]
    reversed_lines = sum(x2 < x1 or y2 < y1 for x1, y1, x2, y2 in values)
    return reversed_lines * 10 > len(values)


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text

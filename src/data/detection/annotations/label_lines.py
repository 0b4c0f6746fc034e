"""One line of a text label file -> corners, transcription, ignored mark.

Layouts (numbers separated by commas or blanks, the transcription after them):
  corners  x1 y1 x2 y2 [text]           ICDAR 2011 and 2013, converted SVT and ICDAR 2015; text may be quoted
  size     x y w h [text]               SCUT-FORU
  quad     x1 y1 .. x4 y4 [text]        ICDAR 2015; the enclosing upright box, and the quadrilateral beside it
  mlt      x1 y1 .. x4 y4 script text   MLT 2017
  polygon  x1,y1,..,xn,yn,text          any number of points, commas only; `outline` is the same without text;
                                        CTW1500 writes "####" before each text
A transcription made of "#" only ("###") marks an ignored region. A line that can be read in
two ways is refused with the reason; which layout a data set has is decided in `label_layouts`.
"""

import re
from collections import Counter
from collections.abc import Sequence

from src.data.detection.annotations.labeled_image import RawBox, corners_of_size, polygon_box

NUMBERS = {"corners": 4, "size": 4, "quad": 8, "mlt": 8}
NOT_A_LABEL_LINE = "not a label line"
NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf)"
_SEPARATOR = r"(?:\s*,\s*|\s+)"
HEADS = {
    count: re.compile(rf"\s*({NUMBER})" + rf"{_SEPARATOR}({NUMBER})" * (count - 1) + rf"(?:{_SEPARATOR}|$)")
    for count in (4, 8)
}
_NEXT_BY_COMMA = re.compile(rf"\s*({NUMBER})(?:\s*,\s*|\s*$)")
_NEXT = re.compile(rf"\s*({NUMBER})(?:{_SEPARATOR}|$)")
_NUMBERS_AT_MOST = 1000
THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def is_ignored_text(text: str) -> bool:
    """Whether a transcription is the mark of an ignored region: "#" signs and nothing else."""
    return bool(text) and not text.strip("#")


def parse_line(line: str, layout: str) -> RawBox | str:
    """Read one line in the given layout; the reason when it is not such a line. The caller skips blank lines."""
    if layout in ("polygon", "outline"):
        return _parse_polygon(line, with_text=layout == "polygon")
    match = HEADS[NUMBERS[layout]].match(line)
    if match is None:
        return NOT_A_LABEL_LINE
    values = [float(value) for value in match.groups()]
    if are_normalized(values):
        return "coordinates between 0 and 1"
    text = line[match.end() :].strip()
    if layout != "mlt" and _goes_on(line, NUMBERS[layout], text):
        return "more numbers than a box of this layout has"
    if NUMBERS[layout] == 4:
        text = _unquote(text)
        return RawBox(
            corners_of_size(*values) if layout == "size" else (values[0], values[1], values[2], values[3]),
            text,
            is_ignored_text(text),
        )
    if layout == "mlt":
        text = text.partition(",")[2].strip()
    return polygon_box(values, text, is_ignored_text(text))


def parse_lines(text: str, layout: str) -> tuple[list[RawBox], Counter]:
    """All lines of a label file: the boxes, and the number of lines refused by reason."""
    boxes: list[RawBox] = []
    problems: Counter = Counter()
    for line in label_lines(text):
        box = parse_line(line, layout)
        if isinstance(box, str):
            problems[box] += 1
        else:
            boxes.append(box)
    return boxes, problems


def label_lines(text: str) -> list[str]:
    """The lines that are not blank. str.splitlines would also cut at separators inside a transcription."""
    return [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]


def leading_numbers(line: str, *, commas_only: bool) -> tuple[list[float], list[int]]:
    """The numbers that a line begins with, and where each begins; the last place is what stands after them."""
    pattern = _NEXT_BY_COMMA if commas_only else _NEXT
    values: list[float] = []
    places = [0]
    while len(values) < _NUMBERS_AT_MOST and (match := pattern.match(line, places[-1])):
        values.append(float(match[1]))
        places.append(match.end())
    return values, places


def are_normalized(values: Sequence[float]) -> bool:
    """Whether these coordinates are shares of the image's sides: none beyond 1, not all of them whole."""
    return all(-1 <= value <= 1 for value in values) and any(value != int(value) for value in values)


def _goes_on(line: str, count: int, text: str) -> bool:
    """Whether points beyond the box stand where its text should: four numbers more, or two before other text.

    A text may be a number itself ("50", "7,50", "36,000,000"), and begin with several that blanks separate.
    """
    commas_only = "," in line.partition('"')[0]
    values, places = leading_numbers(line, commas_only=commas_only)
    if THOUSANDS.fullmatch(text):
        return False
    if count == 8 and _counts_its_points(line):
        return True
    more = len(values) - count
    a_point = more == 3 or (more == 2 and places[-1] < len(line.rstrip()))
    return more >= 4 or (a_point and (count == 8 or commas_only))


def _counts_its_points(line: str) -> bool:
    """Whether a line reads n,x1,y1,..,xn,yn,text."""
    values, places = leading_numbers(line, commas_only=True)
    return len(values) > 6 and values[0] == (len(values) - 1) / 2 and places[-1] < len(line.rstrip())


def _parse_polygon(line: str, *, with_text: bool) -> RawBox | str:
    """A polygon's line. An odd number at the end is the text; of an even one, text and point look the same."""
    line = line.rstrip()
    values, places = leading_numbers(line, commas_only=True)
    text = line[places[-1] :]
    if not with_text and (text or len(values) % 2):
        return "text after a polygon of a set without text" if text else "odd number of coordinates"
    if with_text and len(values) % 2:
        values, text = values[:-1], line[places[-2] :].strip()
    elif with_text and len(values) > 8 and not text and not line.endswith(","):
        return "only numbers: the last two may be a point or the text"
    if _counts_its_points(line):
        return "begins with the number of its points"
    if len(values) < 6:
        return NOT_A_LABEL_LINE
    if are_normalized(values):
        return "coordinates between 0 and 1"
    text = _unquote(text)
    if not is_ignored_text(text):
        text = text.removeprefix("####")
    return polygon_box(values, text, is_ignored_text(text))


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text

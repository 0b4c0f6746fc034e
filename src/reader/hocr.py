"""A result as hOCR, the HTML that programs around OCR exchange: a page, its lines, and their words.

Follows version 1.2 of the specification: http://kba.github.io/hocr-spec/1.2/. Boxes are whole pixels.
"""

import html
import math
from collections.abc import Iterator

from src.common.printable import printable
from src.reader.result import Line, ReadResult, Word

CAPABILITIES = "ocr_page ocr_line ocrx_word ocrp_poly ocrp_wconf"
_LEAST_ANGLE = 0.5  # degrees from which a line counts as tilted


def to_hocr(result: ReadResult) -> str:
    """The whole document, XHTML that HTML readers take as well."""
    name = printable(result.image)
    lines = "\n".join(_line(number, line, result) for number, line in enumerate(result.lines, start=1))
    quoted = name.replace('"', "%22")  # the title has no way to write a quotation mark inside of others
    title = f'image "{quoted}"; bbox 0 0 {result.width} {result.height}; ppageno {result.page - 1}'
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" lang="und">
<head>
<meta charset="utf-8"/>
<title>{html.escape(name)}</title>
<meta name="ocr-system" content="scene-text-reading"/>
<meta name="ocr-capabilities" content="{CAPABILITIES}"/>
<meta name="ocr-langs" content="unknown"/>
<meta name="ocr-number-of-pages" content="1"/>
<style>.ocr_line {{ display: block }}</style>
</head>
<body>
<div class="ocr_page" id="page_1" title="{html.escape(title)}">
{lines}
</div>
</body>
</html>
"""


def _line(number: int, line: Line, result: ReadResult) -> str:
    words = list(_words(line))
    title = _placed(line, _around([line.box, *(word.box for word in words)]), result)
    if abs(angle := _angle(line)) >= _LEAST_ANGLE:
        title += f"; textangle {angle:.1f}"
    inside = " ".join(_word(f"word_1_{number}_{index}", word, result) for index, word in enumerate(words, 1))
    return f'<span class="ocr_line" id="line_1_{number}" title="{title}">{inside}</span>'


def _around(boxes: list[tuple[float, ...]]) -> tuple[float, ...]:
    """The box of a line with its words, whose corners may stand out of a tilted one."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _words(line: Line) -> Iterator[Word]:
    if line.words or not line.text:
        yield from line.words
    else:  # a text without words is one
        yield Word(line.text, line.box, line.polygon, line.text_score or 0.0)


def _word(identity: str, word: Word, result: ReadResult) -> str:
    title = f"{_placed(word, word.box, result)}; x_wconf {100 * word.score:.0f}"
    return f'<span class="ocrx_word" id="{identity}" title="{title}">{html.escape(printable(word.text))}</span>'


def _placed(item: Line | Word, around: tuple[float, ...], result: ReadResult) -> str:
    x1, y1, x2, y2 = around
    box = (math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2))
    limits = (result.width, result.height) * 2
    inside = " ".join(str(min(max(value, 0), limit)) for value, limit in zip(box, limits, strict=True))
    corners = " ".join(
        f"{min(max(round(x), 0), result.width)} {min(max(round(y), 0), result.height)}" for x, y in item.polygon
    )
    return f"bbox {inside}; poly {corners}"


def _angle(line: Line) -> float:
    """Degrees by which the line is turned counterclockwise."""
    (x1, y1), (x2, y2) = line.polygon[:2]
    return math.degrees(math.atan2(y1 - y2, x2 - x1))

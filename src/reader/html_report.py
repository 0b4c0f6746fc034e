"""One HTML page for everything that was read: images with their lines and words, texts and times, all inside it.

There is no script in it, and it loads nothing. Pointing at a word, or at a line of the text, shows it in the image;
so does the Tab key, and on a phone a tap.
"""

import base64
import html
import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from src.common.printable import printable
from src.common.shard import EVERYTHING, Shard
from src.reader.growing_file import GrowingFile
from src.reader.image_names import common_name
from src.reader.result import STAGES, Line, ReadResult, Unreadable, Word

MOST_PIXELS, LONGEST = 1280 * 960, 16_000  # of an image in the page, whatever its shape, and of its longer side
SMALL = 640  # pixels: images whose sides are shorter are shown at twice their size, others at theirs at most
LETTERS = 14  # pixels of the screen that the letters of a word at the pointer have at least
MOST_IMAGES = 500  # further ones have texts only: browsers do not open pages of gigabytes

_STYLE = """
:root{color-scheme:light dark;--line:#ff7900;--word:#00a8ff;--rim:#8884}
*{box-sizing:border-box}
body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:1400px;padding:0 1rem 3rem;overflow-wrap:anywhere}
a{color:inherit}:focus-visible{outline:3px solid var(--word);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
nav ol{columns:18rem;padding-left:2em}nav li{break-inside:avoid}
article{border-top:1px solid var(--rim);padding:1rem 0;display:grid;gap:.75rem 1.5rem}
@media(min-width:50rem){article{grid-template-columns:minmax(0,3fr) minmax(0,2fr)}header,footer{grid-column:1/-1}}
h2{font-size:1.05rem;margin:0}header p{margin:.25rem 0 0}
figure{position:relative;margin:0;align-self:start}
figure img{display:block;width:100%;height:auto}
svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
svg *{vector-effect:non-scaling-stroke}
.l{fill:transparent;stroke:var(--line);stroke-width:2}
.w{fill:transparent;stroke:none;cursor:pointer}
g:hover>.w,g:focus>.w{stroke:var(--word);stroke-width:3;fill:#00a8ff30}
g:focus{outline:none}
text{display:none;fill:#fff;stroke:#000;stroke-width:3;paint-order:stroke;stroke-linejoin:round;pointer-events:none}
g:hover>text,g:focus>text{display:inline}
.l:target{stroke:var(--word);stroke-width:5;fill:#00a8ff30}
.lines{margin:0;padding-left:2.5em}.lines li{padding:.1rem 0}.lines a{text-decoration:none;display:block}
.lines a:hover,.lines a:focus{text-decoration:underline}
small{opacity:.7}.note{border-left:4px solid var(--line);padding-left:.6rem}.bad{color:#c00}
@media(prefers-color-scheme:dark){.bad{color:#f88}}
"""


class HtmlReport:
    """Writes the page as the results come; it gets its name when it is complete.

    Raises:
        UserError: the page cannot be written.
    """

    def __init__(self, folder: Path, title: str, shard: Shard = EVERYTHING):
        self._file = GrowingFile(folder / common_name("report.html", shard))
        self.path = self._file.path
        self._images = self._bad = self._lines = self._notes = 0
        # No script, and nothing is fetched: a text that was read in an image stays text.
        policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        self._file.write(
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            f'<meta name="viewport" content="width=device-width,initial-scale=1">\n<style>{_STYLE}</style></head>\n'
            f'<body>\n<a class="skip" href="#total">To the end</a>\n<h1>{html.escape(title)}</h1>\n<main>\n'
        )

    def add(self, result: ReadResult | Unreadable) -> None:
        number = self._images + self._bad + 1
        head = f"{_heading(result.image, number)}"
        if isinstance(result, Unreadable):
            self._bad += 1
            error = html.escape(printable(str(result.error)))
            self._file.write(f'<article id="i{number}"><header>{head}<p class="bad">{error}</p></header></article>\n')
            return
        self._images += 1
        self._lines += len(result.lines)
        self._notes += bool(result.notes)
        notes = "".join(f'<p class="note">{html.escape(printable(note))}</p>' for note in result.notes)
        pixels = result.pixels if self._images <= MOST_IMAGES else None
        figure = "" if pixels is None else _figure(result, pixels, number)
        items = "".join(_item(f"i{number}l{index}", line) for index, line in enumerate(result.lines, start=1))
        times = ", ".join(f"{stage} {result.time_ms[stage]:.0f}" for stage in (*STAGES, "total"))
        self._file.write(
            f'<article id="i{number}"><header>{head}{notes}</header>{figure}'
            f'<ol class="lines">{items}</ol><footer><small>{result.width} x {result.height} pixels; '
            f"{len(result.lines)} lines; milliseconds: {times}</small></footer></article>\n"
        )

    def close(self, complete: bool = True) -> None:
        """End the page; an incomplete one is removed."""
        if complete:
            bad = f", {self._bad} could not be read" if self._bad else ""
            notes = f", {self._notes} with notes" if self._notes else ""
            total = f"{self._images} images, {self._lines} lines{bad}{notes}"
            behind = f"i{self._images + self._bad + 1}"  # where the last image's link to the next one leads
            self._file.write(
                f'</main>\n<footer id="{behind}"><p id="total" tabindex="-1">{total}</p></footer>\n</body></html>\n'
            )
        self._file.close(complete)


def _heading(name: str, number: int) -> str:
    """The name, and links to the neighbors, which the keyboard reaches, too."""
    before = f'<a href="#i{number - 1}" aria-label="the image before">&#8593;</a> ' if number > 1 else ""
    after = f'<a href="#i{number + 1}" aria-label="the next image">&#8595;</a>'
    return f"<h2>{html.escape(printable(name))} <small>{before}{after}</small></h2>"


def _item(target: str, line: Line) -> str:
    if line.text is None:
        label = f"<small>{line.score:.2f}</small>"
    else:
        text = html.escape(printable(line.text)) or "<small>(nothing)</small>"
        label = f"{text} <small>{line.text_score or 0:.2f}</small>"
    return f'<li><a href="#{target}">{label}</a></li>'


def _figure(result: ReadResult, pixels: np.ndarray, number: int) -> str:
    """The image, with a drawing over it in the image's own coordinates."""
    image = Image.fromarray(pixels)
    share = min(math.sqrt(MOST_PIXELS / (image.width * image.height)), LONGEST / max(image.size))
    if share < 1:
        fitted = max(1, round(image.width * share)), max(1, round(image.height * share))
        image = image.resize(fitted, reducing_gap=2)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    enlarged = 2 if max(result.width, result.height) < SMALL else 1
    size = max(result.width / 26, LETTERS / enlarged)  # of the letters that show a word
    lines = "".join(
        f'<polygon class="l" id="i{number}l{index}" points="{_points(line)}"/>'
        for index, line in enumerate(result.lines, start=1)
    )
    words = "".join(_word(word, result.width, size) for line in result.lines for word in _words(line))
    return (
        f'<figure style="max-width:{enlarged * result.width}px">'
        f'<img alt="" width="{image.width}" height="{image.height}" src="data:image/jpeg;base64,{encoded}">'
        f'<svg viewBox="0 0 {result.width} {result.height}" font-size="{size:.0f}">'
        f"{lines}{words}</svg></figure>"
    )


def _words(line: Line) -> tuple[Word, ...]:
    if line.words or not line.text:
        return line.words
    return (Word(line.text, line.box, line.polygon, line.text_score or 0.0),)


def _word(word: Word, width: int, size: float) -> str:
    """A word that shows its frame, and its text above it, when it is pointed at or has the focus."""
    text = html.escape(printable(word.text))
    x1, y1, x2, y2 = word.box
    high = y1 > 1.5 * size
    y = y1 - size / 3 if high else y2 + size
    at_right = (x1 + x2) / 2 > width / 2
    x, anchor = (x2, "end") if at_right else (x1, "start")
    return (
        f'<g tabindex="0" role="img" aria-label="{text} {word.score:.2f}">'
        f'<polygon class="w" points="{_points(word)}"/>'
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{text} {word.score:.2f}</text></g>'
    )


def _points(item: Line | Word) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in item.polygon if math.isfinite(x) and math.isfinite(y))

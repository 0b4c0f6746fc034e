"""One HTML page for everything that was read: drawn thumbnails, texts and times, with all it needs inside it."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

from PIL import Image

from src.common.shard import EVERYTHING, Shard
from src.reader.growing_file import GrowingFile
from src.reader.image_names import common_name
from src.reader.result import STAGES, ReadResult, Unreadable
from src.visualize.fonts import FontChooser

THUMBNAIL = (640, 480)  # pixels at most, width and height
MOST_THUMBNAILS = 500  # further images have texts only: browsers do not open pages of gigabytes

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1100px;padding:0 1rem;color:#222;background:#fff}
article{border-top:1px solid #ccc;padding:1rem 0;display:flex;gap:1.5rem;flex-wrap:wrap}
img{max-width:100%;height:auto}h2{font-size:1rem;width:100%;margin:0;overflow-wrap:anywhere}
ol{margin:0;padding-left:2em;flex:1 1 18rem}li span{color:#666;font-size:85%}
.times,.bad{color:#666;font-size:85%;width:100%}.bad{color:#a00}
@media (prefers-color-scheme:dark){body{color:#eee;background:#181818}article{border-color:#444}.bad{color:#f88}}
"""


class HtmlReport:
    """Writes the page as the results come; it gets its name when it is complete.

    Raises UserError when the page cannot be written.
    """

    def __init__(self, folder: Path, title: str, fonts: FontChooser | None = None, shard: Shard = EVERYTHING):
        self._file = GrowingFile(folder / common_name("report.html", shard))
        self.path = self._file.path
        self._fonts = fonts
        self._images = self._bad = self._lines = 0
        # No script, and nothing is fetched: a text that was read in an image stays text.
        policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        self._file.write(
            f'<!doctype html>\n<html><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style></head><body>\n'
            f"<h1>{html.escape(title)}</h1>\n"
        )

    def add(self, result: ReadResult | Unreadable) -> None:
        if isinstance(result, Unreadable):
            self._bad += 1
            self._file.write(
                f"<article><h2>{html.escape(result.image)}</h2>"
                f'<p class="bad">{html.escape(str(result.error))}</p></article>\n'
            )
            return
        self._images += 1
        self._lines += len(result.lines)
        image = _thumbnail(result, self._fonts) if self._images <= MOST_THUMBNAILS else ""
        items = "".join(f"<li>{_line(line.text, line.score, line.text_score)}</li>" for line in result.lines)
        times = ", ".join(f"{stage} {result.time_ms[stage]:.0f}" for stage in (*STAGES, "total"))
        self._file.write(
            f"<article><h2>{html.escape(result.image)}</h2>{image}<ol>{items}</ol>"
            f'<p class="times">{result.width} x {result.height} pixels; {len(result.lines)} lines; '
            f"milliseconds: {times}</p></article>\n"
        )

    def close(self, complete: bool = True) -> None:
        """End the page; an incomplete one is removed."""
        if complete:
            bad = f", {self._bad} could not be read" if self._bad else ""
            total = f"{self._images} images, {self._lines} lines{bad}"
            self._file.write(f"<footer>{total}</footer>\n</body></html>\n")
        self._file.close(complete)


def _line(text: str | None, score: float, text_score: float | None) -> str:
    if text is None:
        return f"<span>{score:.2f}</span>"
    return f"{html.escape(text) or '<span>(nothing)</span>'} <span>{text_score:.2f}</span>"


def _thumbnail(result: ReadResult, fonts: FontChooser | None) -> str:
    image = Image.fromarray(result.draw(fonts))
    image.thumbnail(THUMBNAIL)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return f'<img alt="" width="{image.width}" height="{image.height}" src="data:image/jpeg;base64,{encoded}">'

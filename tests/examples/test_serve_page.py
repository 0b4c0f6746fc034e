"""The page of the service as a person uses it: drop an image, see boxes, hover over a word, copy the text."""

import base64

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("websockets")

from browser import browse, find_browser
from reader_weights import encoded, text_image
from test_serve import served

from examples.reading_queue import Limits
from examples.serve import create_app
from src.common.errors import UserError
from src.reader import Line, ReadResult, Word

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium here (Debian's package: chromium)")
IMAGE = encoded(text_image())
DROP = """
(() => {
  const bytes = Uint8Array.from(atob("%s"), (character) => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "photo.png", { type: "image/png" }));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
})()
"""


class KnownText:
    """Reads the same two lines in every image that is one."""

    engine = device = "none"

    def read(self, data, name):
        if not data.startswith(b"\x89PNG"):
            raise UserError(f"{name}: not an image")
        lines = []
        for row, text in enumerate(("Hello <b>World</b>", "Two words")):
            top, words = 10 + 60 * row, []
            for column, word in enumerate(text.split()):
                left = 10 + 150 * column
                words.append(Word(word, (left, top, left + 130, top + 40), corners(left, top, 130), 0.9))
            lines.append(Line((10, top, 290, top + 40), corners(10, top, 280), 0.99, text, 0.95, tuple(words)))
        return ReadResult(name, 320, 200, tuple(lines), {"total": 12.0}, notes=("scaled down to half its size",))


def corners(left, top, width):
    return ((left, top), (left + width, top), (left + width, top + 40), (left, top + 40))


def test_drop_see_hover_and_copy(tmp_path):
    with served(create_app(KnownText(), Limits())) as address, browse(address) as page:
        assert page.evaluate("document.getElementById('result').hidden")
        page.evaluate(DROP % base64.b64encode(IMAGE).decode())
        page.until("document.querySelectorAll('polygon.word').length === 4")
        assert page.evaluate("document.querySelectorAll('polygon.line').length") == 2
        assert page.evaluate("document.getElementById('text').value") == "Hello <b>World</b>\nTwo words"
        assert page.evaluate("document.getElementById('notes').textContent") == "scaled down to half its size"
        page.until("document.getElementById('image').naturalWidth === 320")
        boxes = page.evaluate(
            "['figure img', 'polygon.line'].map((name) => {"
            " const box = document.querySelector(name).getBoundingClientRect(); return [box.left, box.width]; })"
        )
        (left, width), (line_left, line_width) = boxes
        assert line_left - left == pytest.approx(10 / 320 * width, abs=3)
        assert line_width == pytest.approx(280 / 320 * width, abs=5)
        middle = page.evaluate(
            "(() => { const box = document.querySelector('polygon.word').getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=middle[0], y=middle[1])
        assert page.until("document.getElementById('word').textContent") == "Hello (90 %)"
        page.evaluate("document.getElementById('copy').click()")
        page.until("document.getElementById('status').textContent === 'The text is copied.'")
        page.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 10_000
        assert page.problems == []


def test_what_is_no_image_is_said():
    with served(create_app(KnownText(), Limits())) as address, browse(address) as page:
        page.evaluate(DROP % base64.b64encode(b"text").decode())
        page.until("document.getElementById('status').classList.contains('bad')")
        assert "not an image" in page.evaluate("document.getElementById('status').textContent")
        assert page.evaluate("document.getElementById('result').hidden")

"""hOCR as its specification (version 1.2) has it."""

import io
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.reader.hocr import to_hocr
from src.reader.result import Line, ReadResult, Word

XHTML = "{http://www.w3.org/1999/xhtml}"
# Section 3 and 5 of the specification: which properties an element has, and how they are written.
NUMBER = r"-?\d+(\.\d+)?"
GRAMMAR = {
    "bbox": r"\d+ \d+ \d+ \d+",
    "image": r'"[^"]*"',
    "ppageno": r"\d+",
    "poly": r"\d+ \d+( \d+ \d+)+",
    "textangle": NUMBER,
    "x_wconf": NUMBER,
}
REQUIRED = {"ocr_page": {"bbox", "image", "ppageno"}, "ocr_line": {"bbox"}, "ocrx_word": {"bbox", "x_wconf"}}
INSIDE = {"ocr_page": None, "ocr_line": "ocr_page", "ocrx_word": "ocr_line"}
# What a document must announce when it uses them.
ANNOUNCED = {"poly": "ocrp_poly", "x_wconf": "ocrp_wconf"}


def properties(title):
    found = {}
    for part in re.findall(r'(?:[^;"]|"[^"]*")+', title):
        name, _, value = part.strip().partition(" ")
        assert name not in found and re.fullmatch(GRAMMAR[name], value), part
        found[name] = value
    return found


def check(document):
    """Raise AssertionError unless it is hOCR; returns the class, properties and text of its elements."""
    root = ET.fromstring(document)
    assert root.tag == f"{XHTML}html"
    metas = {meta.get("name"): meta.get("content") for meta in root.iter(f"{XHTML}meta") if meta.get("name")}
    assert metas["ocr-system"] and metas["ocr-number-of-pages"] == "1"
    announced = set(metas["ocr-capabilities"].split())
    identities, elements = [], []

    def visit(element, parents, outer=None):
        kind = element.get("class")
        if kind is not None:
            assert kind in announced
            found = properties(element.get("title"))
            assert REQUIRED[kind] <= found.keys()
            assert {ANNOUNCED[name] for name in found if name in ANNOUNCED} <= announced
            assert INSIDE[kind] == (parents[-1] if parents else None)
            x1, y1, x2, y2 = map(int, found["bbox"].split())
            assert x1 <= x2 and y1 <= y2
            assert outer is None or (outer[0] <= x1 and outer[1] <= y1 and x2 <= outer[2] and y2 <= outer[3])
            outer = x1, y1, x2, y2
            assert 0 <= float(found.get("x_wconf", 0)) <= 100
            identities.append(element.get("id"))
            elements.append((kind, found, "".join(element.itertext())))
            parents = [*parents, kind]
        for child in element:
            visit(child, parents, outer)

    visit(root.find(f"{XHTML}body"), [])
    assert len(set(identities)) == len(identities)
    boxes = [list(map(int, found["bbox"].split())) for _, found, _ in elements]
    assert elements[0][0] == "ocr_page" and boxes[0][:2] == [0, 0]
    assert all(box[2] <= boxes[0][2] and box[3] <= boxes[0][3] for box in boxes)
    HTMLParser().feed(document)
    return elements


def upright(x1, y1, x2, y2):
    return (x1, y1, x2, y2), ((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def result(*lines, name="a.png", page=1):
    times = dict.fromkeys(("decode", "detect", "connect", "recognize", "total"), 1.0)
    return ReadResult(name, 400, 200, lines, times, page=page, pages=max(1, page))


def test_lines_and_words():
    words = (Word("Open", *upright(10, 20, 60.4, 40), 0.975), Word("<daily>", *upright(70, 20, 140, 40), 0.5))
    elements = check(to_hocr(result(Line(*upright(10, 20, 140, 40), 0.9, "Open <daily>", 0.8, words))))
    page, line, first, second = elements
    assert page[1] == {"image": '"a.png"', "bbox": "0 0 400 200", "ppageno": "0"}
    assert line[1]["bbox"] == "10 20 140 40" and line[2] == "Open <daily>" and "textangle" not in line[1]
    assert first[1]["bbox"] == "10 20 61 40" and first[1]["x_wconf"] == "98" and first[2] == "Open"
    assert second[2] == "<daily>"


def test_a_tilted_line_says_so():
    polygon = ((10, 60), (110, 40), (114, 60), (14, 80))
    (_, line, word) = check(to_hocr(result(Line((10, 40, 114, 80), polygon, 0.9, "tilted", 0.8))))
    assert float(line[1]["textangle"]) == pytest.approx(math.degrees(math.atan2(20, 100)), abs=0.1)
    assert word[2] == "tilted"  # a text without words is one


def test_a_line_holds_its_words():
    word = Word("tilted", (8, 38, 116, 84), ((8, 62), (110, 38), (116, 60), (14, 84)), 0.8)
    (_, line, _) = check(to_hocr(result(Line(*upright(10, 40, 114, 80), 0.9, "tilted", 0.8, (word,)))))
    assert line[1]["bbox"] == "8 38 116 84"


def test_what_was_only_found_has_no_words():
    assert [kind for kind, _, _ in check(to_hocr(result(Line(*upright(1, 2, 3, 4), 0.9))))] == [
        "ocr_page",
        "ocr_line",
    ]
    assert check(to_hocr(result(name="scan.tif#3", page=3)))[0][1]["ppageno"] == "2"


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=20),
    st.text(max_size=20),
    st.tuples(*[st.floats(-50, 500, allow_nan=False)] * 4).filter(lambda b: b[0] <= b[2] and b[1] <= b[3]),
    st.floats(0, 1),
)
def test_whatever_names_texts_and_boxes_hold(name, text, box, score):
    word = Word(text, *upright(*box), score)
    document = to_hocr(result(Line(*upright(*box), score, text, score, (word,) if text else ()), name=name))
    check(document.encode("utf-8").decode("utf-8"))
    ET.parse(io.BytesIO(document.encode("utf-8")))

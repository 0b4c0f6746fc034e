"""One label line at a time, and telling the layouts apart."""

import time

import pytest

from src.data.detection.annotations.label_layouts import ALL_LAYOUTS, detect_layout, foreign_format
from src.data.detection.annotations.label_lines import is_ignored_text, parse_line, parse_lines
from src.data.detection.annotations.labeled_image import labeled_image


@pytest.mark.parametrize(
    ("line", "layout", "corners", "text", "ignored"),
    [
        ('158 128 411 181 "Footpath"', "corners", (158, 128, 411, 181), "Footpath", False),
        ('38, 43, 920, 215, "Tiredness"', "corners", (38, 43, 920, 215), "Tiredness", False),
        ('1, 2, 30, 40, "a, b"', "corners", (1, 2, 30, 40), "a, b", False),
        (r'1, 2, 30, 40, "\"HIGHER"', "corners", (1, 2, 30, 40), '"HIGHER', False),
        (r'1, 2, 30, 40, "16.4\""', "corners", (1, 2, 30, 40), '16.4"', False),
        ('1 2 30 40 "two words"', "corners", (1, 2, 30, 40), "two words", False),
        ("1,2,30,40", "corners", (1, 2, 30, 40), "", False),
        ("1,2,30,40,50", "corners", (1, 2, 30, 40), "50", False),
        ("1,2,30,40,###", "corners", (1, 2, 30, 40), "###", True),
        ('142, 73, 152, 83, "#1"', "corners", (142, 73, 152, 83), "#1", False),
        ("1,2,30,40,#", "corners", (1, 2, 30, 40), "#", True),
        ("-3.5,2e0,30.25,+40,x", "corners", (-3.5, 2, 30.25, 40), "x", False),
        ("10,20,30,40,word", "size", (10, 20, 39, 59), "word", False),
        ("377,117,463,117,465,130,378,130,Genaxis Theatre", "quad", (377, 117, 465, 130), "Genaxis Theatre", False),
        ("374,155,409,155,409,170,374,170,###", "quad", (374, 155, 409, 170), "###", True),
        ('0,0,9,0,9,9,0,9,"5, 6"', "quad", (0, 0, 9, 9), '"5, 6"', False),
        ("0,0,9,1,8,9,-1,8,Latin,text, more", "mlt", (-1, 0, 9, 9), "text, more", False),
        ("0,0,9,1,8,9,1,8,Arabic,###", "mlt", (0, 0, 9, 9), "###", True),
        ("0,0,9,1,8,9,1,8,Chinese,工商银行", "mlt", (0, 0, 9, 9), "工商银行", False),
    ],
)
def test_official_lines(line, layout, corners, text, ignored):
    box = parse_line(line, layout)
    assert box.corners == corners and box.text == text and box.ignored is ignored


@pytest.mark.parametrize("line", ["hello", "1,2,3", "1;2;3;4", "1,2,three,4", '"1,2,3,4"', "1,2,3,4word"])
def test_foreign_lines(line):
    assert parse_line(line, "corners") == "not a label line"


CURVE = "40,40,100,48,160,49,160,89,100,98,40,90"


@pytest.mark.parametrize(
    ("line", "layout", "corners", "text"),
    [
        (f"{CURVE},OPEN DAILY", "polygon", (40, 40, 160, 98), "OPEN DAILY"),
        (f"{CURVE},24", "polygon", (40, 40, 160, 98), "24"),
        (f"{CURVE},24,HOURS", "polygon", (40, 40, 160, 98), "24,HOURS"),
        (f'{CURVE},"24,7"', "polygon", (40, 40, 160, 98), "24,7"),
        (f"{CURVE},", "polygon", (40, 40, 160, 98), ""),
        (f"{CURVE},###", "polygon", (40, 40, 160, 98), "###"),
        ("0,0,9,0,9,9,0,9", "polygon", (0, 0, 9, 9), ""),
        (CURVE, "outline", (40, 40, 160, 98), ""),
        ("0,0,9,0,9,9,0,9,7,50", "quad", (0, 0, 9, 9), "7,50"),
        ("0,0,9,0,9,9,0,9,36,000,000", "quad", (0, 0, 9, 9), "36,000,000"),
        ("10,20,30,40,1,000", "corners", (10, 20, 30, 40), "1,000"),
        ("10 20 30 40 24 7 open", "corners", (10, 20, 30, 40), "24 7 open"),
        (f"{CURVE},####OPEN", "polygon", (40, 40, 160, 98), "OPEN"),  # as CTW1500 writes it
    ],
)
def test_points_and_numbers_in_the_text_are_told_apart(line, layout, corners, text):
    box = parse_line(line, layout)
    assert box.corners == corners and box.text == text


@pytest.mark.parametrize(
    ("line", "layout", "reason"),
    [
        (CURVE, "polygon", "only numbers: the last two may be a point or the text"),
        (f"{CURVE},1", "outline", "odd number of coordinates"),
        (f"{CURVE},x", "outline", "text after a polygon of a set without text"),
        (f"{CURVE},x", "quad", "more numbers than a box of this layout has"),
        ("0,0,9,0,9,9,5,9,0,9,five points", "quad", "more numbers than a box of this layout has"),
        ("10,20,90,25,50,60,triangle", "corners", "more numbers than a box of this layout has"),
        ("10,20,90,25,50,60,24", "corners", "more numbers than a box of this layout has"),
        (f"6,{CURVE},x", "polygon", "begins with the number of its points"),
        ("4,0,0,9,0,9,9,0,9,x", "quad", "more numbers than a box of this layout has"),
        ("0,0,9,0,9,9,0,9,x", "corners", "more numbers than a box of this layout has"),
        ("0 0.36 0.23 0.6 0.2", "corners", "coordinates between 0 and 1"),
        ("0.1,0.1,0.4,0.1,0.4,0.2,0.1,0.2,x", "quad", "coordinates between 0 and 1"),
        ("1,2,3,4,x", "polygon", "not a label line"),
    ],
)
def test_a_line_that_is_something_else_is_refused_by_reason(line, layout, reason):
    assert parse_line(line, layout) == reason


def test_known_formats_that_are_not_lines_of_boxes_are_named():
    assert foreign_format(["0 0.36 0.23 0.6 0.2", "15 0.5 0.6 1 .25"]).startswith("YOLO")
    assert foreign_format(["0 0.1 0.1 0.4 0.1 0.4 0.2 0.1 0.2"]).startswith("YOLO")
    assert foreign_format(['a/b.jpg\t[{"transcription": "x", "points": []}]']).startswith("lines of a PaddleOCR")
    assert not foreign_format(["10,20,30,40,text", "10 20 30 40 5"]) and not foreign_format([])


def test_a_hostile_line_costs_little_time():
    for line in ("1" * 200_000 + "x", "1," + " " * 200_000 + "x", "1.5e" * 50_000, "1 " * 100_000):
        started = time.perf_counter()
        parse_line(line, "quad")
        assert time.perf_counter() - started < 1


def test_quad_needs_eight_numbers():
    assert parse_line("1,2,3,4,text", "quad") == "not a label line"


@pytest.mark.parametrize(("text", "ignored"), [("###", True), ("#", True), ("#1", False), ("", False), ("a#", False)])
def test_ignored_mark(text, ignored):
    assert is_ignored_text(text) is ignored


def test_a_file_counts_what_it_refuses():
    boxes, problems = parse_lines("1,2,30,40,a\r\n\r\nnonsense\r\n5,6,70,80,b\u2028c\n", "corners")
    assert [box.text for box in boxes] == ["a", "b\u2028c"]
    assert problems == {"not a label line": 1}


def test_rounding_ordering_and_refusals():
    lines = [
        "10.4,20.6,30.5,40.2,float",
        "30,40,10,20,reversed",
        "5,5,5,5,point",
        "nan,1,2,3,nan",
        "1,2,inf,3,inf",
        "1,2,1e300,3,huge",
        "7,8,7,20,thin",
        "-5,-6,10,12,negative",
    ]
    raw, problems = parse_lines("\n".join(lines), "corners")
    image = labeled_image("p", "n", raw, problems)
    assert image.boxes.dtype.name == "int32"
    assert image.boxes.tolist() == [[10, 21, 30, 40], [10, 20, 30, 40], [7, 8, 7, 20], [-5, -6, 10, 12]]
    assert image.texts == ["float", "reversed", "thin", "negative"]
    assert image.ignored.tolist() == [False, False, True, False]
    assert image.problems == {
        "no area": 1,
        "coordinate not a finite number": 2,
        "coordinate out of range": 1,
    }
    assert image.repaired == {"corners reversed": 1, "one pixel thin, ignored": 1}


def test_a_size_that_is_not_positive_has_no_area():
    raw, _ = parse_lines("10,20,-5,8,a\n10,20,0,8,b\n10,20,2,2,c", "size")
    image = labeled_image("p", "n", raw)
    assert image.boxes.tolist() == [[10, 20, 11, 21]] and image.problems == {"no area": 2}


def test_corner_points_are_kept_beside_the_upright_boxes():
    lines = ["10,10,40,20,38.5,30,8,20,tilted", "5,5,5,5,5,5,5,5,point", "40,1,60,1,60,9,40,9,level"]
    image = labeled_image("p", "n", parse_lines("\n".join(lines), "quad")[0])
    assert image.texts == ["tilted", "level"] and image.boxes.tolist() == [[8, 10, 40, 30], [40, 1, 60, 9]]
    assert image.quads.tolist() == [[[10, 10], [40, 20], [38.5, 30], [8, 20]], [[40, 1], [60, 1], [60, 9], [40, 9]]]
    assert labeled_image("p", "n", parse_lines("1,2,30,40,upright", "corners")[0]).quads is None


@pytest.mark.parametrize(
    ("lines", "layout"),
    [
        (["0,0,9,1,8,9,1,8,Latin,text"] * 3, "mlt"),
        (["0,0,9,1,8,9,1,8,text", "0,0,9,1,8,9,1,8,Latin,not a script"] * 3, "mlt"),
        (["0,0,9,1,8,9,1,8,text", "0,0,9,1,8,9,1,8,###", "0,0,9,1,8,9,1,8,Latin"], "quad"),
        (["10,20,300,400,text"] * 3, "corners"),
        (["10,20,300,400,1,2,3,4"] + ["10,20,300,400,text"] * 3, "corners"),
        (["100,200,50,40,text", "10,20,50,40,text"], "size"),
        (["0,0,9,1,20,0,20,9,9,8,0,9,text"] + ["0,0,9,1,8,9,1,8,text"] * 15, "polygon"),
        (["0,0,9,1,20,0,20,9,9,8,0,9"] * 2, "outline"),
        (["0,0,9,1,8,9,1,8,1,000", "0,0,9,1,8,9,1,8,text", "0,0,9,1,8,9,1,8,36,000,000"] * 2, "quad"),
        ([], "corners"),
    ],
)
def test_layouts_are_told_apart(lines, layout):
    assert detect_layout(lines, ALL_LAYOUTS) == layout

"""What people read, drawn small, with the weights of the project: nothing in it may be lost or come twice."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from src.reader import TextReader

pytest.importorskip("openvino")
WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
pytestmark = pytest.mark.skipif(
    not all((WEIGHTS / name).is_file() for name in ("ctpn.ckpt", "crnn_lines.ckpt")), reason="the weights are missing"
)


@pytest.fixture(scope="module")
def reader():
    return TextReader(engine="openvino", threads=2, precision="f32")


def drawn(size, lines):
    """White (H, W, 3) with (x, y, font size, text) in black."""
    image = Image.new("RGB", size, "white")
    for x, y, font_size, text in lines:
        ImageDraw.Draw(image).text((x, y), text, fill="black", font=ImageFont.load_default(font_size))
    return np.asarray(image).copy()


def words(result):
    return Counter(result.text.replace(",", "").split())


def shares(result, texts):
    """How many of the words of `texts` were read, and how many others."""
    there = Counter(" ".join(texts).replace(",", "").split())
    read = words(result)
    return (there & read).total() / there.total(), (read - there).total()


MESSAGES = ("Hello, are you coming", "Yes, at eight", "Bring some bread please", "The train is late again")


def test_a_tall_screenshot(reader):
    texts = [MESSAGES[i % 4] for i in range(16)]
    image = drawn((300, 2000), [(20 + 40 * (i % 2), 30 + 122 * i, 17, text) for i, text in enumerate(texts)])
    read, more = shares(reader.read(image), texts)
    assert read > 0.93 and more <= 4


def test_small_text_in_a_wide_page(reader):
    texts = [f"{MESSAGES[i % 4]} and {MESSAGES[(i + 1) % 4]}" for i in range(6)]
    image = drawn((1500, 800), [(90, 320 + 34 * i, 20, text) for i, text in enumerate(texts)])
    result = reader.read(image)
    read, more = shares(result, texts)
    assert read > 0.93 and more <= 3 and not result.notes
    assert len(result.lines) <= 8  # no pieces


def test_the_limit_is_a_note(reader):
    image = drawn((1500, 800), [(90, 320 + 34 * i, 20, MESSAGES[i % 4]) for i in range(6)])
    limited = TextReader(engine="openvino", threads=2, precision="f32", max_pixels_detected=10_000, recognize=False)
    (note,) = limited.read(image).notes
    assert "--max_pixels_detected" in note


def test_one_digit_quantities(reader):
    rows = [("Hammer", "1", "12.00"), ("Nails", "2", "3.50"), ("Paint", "4", "20.00"), ("Brush", "6", "8.40")]
    columns = 30, 330, 520
    cells = [
        (x, 40 + 75 * row, 30, text) for row, texts in enumerate(rows) for x, text in zip(columns, texts, strict=True)
    ]
    result = reader.read(drawn((700, 340), cells))
    assert [line.text for line in result.lines] == [text for texts in rows for text in texts]


@pytest.mark.parametrize("size", [13, 17])
def test_rows_of_a_small_table_however_they_lie(reader, size):
    rows = [
        (name, str(number), f"{7 * number}.50") for number, name in enumerate(("Nails", "Glue", "Saw", "Tape"), 1)
    ]
    cells = [
        (column * size, (1 + 2.4 * row) * size, size, text)
        for row, texts in enumerate(rows)
        for column, text in zip((1, 9, 13), texts, strict=True)
    ]
    result = reader.read(drawn((20 * size, 11 * size), cells))
    read, _ = shares(result, [text for texts in rows for text in texts])
    assert read > 0.9


@pytest.mark.parametrize("degrees", [-3, 2])
def test_a_tilted_form(reader, degrees):
    rows = [("Name", "Anna Schmidt"), ("Street", "Mill Lane 14"), ("City", "Cambridge"), ("Total", "125.40")]
    cells = [
        (x, 90 + 90 * row, 34, text)
        for row, texts in enumerate(rows)
        for x, text in zip((60, 600), texts, strict=True)
    ]
    turn = cv2.getRotationMatrix2D((500, 260), degrees, 1)
    image = cv2.warpAffine(drawn((1000, 520), cells), turn, (1000, 520), borderValue=(255, 255, 255))
    result = reader.read(image)
    assert result.text.split("\n") == [text for texts in rows for text in texts]
    assert any(line.polygon[0][1] != line.polygon[1][1] for line in result.lines)


def test_rows_of_a_tilted_page_do_not_mix(reader):
    texts = [f"{MESSAGES[i % 4]}, {MESSAGES[(i + 1) % 4]} {MESSAGES[(i + 2) % 4]}" for i in range(8)]
    page = drawn((900, 420), [(60, 40 + 38 * i, 24, text) for i, text in enumerate(texts)])
    turn = cv2.getRotationMatrix2D((450, 210), 3, 1)
    result = reader.read(cv2.warpAffine(page, turn, (900, 420), borderValue=(255, 255, 255)))
    read, more = shares(result, texts)
    assert read > 0.95 and more <= 3 and len(result.lines) == len(texts)
    assert result.text.split("\n")[1].startswith(MESSAGES[1][:9])


@pytest.mark.parametrize("turn", [0, 90, 180])
def test_turned_images(reader, turn):
    texts = ["OPEN DAILY", "Fresh coffee 3.50", "Homemade cakes"]
    upright = drawn((640, 300), [(30, 25 + 90 * i, 36, text) for i, text in enumerate(texts)])
    result = reader.read(np.rot90(upright, turn // 90))
    assert result.text.split("\n") == texts
    assert (result.width, result.height) == (640, 300) and len(result.notes) == (turn > 0)


def test_a_receipt_on_its_side_whose_letters_stand_apart(reader):
    rows = [("2 Flat white", "7.60"), ("1 Oat porridge", "5.20"), ("1 Lemon tart", "4.40"), ("3 Still water", "6.00")]
    cells = [
        (start + 15 * index, 20 + 36 * row, 20, letter)
        for row, texts in enumerate(rows)
        for start, text in zip((20, 420), texts, strict=True)
        for index, letter in enumerate(text)
    ]
    result = reader.read(np.rot90(drawn((520, 190), cells), 3))
    assert (result.width, result.height) == (520, 190) and "2 Flat white" in result.text


def test_a_table_on_its_head(reader):
    rows = [("Part", "Qty", "Price"), ("Washer M6", "8", "0.12"), ("Bolt M6", "4", "0.45"), ("Hinge", "2", "3.10")]
    rows += [("Handle", "1", "7.95"), ("Screw 4x30", "9", "0.08")]
    cells = [
        (x, 20 + 36 * row, 17, text)
        for row, texts in enumerate(rows)
        for x, text in zip((20, 220, 330), texts, strict=True)
    ]
    result = reader.read(np.rot90(drawn((440, 260), cells), 2))
    assert result.orientation == 180 and result.text.startswith("Part")


@pytest.mark.parametrize(("text", "size"), [("7", (24, 34)), ("Sparkasse", (170, 40)), ("3.50", (80, 36))])
def test_cut_out_words(reader, text, size):
    image = drawn(size, [(4, 2, 30, text)])
    assert reader.read(image).text == text


def test_words_of_a_line(reader):
    image = drawn((600, 120), [(30, 40, 34, "Open daily from 9:30")])
    (line,) = reader.read(image).lines
    assert [word.text for word in line.words] == line.text.split() == ["Open", "daily", "from", "9:30"]
    font = ImageFont.load_default(34)
    for word, prefix in zip(line.words, ("", "Open ", "Open daily ", "Open daily from "), strict=True):
        left, right = 30 + font.getlength(prefix), 30 + font.getlength(prefix + word.text)
        assert abs(word.box[0] - left) < 8 and abs(word.box[2] - right) < 8
        assert line.box[0] <= word.box[0] < word.box[2] <= line.box[2]


def test_an_empty_image_has_no_text(reader):
    for image in (drawn((640, 480), []), drawn((100, 32), []), drawn((3000, 40), [])):
        assert reader.read(image).lines == ()


def test_many_sizes_of_images_take_no_memory(reader):
    engine, memory = reader._stages._detector._engine, []
    for number in range(108):
        size = 240 - 16 * (number % 12), 240 - 16 * (number // 12)
        engine.run(np.zeros((1, 3, *size), np.float32))
        memory.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024)
    assert memory[-1] - memory[71] < 20  # MiB; it was more than one per size

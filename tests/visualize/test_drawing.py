"""What is drawn is where it should be, in the image, and readable."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from src.common.errors import UserError
from src.visualize.drawing import (
    FOUND_COLOR,
    IGNORED_COLOR,
    TRUTH_COLOR,
    contact_sheet,
    draw_lines,
)
from src.visualize.fonts import FontChooser, one_line, shorten


def has(image, color):
    return (image == color).all(axis=2)


def make_image(height=300, width=400, value=127):
    return np.full((height, width, 3), value, np.uint8)


def test_the_two_colors_differ_clearly_in_brightness_and_hue():
    found, truth = np.array(FOUND_COLOR, int), np.array(TRUTH_COLOR, int)
    assert np.abs(found - truth).max() >= 200
    assert (found - truth)[0] > 100 and (truth - found)[2] > 100


@pytest.mark.parametrize("value", [0, 127, 255])
def test_lines_and_ground_truth(value):
    image = make_image(value=value)
    found, truth = np.array([[100, 100, 200, 140]]), np.array([[100, 200, 200, 240], [250, 200, 300, 240]])
    drawn = draw_lines(image, found, ground_truth=truth, ignored=[False, True])
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (image == value).all()  # the original is untouched
    for box, color in zip([*found, *truth], [FOUND_COLOR, TRUTH_COLOR, IGNORED_COLOR], strict=True):
        x1, y1, x2, y2 = box
        marked = has(drawn, color)
        for x, y in ((x1, y1 + 20), (x2, y1 + 20), (x1 + 25, y1), (x1 + 25, y2)):
            assert marked[y - 1 : y + 2, x - 1 : x + 2].any()
        assert (drawn[y1 + 10 : y2 - 10, x1 + 10 : x2 - 10] == value).all()


def test_legend_only_with_ground_truth_and_away_from_lines():
    image, nothing = make_image(), np.empty((0, 4))
    assert (draw_lines(image, nothing) == image).all()
    covers_top = np.array([[0, 0, 399, 60], [0, 0, 399, 70]])
    drawn = draw_lines(image, nothing, ground_truth=covers_top)
    legend = has(drawn, FOUND_COLOR)
    assert legend.any() and not legend[:80].any()


def test_polygons():
    diamond = np.array([[[100, 50], [150, 100], [100, 150], [50, 100]]], float)
    marked = has(draw_lines(make_image(), diamond), FOUND_COLOR)
    assert marked[74:78, 124:128].any() and not marked[52:60, 52:60].any()


def test_thickness_grows_with_the_image():
    box = np.array([[0.25, 0.25, 0.75, 0.75]])

    def line_width(size):
        marked = has(draw_lines(make_image(size, size), box * size), FOUND_COLOR)
        return int(marked[size // 2].sum()) / 2

    assert line_width(2400) >= 2 * line_width(600)


@pytest.mark.parametrize("box", [[0, 0, 30, 8], [380, 0, 399, 10], [0, 290, 60, 299], [390, 290, 399, 299]])
@pytest.mark.parametrize("value", [0, 255])
def test_labels_stay_in_the_image_and_have_contrast(box, value):
    drawn = draw_lines(make_image(value=value), np.array([box]), texts=["Hotel"], scores=[0.987])
    # A label is white letters on a dark plate: find both, whatever the background.
    plain = draw_lines(make_image(value=value), np.array([box]))
    changed = (drawn != plain).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert len(rows) >= 10
    label = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert label.shape[1] >= 40
    assert label.min(axis=(0, 1)).max() < 40 and (label.min(axis=2) > 190).sum() > 20


def test_labels_keep_apart():
    boxes = np.array([[100, 100, 200, 120], [100, 122, 200, 142], [100, 144, 200, 164]])
    image = make_image()
    alone = [
        (draw_lines(image, boxes, [text if i == j else "" for i in range(3)]) != draw_lines(image, boxes))
        .any(axis=2)
        .sum()
        for j, text in enumerate(["first", "second", "third"])
    ]
    together = (draw_lines(image, boxes, ["first", "second", "third"]) != draw_lines(image, boxes)).any(axis=2)
    assert together.sum() >= 0.97 * sum(alone)


def crowd(seed):
    """Lines of text in random places, some tilted."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-20, 380, 40), rng.uniform(-10, 290, 40)
    wide, high, tilt = rng.uniform(10, 150, 40), rng.uniform(5, 30, 40), rng.uniform(-20, 20, 40)
    return np.stack([[x, y], [x + wide, y + tilt], [x + wide, y + tilt + high], [x, y + high]]).transpose(2, 0, 1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [1, 6])  # the second is looked at in cells larger than a pixel
def test_a_label_covers_nothing_that_was_found(seed, scale):
    lines = crowd(seed) * scale
    image = make_image(300 * scale, 400 * scale)
    bare, labeled = draw_lines(image, lines), draw_lines(image, lines, [f"line {number}" for number in range(40)])
    assert (labeled != bare).any()
    inside = Image.new("1", (400 * scale, 300 * scale))
    for line in lines:
        ImageDraw.Draw(inside).polygon([tuple(corner) for corner in line.tolist()], fill=1)
    assert not (labeled != bare).any(axis=2)[np.asarray(inside)].any()


def test_texts_beside_the_image():
    image = make_image(value=200)
    lines = np.array(
        [[[20, 20], [200, 20], [200, 50], [20, 50]], [[50, 200], [250, 120], [260, 145], [60, 225]]], float
    )
    drawn = draw_lines(image, lines, ["upright", "tilted"], texts_at="side")
    assert drawn.shape == (300, 800, 3)
    np.testing.assert_array_equal(drawn[:, :400], draw_lines(image, lines))
    panel = drawn[:, 400:].min(axis=2) < 100
    rows, columns = np.nonzero(panel[:60])
    assert rows.min() >= 20 and rows.max() <= 50 and columns.min() >= 20 and columns.max() <= 200
    rows, columns = np.nonzero(panel[100:])
    assert np.corrcoef(rows, columns)[0, 1] < -0.5  # it rises as its line does
    assert draw_lines(image, lines, ["a", "b"], texts_at="auto").shape == image.shape  # there is room


def test_texts_without_room_stand_beside_the_image():
    image = make_image()
    whole = np.array([[0, 0, 399, 299]])
    np.testing.assert_array_equal(draw_lines(image, whole, ["Hotel"]), draw_lines(image, whole))
    beside = draw_lines(image, whole, ["Hotel"], texts_at="auto")
    np.testing.assert_array_equal(beside, draw_lines(image, whole, ["Hotel"], texts_at="side"))


def test_odd_input_is_drawn():
    image = make_image(20, 24)
    far = np.array([[-1e30, -5, 1e30, 400.0], [5, 5, 5, 5], [900, 900, 950, 950]])
    texts = ["x" * 500, "two\nlines\t\0", "Ω中🎉"]
    drawn = draw_lines(image, far, texts=texts, ground_truth=far)
    assert drawn.shape == image.shape
    assert draw_lines(make_image(1, 1), far, texts=texts).shape == (1, 1, 3)
    for size in ((20, 24), (1, 1), (3, 5000)):
        assert draw_lines(make_image(*size), far, texts=texts, texts_at="side").shape == (size[0], 2 * size[1], 3)
    assert draw_lines(make_image()[..., :1], far).shape == (300, 400, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        {"image": np.zeros((5, 5, 3), np.float32)},
        {"image": np.zeros((0, 5, 3), np.uint8)},
        {"image": np.zeros((5, 5, 4), np.uint8)},
        {"lines": np.zeros((2, 5))},
        {"lines": np.array([[0, 0, np.nan, 1]])},
        {"texts": ["a", "b"]},
        {"scores": [0.1, 0.2]},
        {"ground_truth": np.zeros((2, 4)), "ignored": [True]},
        {"fonts": "/no/such/font.ttf"},
    ],
)
def test_bad_input(arguments):
    good = {"image": make_image(), "lines": np.array([[0, 0, 9, 9]])}
    with pytest.raises(ValueError):
        draw_lines(**{**good, **arguments})


def test_contact_sheet_shows_every_tile():
    colors = list(itertools.islice(itertools.product((40, 140, 240), repeat=3), 1, 8))
    tiles = [np.full((10 + 7 * i, 30, 3), color, np.uint8) for i, color in enumerate(colors)]
    sheet = contact_sheet(tiles, [f"read {i}\ntrue {i}" for i in range(7)], columns=3, tile_size=(40, 120))
    assert sheet.dtype == np.uint8
    centers = [np.argwhere(has(sheet, color)).mean(axis=0) for color in colors]
    assert len({round(row) for row, _ in centers}) == 3
    assert centers[0][1] < centers[1][1] < centers[2][1]
    heights = [np.flatnonzero(has(sheet, color).any(axis=1)).size for color in colors]
    assert all(33 <= height <= 40 for height in heights)  # fitted: 30 wide, 10 high tiles become 120 x 40
    dark = sheet.max(axis=2) < 40
    assert dark.sum() > 7 * 20
    assert (contact_sheet(tiles, None, columns=3).max(axis=2) < 40).sum() == 0


def test_contact_sheet_accepts_gray_and_one_tile():
    sheet = contact_sheet([np.zeros((32, 100), np.uint8)], ["a very long caption " * 20])
    assert sheet.ndim == 3 and sheet.shape[1] < 260
    assert contact_sheet([np.zeros((3, 500, 1), np.uint8)] * 2).shape[2] == 3


@pytest.mark.parametrize(
    "arguments",
    [{"tiles": []}, {"captions": ["a", "b"]}, {"columns": 0}, {"tile_size": (0, 5)}, {"tiles": [np.zeros(4)]}],
)
def test_bad_contact_sheets(arguments):
    with pytest.raises(ValueError):
        contact_sheet(**{"tiles": [np.zeros((4, 4, 3), np.uint8)], **arguments})


def test_shorten_and_one_line():
    font = ImageFont.load_default(12)
    text = "The quick brown fox jumps over the lazy dog"
    assert shorten(text, 1000, font) == text
    cut = shorten(text, 100, font)
    assert text.startswith(cut[:-1]) and cut.endswith("…")
    assert font.getlength(cut) <= 100 < font.getlength(text[: len(cut)] + "…")
    assert one_line("a\nb\tc\x07d é中") == "a b c d é中"


def font_files():
    """Two fonts of this machine, one of which has Cyrillic letters; [] where there are none."""
    folders = [Path("/usr/share/fonts"), Path("/System/Library/Fonts"), Path("C:/Windows/Fonts")]
    names = ("DejaVuSans.ttf", "Arial.ttf", "arial.ttf")
    return [file for folder in folders if folder.is_dir() for name in names for file in folder.rglob(name)]


@pytest.mark.skipif(not font_files(), reason="no known font file on this machine")
def test_font_with_the_needed_letters_is_chosen(tmp_path):
    cyrillic = font_files()[0]
    name = ImageFont.truetype(str(cyrillic), 12).getname()
    built_in = ImageFont.load_default(12).getname()
    chooser = FontChooser(cyrillic)
    assert chooser.choose("Жук", 20).getname() == name
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    with pytest.raises(UserError, match="no font"):
        FontChooser(tmp_path)
    with pytest.raises(UserError, match="not a font"):
        FontChooser(tmp_path / "broken.ttf")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "z.ttf").write_bytes(cyrillic.read_bytes())
    assert FontChooser(tmp_path).choose("Жук", 20).getname() == name
    assert FontChooser().choose("Жук", 20).getname() == built_in
    shown = draw_lines(make_image(), np.array([[50, 50, 200, 90]]), ["Жук"], fonts=cyrillic)
    missing = draw_lines(make_image(), np.array([[50, 50, 200, 90]]), ["Жук"])
    assert (shown != missing).any()

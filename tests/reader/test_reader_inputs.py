"""What `TextReader` accepts: files with pages, and what a Python program has in memory."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reader_weights import encoded, text_image, write_weights

from src.common.errors import UserError
from src.reader import ImageSource, ReaderOptions, TextReader, Unreadable
from src.reader.page_numbers import PageError, as_ranges, parse_pages
from src.weights.card import write_card

pytest.importorskip("onnxruntime")
EASY = {"text_proposals_min_scores": 0.5, "line_min_score": 0.0, "min_ratio": 0.0, "min_num_proposals": 1}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = write_weights(tmp_path_factory.mktemp("weights"))
    write_card(folder / "ctpn.ckpt", {"network": "ctpn", "image_size": [64, 96], "backbone_width": 0.125})
    write_card(folder / "crnn.ckpt", {"network": "crnn", "alphabet": "digits_lower", "widths": [100], "unit": "word"})
    files = {"ctpn_weights": folder / "ctpn.ckpt", "crnn_weights": folder / "crnn.ckpt"}
    return ReaderOptions(
        **files, recognizer="word", engine="onnxruntime", precision="f32", threads=1, text_min_score=0, **EASY
    )


@pytest.fixture(scope="module")
def reader(options):
    return TextReader(options)


PIXELS = text_image(["Hello"], (160, 96))
FILE = encoded(PIXELS)
GRAY = np.ascontiguousarray(PIXELS[..., 0])
OPAQUE = np.full(PIXELS.shape[:2], 255, np.uint8)


def pillow_image():
    return Image.open(io.BytesIO(FILE))


class Stream:  # of a web framework, with no method but this one
    def __init__(self):
        self._file = io.BytesIO(FILE)

    def read(self, size=-1):
        return self._file.read(size)


@pytest.mark.parametrize(
    "source",
    [
        PIXELS,
        GRAY,
        GRAY[..., None],
        np.dstack([GRAY, OPAQUE]),
        np.dstack([PIXELS, OPAQUE]),
        PIXELS[:, ::1],
        FILE,
        bytearray(FILE),
        memoryview(FILE),
        lambda: io.BytesIO(FILE),
        Stream,
        pillow_image,
        lambda: pillow_image().convert("L"),
        lambda: pillow_image().convert("RGBA"),
        lambda: pillow_image().convert("LA"),
    ],
)
def test_images_in_memory(reader, source):
    source = source() if callable(source) else source
    result = reader.read(source, keep_image=True)
    np.testing.assert_array_equal(result.pixels, PIXELS)
    assert (result.page, result.pages) == (1, 1)


def test_paths(reader, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(FILE)

    class Place:
        def __fspath__(self):
            return str(path)

    for source in (path, str(path), Place()):
        assert reader.read(source).image == str(path)
    with path.open("rb") as file:
        assert reader.read(file).image == str(path)
    os.symlink(path, tmp_path / "link.png")
    assert reader.read(tmp_path / "link.png").width == 160


def test_a_name_that_is_not_utf8(reader):
    text = reader.read(ImageSource(FILE, "caf\udce9.png")).to_json()
    assert json.loads(text.encode("utf-8"))["image"] == "caf\udce9.png"


def test_a_turned_pillow_image_is_shown_upright_and_not_changed(reader):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(PIXELS, exif=exif)))
    assert reader.read(image).width == 96
    assert image.size == (160, 96) and image.getexif()[0x0112] == 6


NO_IMAGES = [
    None,
    3,
    ["a.png"],
    {},
    "",
    object(),
    io.StringIO("text"),
    np.zeros((4, 4, 3)),
    np.zeros((0, 4, 3), np.uint8),
    np.zeros((4, 4, 5), np.uint8),
    np.zeros(4, np.uint8),
    b"",
    b"no image",
    Image.new("RGB", (0, 5)),
    "a\0b.png",
    "none.png",
    "x" * 5000,
    "\udce9.png",
]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_no_image_costs_nothing_but_itself(options, threads):
    many = TextReader(options, threads=threads)
    results = list(many.read_many([*NO_IMAGES, PIXELS]))
    assert [isinstance(result, Unreadable) for result in results] == [True] * len(NO_IMAGES) + [False]
    assert all(len(str(result.error)) < 5300 for result in results[:-1])


@pytest.mark.parametrize("wrong", NO_IMAGES)
def test_what_is_no_image_is_one_error_that_says_what_is(reader, wrong):
    with pytest.raises(UserError) as caught:
        reader.read(wrong)
    if not isinstance(wrong, (str, bytes, Image.Image)) or wrong == "":
        assert isinstance(caught.value, TypeError)
        assert "accepted are a path, the bytes of a file, a binary file, a Pillow image, or" in str(caught.value)


def pages(count=3):
    images = [Image.fromarray(np.roll(PIXELS, 3 * number, axis=0)) for number in range(count)]
    data = io.BytesIO()
    images[0].save(data, "TIFF", save_all=True, append_images=images[1:])
    return data.getvalue()


@pytest.mark.parametrize("threads", [1, 2])
def test_every_page_is_a_result(options, threads):
    many = TextReader(options, threads=threads)
    sources = [ImageSource(FILE, "a.png"), ImageSource(pages(), "b.tif"), ImageSource(b"x", "c"), FILE]
    results = list(many.read_many(sources, keep_image=True))
    assert [result.image for result in results] == ["a.png", "b.tif#1", "b.tif#2", "b.tif#3", "c", "image"]
    assert [(result.page, result.pages) for result in results[1:4]] == [(1, 3), (2, 3), (3, 3)]
    for number, result in enumerate(results[1:4]):
        np.testing.assert_array_equal(result.pixels, np.roll(PIXELS, 3 * number, axis=0))


@pytest.mark.parametrize("threads", [1, 2])
def test_some_pages(options, threads):
    many = TextReader(options, threads=threads, pages="2-3,9")
    single, second, third = many.read_many([ImageSource(FILE, "a.png"), ImageSource(pages(5), "b.tif")])
    assert (single.image, second.image, third.image) == ("a.png", "b.tif#2", "b.tif#3")
    assert second.notes == ("pages 1,4-5 of 5 were not read (--pages)",) and third.notes == ()
    assert second.to_dict()["page"] == 2 and second.to_dict()["pages"] == 5
    (nothing,) = TextReader(options, threads=threads, pages="7-").read_many([pages(5)])
    assert "has 5 pages, none of those that are wanted" in str(nothing.error)


def test_one_of_several_pages_says_so(reader):
    result = reader.read(pages(), "b.tif")
    assert result.image == "b.tif#1" and "of 3 pages this one was read" in result.notes[0]


def test_a_pdf_between_images(options):
    data = io.BytesIO()
    page = Image.fromarray(PIXELS)
    page.save(data, "PDF", save_all=True, append_images=[page], resolution=72)
    sources = [ImageSource(FILE, "a.png"), ImageSource(data.getvalue(), "b.pdf"), ImageSource(b"%PDF-1.4", "c.pdf")]
    results = list(TextReader(options, threads=2, dpi=72).read_many(sources))
    assert [result.image for result in results] == ["a.png", "b.pdf#1", "b.pdf#2", "c.pdf"]
    assert (results[1].width, results[1].height) == (160, 96)
    assert "truncated" in str(results[3].error)


def test_an_abandoned_document_is_closed(options):
    results = TextReader(options, threads=2).read_many([pages(50)] * 3)
    assert next(results).page == 1
    results.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", [1, 2, 3, 4, 5]), ("2", [2]), ("1-3", [1, 2, 3]), ("4-", [4, 5]), ("5,1 - 2, 2", [1, 2, 5]), ("9", [])],
)
def test_page_numbers(text, expected):
    assert parse_pages(text).chosen(5) == expected
    assert parse_pages(as_ranges(expected)).chosen(5) == (expected or [1, 2, 3, 4, 5])


@pytest.mark.parametrize("text", ["0", "3-1", "a", "1,,2", "-3", "1-2-3", "1.5", "9" * 10])
def test_wrong_page_numbers(text):
    with pytest.raises(PageError, match="pages: "):
        parse_pages(text)


def test_results_hold_no_pixels_unless_asked(reader):
    result = reader.read(PIXELS)
    assert result.pixels is None and result._repr_png_() is None
    with pytest.raises(UserError, match="keep_image=True"):
        result.draw()
    with pytest.raises(UserError, match="is 160x96 pixels, not 96x160"):
        result.draw(image=PIXELS.transpose(1, 0, 2))
    np.testing.assert_array_equal(result.draw(image=PIXELS), reader.read(PIXELS, keep_image=True).draw())


def test_collected_results_are_small(options, tmp_path):
    """Each held its 36 MiB of pixels."""
    path = tmp_path / "a.png"
    path.write_bytes(FILE)
    for result in TextReader(options, threads=2).read_many([Path(path)] * 3):
        held = [value for value in vars(result).values() if isinstance(value, np.ndarray)]
        assert held == []

"""Damaged and forged PNG files: which are accepted, and that every pixel is there then."""

import io
import struct
import zlib

import numpy as np
import pytest
from hostile_images import forged_pngs, png
from PIL import Image

from src.data.images.decode import ImageError, ImageFile, decode_image
from src.data.images.png import MOST_CHUNKS, sound_png


def encoded(image, **options):
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("name", forged_pngs())
def test_forged_files(name):
    data, is_whole = forged_pngs()[name]
    if is_whole:
        pixels = decode_image(data)
        assert pixels.shape[2] == 3
        if name in ("stream not ended", "more rows", "no end", "wrong checksum of the stream", "in pieces"):
            np.testing.assert_array_equal(pixels, decode_image(forged_pngs()["sound"][0]))
    else:
        with pytest.raises(ImageError, match="truncated"):
            decode_image(data)


@pytest.mark.parametrize("mode", ["RGB", "P", "1"])
def test_a_cut_tail_costs_no_pixel_that_is_there(mode):
    """Every length: the pixels of the whole file, or a refusal."""
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)).convert(mode)
    data = encoded(image)
    accepted = []
    for length in range(len(data) - 1, 8, -1):
        try:
            with ImageFile(data[:length]) as file:
                decoded = file.decode()
        except ImageError as error:
            assert error.reason == "truncated"
            continue
        np.testing.assert_array_equal(decoded.pixels, decode_image(data))
        assert decoded.notes == ("the PNG is damaged outside its pixels",)
        accepted.append(length)
    # IEND, the checksums of the chunk and of the stream, and at most two bytes that end the stream
    assert accepted == list(range(len(data) - 1, accepted[-1] - 1, -1))
    assert 20 <= len(data) - accepted[-1] <= 22


def test_a_sound_file_is_left_alone():
    data = encoded(Image.new("RGB", (5, 5)), dpi=(72, 72)) + b"behind the end"
    assert sound_png(data) is data
    with ImageFile(data) as file:
        assert file.decode().notes == ()


def test_black_rows_at_the_end_are_no_missing_rows():
    for mode, size in (("RGB", (40, 40)), ("1", (40, 40)), ("RGBA", (3, 1)), ("P", (9, 2))):
        image = Image.new(mode, size)
        assert decode_image(encoded(image)).shape[:2] == image.size[::-1]


def test_chunks_without_end_are_refused_at_once():
    forged = png((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), *[(b"abCd", b"")] * (MOST_CHUNKS + 1))
    with pytest.raises(ImageError, match=f"a PNG of more than {MOST_CHUNKS} chunks"):
        decode_image(forged)


def test_a_damaged_frame_costs_no_other():
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    data = bytearray(encoded(frames[0], save_all=True, append_images=frames[1:]))
    place = data.rindex(b"fdAT") + 12
    data[place : place + 8] = bytes(8)
    with ImageFile(bytes(data)) as file:
        assert file.pages == 3
        assert file.decode(1).pixels[0, 0].tolist() == [255, 0, 0]
        assert file.decode(2).pixels[0, 0].tolist() == [0, 128, 0]
        with pytest.raises(ImageError):
            file.decode(3)


def test_a_changed_byte_costs_no_pixel_or_the_image():
    """Each byte in turn: the file is refused, or its pixels are those that were written."""
    image = Image.fromarray(np.random.default_rng(2).integers(0, 256, (9, 7, 3), np.uint8))
    data, wanted, accepted = encoded(image, dpi=(72, 72)), np.asarray(image), 0
    for place in range(8, len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        try:
            pixels = decode_image(bytes(changed))
        except ImageError:
            continue
        accepted += 1
        np.testing.assert_array_equal(pixels, wanted)
    assert accepted > 20


def test_a_wrong_row_is_found_in_an_image_of_several_pieces():
    """Beyond the pieces in which the pixels are inflated."""
    height, width = 400, 300
    rows = bytearray(b"".join(b"\1" + bytes(3 * width) for _ in range(height)))
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    assert decode_image(png(header, (b"IDAT", zlib.compress(rows, 0)[:-4]))).shape == (height, width, 3)
    rows[(height - 1) * (3 * width + 1)] = 7
    with pytest.raises(ImageError):
        decode_image(png(header, (b"IDAT", zlib.compress(rows, 0)[:-4])))

"""Files with several images, kinds of files, limits that can be raised, and damage that costs nothing."""

import io
import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hostile_images import progressive_of_many_scans
from PIL import Image, PngImagePlugin

from src.data.images.decode import ImageError, ImageFile, decode_image, image_size
from src.data.images.file_types import file_type, why_not_read
from src.data.images.jpeg import MOST_SCANS, has_too_many_scans
from src.data.images.pdf import PdfFile
from src.data.images.rgb import on_ground
from src.data.images.source import read_bytes
from src.data.images.storage import storable_image

REPOSITORY = Path(__file__).resolve().parents[3]
COLORS = ("red", "lime", "blue")


def encode(image, image_format, **options):
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def noise(width, height):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def pages(image_format, **options):
    images = [Image.new("RGB", (12 + number, 8), color) for number, color in enumerate(COLORS)]
    if image_format != "TIFF":  # frames of an animation have one size
        images = [image.resize((12, 8)) for image in images]
    return encode(images[0], image_format, save_all=True, append_images=images[1:], **options)


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("PNG", {}),
        ("AVIF", {"quality": 95}),
    ],
)
def test_every_page_is_decoded(image_format, options):
    expected = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)])
    with ImageFile(pages(image_format, **options)) as file:
        assert file.pages == 3
        found = [file.decode(page).pixels for page in (1, 2, 3, 1)]
    assert np.abs(np.array([pixels.mean((0, 1)) for pixels in found[:3]]) - expected).max() < 12
    np.testing.assert_array_equal(found[0], found[3])  # back to the first
    assert [pixels.shape[1] for pixels in found[:3]] == ([12, 13, 14] if image_format == "TIFF" else [12] * 3)


def test_one_bad_page_costs_no_other():
    data = bytearray(pages("TIFF", compression="tiff_lzw"))
    with ImageFile(bytes(data)) as file:
        file._image.seek(1)
        (start,), (length,) = file._image.tag_v2[273], file._image.tag_v2[279]
    data[start : start + length] = bytes([0xFF]) * length
    with ImageFile(bytes(data)) as file:
        assert file.decode(1).pixels[0, 0].tolist() == [255, 0, 0]
        with pytest.raises(ImageError, match="truncated"):
            file.decode(2)
        assert file.decode(3).pixels[0, 0].tolist() == [0, 0, 255]


def test_a_reduced_copy_is_no_page():
    """Scanners and microscopes keep small copies of an image in its file."""
    images = [Image.new("RGB", (12, 8), "red"), Image.new("RGB", (6, 4), "red"), Image.new("RGB", (12, 8), "blue")]
    images[1].encoderinfo = {"tiffinfo": {254: 1}}
    data = encode(images[0], "TIFF", save_all=True, append_images=images[1:])
    with ImageFile(data) as file:
        assert file.pages == 2 and file.decode(2).pixels[0, 0].tolist() == [0, 0, 255]


def test_a_camera_s_second_image_is_no_page():
    images = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    with ImageFile(encode(images[0], "MPO", save_all=True, append_images=images[1:])) as file:
        assert file.pages == 1 and file.decode().pixels[0, 0, 0] > 200


def test_tiff_pages_of_a_file_too_large_to_be_taken_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    path.write_bytes(pages("TIFF"))
    with path.open("ab") as file:
        file.truncate(60 << 30)  # sparse: takes no room
    with ImageFile(path) as file:
        assert file.pages == 3 and file.decode(3).pixels.shape == (8, 14, 3)


@pytest.mark.parametrize(("head", "said"), [(b"\xff\xd8\xff\xe0", "too large"), (b"nothing known", "not an image")])
def test_huge_sparse_files_are_refused_by_their_size(tmp_path, head, said):
    path = tmp_path / "a.jpg"
    path.write_bytes(head)
    with path.open("ab") as file:
        file.truncate(60 << 30)
    with pytest.raises(ImageError, match=said):
        decode_image(path)
    with pytest.raises(ImageError, match=r"64424509440 bytes; at most 536870912 .*--max_image_pixels"):
        read_bytes(path)


def test_pages_of_a_pdf():
    images = [Image.new("RGB", (72, 36), color) for color in COLORS]
    data = encode(images[0], "PDF", save_all=True, append_images=images[1:], resolution=72)
    with PdfFile(data, dpi=144) as file:
        assert file.pages == 3
        found = [file.decode(page).pixels for page in (1, 2, 3)]
    assert {pixels.shape for pixels in found} == {(72, 144, 3)}
    assert [pixels[20, 20].argmax() for pixels in found] == [0, 1, 2]
    with PdfFile(data, max_pixels=700, name="a.pdf") as file:
        small = file.decode(2)
        assert small.pixels.shape[0] * small.pixels.shape[1] <= 700
        assert "dpi" in small.notes[0] and "--max_image_pixels" in small.notes[0]
    with pytest.raises(ImageError, match=r"^a\.pdf: truncated"):
        PdfFile(data[:200], name="a.pdf")


def test_a_pdf_without_pages_or_with_a_password():
    head, objects = b"%PDF-1.4\n", (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>")
    places, body = [], head
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 3\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    key = b"(" + b"a" * 32 + b")"
    locked = b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O%s/U%s>>" % (key, key)
    for more, said in ((locked, "needs a password"), (b"", "without pages")):
        end = b"trailer\n<</Size 3/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (more, len(body))
        with pytest.raises(ImageError, match=said):
            PdfFile(body + table + end)


def test_a_pdf_page_has_a_time_budget(monkeypatch):
    monkeypatch.setattr("src.data.images.pdf.MOST_SECONDS", -1.0)
    page = noise(300, 300)
    with PdfFile(encode(page, "PDF")) as file, pytest.raises(ImageError, match="a page that is not drawn in"):
        file.decode()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"8BPS\0\1", "PSD"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"<svg xmlns=''>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg>", "SVG"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isom", "video"),
        (b"%PDF-1.7", "PDF"),
        (b"plain text", ""),
        (b"", ""),
    ],
)
def test_what_a_file_is(head, kind):
    assert file_type(head) == kind


def test_a_format_that_is_not_read_is_named(monkeypatch):
    monkeypatch.setattr("src.data.images.file_types.heic_is_read", lambda: False)
    with pytest.raises(ImageError, match=r"^a\.heic: HEIC is not supported; .*pip install pillow-heif$"):
        decode_image(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000), name="a.heic")
    with pytest.raises(ImageError, match=r"^a\.psd: PSD is not supported; convert it to PNG or JPEG$"):
        decode_image(b"8BPS\0\1" + bytes(50), name="a.psd")
    assert why_not_read("JPEG") == why_not_read("PDF") == why_not_read("") == ""


def test_heic_is_read_where_it_is_installed():
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "blue")).save(stream)
    assert decode_image(stream.getvalue())[20, 20].argmax() == 2


@pytest.mark.parametrize("extra", [b"", b"\xff"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker(mode, progressive, extra, tmp_path):
    whole = encode(noise(40, 30).convert(mode), "JPEG", progressive=progressive)
    assert whole[-2:] == b"\xff\xd9"
    with ImageFile(whole[:-2] + extra) as file:
        decoded = file.decode()
    assert decoded.notes == ("the JPEG has no end marker",)
    np.testing.assert_array_equal(decoded.pixels, decode_image(whole))
    with pytest.raises(ImageError, match="truncated"):
        decode_image(whole[: len(whole) * 2 // 3])
    (tmp_path / "a.jpg").write_bytes(whole[:-2])
    assert storable_image(tmp_path / "a.jpg").reencoded  # other readers of the record would complain


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_end_was_overwritten_with_zeros(progressive):
    whole = encode(noise(40, 30), "JPEG", progressive=progressive)
    with ImageFile(whole[:-2] + bytes(100)) as file:
        decoded = file.decode()
    np.testing.assert_array_equal(decoded.pixels, decode_image(whole))
    assert len(decoded.notes) == 1


def test_a_damaged_jpeg_that_can_be_decoded_says_so():
    data = encode(noise(64, 64), "JPEG", restart_marker_blocks=2)
    place = data.rindex(b"\xff\xd3")
    data = data[:place] + b"\x12\x34\x56" * 20 + data[place:]
    with ImageFile(data) as file:
        assert file.decode().notes[0].startswith("the JPEG is damaged (")


def test_scans_without_end_are_refused_at_once():
    assert not has_too_many_scans(progressive_of_many_scans(50))
    # What lies behind the end, as the film of a phone's photograph does, and in the metadata does not count.
    photograph = encode(Image.new("RGB", (8, 8)), "JPEG", comment=b"\xff\xda" * 500)
    assert not has_too_many_scans(photograph + b"\xff\xda\0\2" * 500)
    with pytest.raises(ImageError, match=f"a JPEG of more than {MOST_SCANS} scans"):
        decode_image(progressive_of_many_scans(5000))


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt"])
def test_long_metadata_costs_a_png_nothing(kind, before):
    image = noise(30, 20)
    data = encode(image, "PNG")
    long = zlib.compress(bytes(80 << 20))
    text = {b"zTXt": b"key\0\0" + long, b"iTXt": b"key\0\1\0\0\0" + long, b"tEXt": b"key\0" + b"x" * (70 << 20)}[kind]
    place = 33 if before else len(data) - 12  # behind the header, or before the end
    forged = data[:place] + png_chunk(kind, text) + data[place:]
    np.testing.assert_array_equal(decode_image(forged), decode_image(data))
    assert image_size(forged) == (20, 30)


def test_a_long_color_profile_costs_a_png_nothing():
    info = PngImagePlugin.PngInfo()
    info.add(b"iCCP", b"name\0\0" + zlib.compress(bytes(3 << 20)))
    assert decode_image(encode(Image.new("RGB", (9, 9), "red"), "PNG", pnginfo=info))[0, 0].tolist() == [255, 0, 0]


def test_the_limit_of_pixels_names_its_option_and_can_be_raised():
    data = encode(Image.new("1", (20_000, 10_000)), "PNG")  # beyond what Pillow accepts by itself
    with pytest.raises(ImageError, match="20000x10000; at most 64000000 pixels are accepted, --max_image_pixels"):
        decode_image(data)
    before = Image.MAX_IMAGE_PIXELS
    program = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "from src.data.images.decode import ImageFile\n"
        "with ImageFile(sys.stdin.buffer.read(), max_pixels=200_000_000) as file: print(file.header.width)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=data,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.stdout == b"20000\n", done.stderr
    assert before == Image.MAX_IMAGE_PIXELS


def lettered(color, ground=(0, 0, 0, 0)):
    from PIL import ImageDraw, ImageFont

    image = Image.new("RGBA", (200, 60), ground)
    ImageDraw.Draw(image).text((10, 10), "Word", fill=color, font=ImageFont.load_default(36))
    return np.asarray(image)


@pytest.mark.parametrize(
    ("color", "ground"),
    [("white", 0), ("#fffa80", 0), ("black", 255), ("#a00000", 255), ((255, 255, 255, 90), 0), ("#808080", 255)],
)
def test_the_ground_shows_the_letters(color, ground):
    rgba = lettered(color)
    laid = on_ground(rgba[..., :3], rgba[..., 3])
    assert laid[0, 0].tolist() == [ground] * 3
    assert np.ptp(laid) > 60


def test_dark_letters_beside_a_bright_field():
    """What stands on transparent ground decides, not the most pixels."""
    rgba = lettered("black").copy()
    rgba[:, 120:] = (255, 240, 200, 255)
    assert on_ground(rgba[..., :3], rgba[..., 3])[0, 0].tolist() == [255] * 3


def test_opaque_pixels_stay_as_they_are():
    rgba = lettered("white", "black")
    np.testing.assert_array_equal(on_ground(rgba[..., :3], rgba[..., 3]), rgba[..., :3])


def test_markers_without_content_among_the_headers_of_a_jpeg():
    """libjpeg, and so the C++ application, passes over them, and over what lies behind them up to the next marker."""
    data = encode(Image.new("RGB", (8, 8), "red"), "JPEG")
    expected = decode_image(data)
    table = data.index(b"\xff\xdb")
    for piece in (b"\xff\x01", b"\xff\x01" * 1000, b"\xff\x01junk"):
        np.testing.assert_array_equal(decode_image(data[:table] + piece + data[table:]), expected)
    text = data[:2] + b"\xff\xfe\0\6\xff\x01xy" + data[2:]  # a comment with these two bytes
    np.testing.assert_array_equal(decode_image(text), expected)


def test_comments_without_end_are_refused_at_once():
    """Pillow takes a second for a megabyte of them."""
    pixels = bytes(range(16))
    for header in (b"P5 4 4 255\n", b"P5\n# made\n4 4\n#255\n255\n"):
        assert decode_image(header + pixels).shape == (4, 4, 3)
    for header in (b"P5 #" + b"x" * 70_000 + b"\n4 4 255\n", b"P5\n" + b"#\n" * 40_000 + b"4 4 255\n"):
        with pytest.raises(ImageError, match="unsupported .comments of more than 65536 bytes"):
            decode_image(header + pixels)


def test_gif_blocks_without_end_are_refused_at_once():
    data = encode(Image.new("P", (8, 8), 3), "GIF")
    start = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0)
    comments = data[:start] + b"!\xfe\x01x\0" * 300_000 + data[start:]
    with pytest.raises(ImageError, match="unsupported .a GIF of more than 50000 blocks"):
        decode_image(comments)
    one_long = data[:start] + b"!\xfe" + (b"\xff" + b"x" * 255) * 5000 + b"\0" + data[start:]
    assert decode_image(one_long).shape == (8, 8, 3)
    assert decode_image(data[:start] + b"!\xfe\x01x\0" * 1000 + data[start:]).shape == (8, 8, 3)


def gif_of_frames(*frames, disposal=2):
    """A GIF of 10x10 pixels from (left, top, width, height) of its frames, with pixels for one of 10x10."""
    parts = [b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"]
    for frame in frames:
        parts += [b"!\xf9\4" + bytes([disposal << 2, 0, 0, 0, 0]), b"," + struct.pack("<HHHHB", *frame, 0)]
        parts.append(
            b"\2" + b"\x16\x8c\x2d\x99\x87\x2a\x1c\xdc\x33\xa0\2\x75\xec\x95\xfa\xa8\xde\x60\x8c\4\x91\x4c\1\0"
        )
    return b"".join(parts) + b";"


@pytest.fixture
def little_memory():
    """The process cannot take another 500 MB."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (500 << 20), hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
@pytest.mark.usefixtures("little_memory")
def test_frames_outside_a_gif_are_refused_before_they_take_memory(disposal):
    """Pillow enlarges the image to hold them, by gigabytes, while it looks for the frame."""
    small, huge = (0, 0, 10, 10), (65_000, 60_000, 500, 500)
    with pytest.raises(ImageError, match="65500x60500; at most"):
        decode_image(gif_of_frames(huge, disposal=disposal))
    for garbage in (b"", b"x", b"!\xff\x0bNETSCAPE2.0\0\1\0\0"):
        data = gif_of_frames(small, small, huge, small, disposal=disposal)
        with ImageFile(data[:19] + garbage + data[19:]) as file:
            assert file.pages == 4
            assert file.decode().pixels.shape == (10, 10, 3)
            for page in (4, 3):
                with pytest.raises(ImageError, match="65500x60500; at most"):
                    file.decode(page)


def test_a_frame_may_enlarge_a_gif_a_little():
    with ImageFile(gif_of_frames((0, 0, 10, 10), (5, 0, 10, 10))) as file:
        assert file.decode(1).pixels.shape == (10, 10, 3)
        assert file.decode(2).pixels.shape == (10, 15, 3)

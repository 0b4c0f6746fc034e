"""decode_image: every kind of image file has one defined result."""

import io
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from src.data.detection.annotations.label_pairs import list_images
from src.data.images import decode as images
from src.data.images.decode import ImageError, decode_image, image_size, read_bytes, read_header
from src.data.images.folder import image_files
from src.data.images.jpeg import decode_sound

REPOSITORY = Path(__file__).resolve().parents[3]
RNG = np.random.default_rng(0)
# Smooth, so that JPEG changes it little; no symmetry, so that every turn shows.
ROWS, COLUMNS = np.mgrid[0:40, 0:60]
IMAGE = np.stack([ROWS * 6, COLUMNS * 4, 255 - ROWS * 3 - COLUMNS], axis=-1).astype(np.uint8)


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_are_exact(image_format):
    decoded = decode_image(encode(Image.fromarray(IMAGE), image_format))
    assert decoded.dtype == np.uint8 and decoded.flags.c_contiguous and decoded.flags.writeable
    np.testing.assert_array_equal(decoded, IMAGE)


def test_jpeg_equals_opencv():
    data = encode(Image.fromarray(IMAGE), "JPEG", quality=80)
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decode_image(data), opencv)


def jpeg_files():
    """What the faster decoder takes, and what it must leave to Pillow."""
    exif = Image.Exif()
    exif[0x0112] = 6
    noisy = Image.fromarray(RNG.integers(0, 256, (37, 51, 3), np.uint8))
    for options in ({"quality": 30}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"exif": exif}):
        yield encode(noisy, "JPEG", **options)
    yield encode(noisy.convert("L"), "JPEG")
    yield encode(noisy.convert("CMYK"), "JPEG")
    sound = encode(noisy, "JPEG", restart_marker_blocks=2)
    yield sound[:-2]  # without its end
    yield sound[: len(sound) // 2]
    for seed in range(60):
        damaged = bytearray(sound)
        damaged[np.random.default_rng(seed).integers(2, len(sound))] ^= 0x55
        yield bytes(damaged)


def test_jpeg_is_what_pillow_makes_of_it(monkeypatch):
    """Also where the file is damaged: the same pixels, or the same reason."""

    def result(data):
        try:
            return decode_image(data)
        except ImageError as error:
            return np.array([error.reason, error.detail])

    def refuse(data):
        raise ValueError("not by this decoder")

    def is_sound(data):
        try:
            return decode_sound(data) is not None
        except ValueError:
            return False

    files = list(jpeg_files())
    assert [is_sound(data) for data in files[:6] + files[7:9]] == [True] * 6 + [False] * 2
    found = [result(data) for data in files]
    monkeypatch.setattr(images, "decode_sound", refuse)
    for data, pixels in zip(files, found, strict=True):
        np.testing.assert_array_equal(pixels, result(data))
    kinds = {pixels.dtype.kind for pixels in found[9:]}
    assert kinds == {"u", "U"}, "some of the damaged ones are read, some refused"
    assert found[0].flags.writeable and found[0].flags.c_contiguous and found[4].shape == (51, 37, 3)


def test_path_and_bytes_agree(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode(Image.fromarray(IMAGE), "PNG"))
    np.testing.assert_array_equal(decode_image(path), decode_image(path.read_bytes()))
    np.testing.assert_array_equal(decode_image(str(path)), IMAGE)
    assert image_size(path) == (40, 60)


def test_gray_becomes_three_equal_channels():
    decoded = decode_image(encode(Image.fromarray(IMAGE[..., 0]), "PNG"))
    np.testing.assert_array_equal(decoded, np.repeat(IMAGE[..., :1], 3, axis=2))


def test_sixteen_bit_gray_keeps_the_high_byte():
    deep = (IMAGE[..., 0].astype(np.uint16) << 8) | 0x7F
    decoded = decode_image(encode(Image.fromarray(deep), "PNG"))
    np.testing.assert_array_equal(decoded[..., 1], IMAGE[..., 0])


def test_sixteen_bit_color_keeps_the_high_byte():
    deep = (IMAGE.astype(np.uint16) << 8) | 0x20
    data = cv2.imencode(".png", np.ascontiguousarray(deep[..., ::-1]))[1].tobytes()
    np.testing.assert_array_equal(decode_image(data), IMAGE)


def test_deep_colors_in_jpeg_2000_are_refused_by_name():
    """Pillow would turn their white black."""
    deep = np.ascontiguousarray(IMAGE[..., ::-1]).astype(np.uint16) << 8
    data = cv2.imencode(".jp2", deep)[1].tobytes()
    with pytest.raises(ImageError, match="colors of 16 bits in JPEG 2000; save it with 8 bits, or as PNG or TIFF"):
        decode_image(data)
    shallow = cv2.imencode(".jp2", IMAGE[..., ::-1], [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
    np.testing.assert_allclose(decode_image(shallow).astype(int), IMAGE, atol=3)


def test_float_tiff_in_the_unit_range():
    decoded = decode_image(encode(Image.fromarray(np.full((9, 9), 0.5, np.float32)), "TIFF"))
    assert decoded.shape == (9, 9, 3) and np.all(decoded == 127)


def test_alpha_lies_on_white():
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, :30] = 255
    decoded = decode_image(encode(Image.fromarray(np.dstack([IMAGE, alpha])), "PNG"))
    np.testing.assert_array_equal(decoded[:, :30], IMAGE[:, :30])
    assert np.all(decoded[:, 30:] == 255)


def test_palette_with_transparency_lies_on_white():
    indices = np.zeros((10, 10), np.uint8)
    indices[:, 5:] = 1
    image = Image.fromarray(indices, "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    data = encode(image, "PNG", transparency=1)
    assert read_header(data).has_alpha
    decoded = decode_image(data)
    assert np.all(decoded[:, :5] == (10, 20, 30)) and np.all(decoded[:, 5:] == 255)


def test_cmyk_jpeg():
    data = encode(Image.new("CMYK", (20, 10), (255, 0, 0, 0)), "JPEG", quality=95)
    decoded = decode_image(data)
    assert decoded.shape == (10, 20, 3)
    assert np.all(np.abs(decoded.astype(int) - (0, 255, 255)) < 12)  # full cyan ink absorbs red


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (12, 8), color) for color in ("red", "blue")]
    decoded = decode_image(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert decoded.shape == (8, 12, 3) and np.all(decoded == (255, 0, 0))


# What a viewer does for each EXIF orientation, as operations on rows and columns.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, image_format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(IMAGE), image_format, exif=exif)
    expected = UPRIGHT[orientation](IMAGE)
    np.testing.assert_array_equal(decode_image(data), expected)
    header = read_header(data)
    assert (header.height, header.width) == expected.shape[:2] and header.orientation == orientation


def test_exif_rotated_jpeg_agrees_with_opencv():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(Image.fromarray(IMAGE), "JPEG", exif=exif)
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(decode_image(data), opencv)


def test_nonsense_orientation_is_no_turn():
    exif = Image.Exif()
    exif[0x0112] = 77
    assert read_header(encode(Image.fromarray(IMAGE), "PNG", exif=exif)).orientation == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1)])
def test_tiny_and_thin_images_decode(shape):
    assert decode_image(encode(Image.fromarray(np.zeros(shape, np.uint8)), "PNG")).shape == (*shape, 3)


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


NOISE = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
BAD_FILES = {
    "zero bytes": (b"", "empty file"),
    "text with an image suffix": (b"This is not an image.\n" * 20, "not an image"),
    "random bytes": (RNG.integers(0, 256, 500, dtype=np.uint8).tobytes(), "not an image"),
    "half a JPEG": (cut(encode(NOISE, "JPEG"), 0.5), "truncated"),
    "half a PNG": (cut(encode(NOISE, "PNG"), 0.5), "truncated"),
    "half a GIF": (cut(encode(NOISE, "GIF"), 0.5), "truncated"),
    "half a WebP": (cut(encode(NOISE, "WEBP", lossless=True), 0.5), "truncated"),
    "first bytes of a JPEG": (encode(NOISE, "JPEG")[:20], "truncated"),
    "first bytes of a PNG": (encode(NOISE, "PNG")[:20], "truncated"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\nshowpage\n", "other format"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_files_have_a_reason(kind, tmp_path):
    data, reason = BAD_FILES[kind]
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        decode_image(path)
    assert caught.value.reason == reason
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ImageError) as caught:
        decode_image(tmp_path / "none.png")
    assert caught.value.reason == "missing"
    with pytest.raises(ImageError) as caught:
        decode_image(tmp_path)
    assert caught.value.reason == "unreadable"


def test_error_survives_pickling():
    error = pickle.loads(pickle.dumps(ImageError("truncated", "a.jpg", "why")))
    assert (error.reason, error.name, str(error)) == ("truncated", "a.jpg", "a.jpg: truncated (why)")


def test_size_limit_is_inclusive():
    data = encode(Image.fromarray(IMAGE), "PNG")
    assert decode_image(data, max_pixels=2400).shape == (40, 60, 3)
    with pytest.raises(ImageError) as caught:
        decode_image(data, max_pixels=2399)
    assert caught.value.reason == "too large"


def test_bomb_is_refused_within_bounded_memory(tmp_path):
    side = 30_000
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(3 * side + 1) * 50, 9)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels))
    # The image would take 2.7 GB; the process may grow by 0.3 GB only.
    program = (
        "import resource, sys\n"
        "from src.data.images.decode import ImageError, decode_image\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000,) * 2)\n"
        "try:\n    decode_image(sys.argv[1])\n"
        "except ImageError as error:\n    print(error.reason)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "too large", done.stderr


def test_folders_are_read_without_pipes(tmp_path):
    """Opening one would wait for whoever writes into it."""
    (tmp_path / "sub.jpg").mkdir()
    for name in ("b.png", "sub.jpg/a.JPG", "notes.txt"):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "ring.png").symlink_to("ring.png")
    names = ["b.png", "ring.png", "sub.jpg/a.JPG"]
    assert [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path)] == names
    assert list_images(tmp_path, recursive=True) == names
    for name in ("pipe.jpg", "device.png"):
        with pytest.raises(ImageError, match="a pipe, socket or device"):
            read_bytes(tmp_path / name)

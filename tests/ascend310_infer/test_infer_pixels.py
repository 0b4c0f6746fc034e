"""The C++ application sees the very pixels that training, evaluation and post-processing see: no tolerance.

Words are resized as Pillow 13 does it; older versions take the two passes in another order for some sizes.
"""

import io
import itertools
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile_images import damaged, forged_pngs
from infer_builds import run
from PIL import Image, PngImagePlugin
from tiny_words import preprocess_word

from src.data.detection.preprocess import preprocess
from src.data.images.decode import ImageError, decode_image

SHARED = Path(os.environ.get("OCR_SHARED_DATA") or Path(__file__).resolve().parents[2].parent / "shared") / "data"


def textured(height, width, seed=0):
    """Smooth colors, edges and noise, so that every rounding matters."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (3 + i)) * np.cos(y / (5 + 2 * i)) for i in range(3)]
    image = 128 + 90 * np.stack(waves, axis=-1) + rng.normal(0, 12, (height, width, 3))
    image[height // 4 : height // 2, width // 4 : width // 2] = rng.integers(0, 256, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def saved(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def with_exif(orientation, kind="JPEG"):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(Image.fromarray(textured(37, 52)), kind, exif=exif)


def with_xmp(orientation):
    packet = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation
    return saved(Image.fromarray(textured(20, 31)), "JPEG", xmp=packet)


def raw_png(size, depth, color, rows, *chunks, interlaced=False):
    """A PNG of kinds that Pillow does not write; `rows` with their filter bytes, `chunks` before the pixels."""
    header = struct.pack(">IIBBBBB", size[1], size[0], depth, color, 0, 0, int(interlaced))
    everything = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in everything
    )


def interlaced_png():
    """Adam7: every pass is a small image of its own."""
    pixels = textured(13, 11)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx] if row.size)
    return raw_png((13, 11), 8, 2, rows, interlaced=True)


def low_gray_png(depth, *chunks):
    """Gray with 1, 2 or 4 bits, 8 rows of 4 random bytes."""
    rng = np.random.default_rng(depth)
    rows = b"".join(b"\0" + rng.bytes(4) for _ in range(8))
    return raw_png((8, 32 // depth), depth, 0, rows, *chunks)


def key(*values):
    """The color that is transparent."""
    return b"tRNS", struct.pack(f">{len(values)}H", *values)


def deep_png(pixels):
    done, data = cv2.imencode(".png", pixels)
    assert done
    return data.tobytes()


def example_files():
    """Bytes of images by a name that says what is special about them."""
    image = Image.fromarray(textured(61, 83))
    gray, palette = image.convert("L"), image.convert("P", palette=Image.Palette.ADAPTIVE, colors=40)
    see_through = image.convert("RGBA")
    see_through.putalpha(Image.fromarray(np.tile(np.arange(83, dtype=np.uint8) * 3, (61, 1))))
    deep = np.random.default_rng(1).integers(0, 1 << 16, (19, 23, 3), dtype=np.uint16)
    files = {
        f"quality{quality}_subsampling{kind}.jpg": saved(image, "JPEG", quality=quality, subsampling=kind)
        for quality, kind in itertools.product((30, 75, 97), (0, 1, 2))
    }
    files |= {
        "progressive.jpg": saved(image, "JPEG", progressive=True),
        "optimized_restart.jpg": saved(image, "JPEG", optimize=True, restart_marker_rows=1),
        "gray.jpg": saved(gray, "JPEG"),
        "cmyk.jpg": saved(image.convert("CMYK"), "JPEG"),
        "one_pixel.jpg": saved(Image.fromarray(textured(1, 1)), "JPEG"),
        "thin.jpg": saved(Image.fromarray(textured(3, 200)), "JPEG", subsampling=2),
    }
    files |= {f"exif{n}.jpg": with_exif(n) for n in range(10)} | {
        f"exif{n}.png": with_exif(n, "PNG") for n in (1, 6, 7)
    }
    files |= {f"xmp{n}.jpg": with_xmp(n) for n in (3, 6)}
    files |= {
        "broken_exif.jpg": saved(image, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"),
        "rgb.png": saved(image, "PNG"),
        "rgba.png": saved(see_through, "PNG"),
        "gray.png": saved(gray, "PNG"),
        "gray_alpha.png": saved(see_through.convert("LA"), "PNG"),
        "bits1.png": saved(image.convert("1"), "PNG"),
        "palette.png": saved(palette, "PNG"),
        "palette_4_bits.png": saved(palette, "PNG", bits=4),
        "palette_2_bits.png": saved(image.quantize(4), "PNG", bits=2),
        "palette_transparent.png": saved(palette, "PNG", transparency=bytes(range(0, 240, 6))),
        "palette_one_transparent.png": saved(palette, "PNG", transparency=3),
        "rgb_key.png": saved(image, "PNG", transparency=image.getpixel((5, 5))),
        "gray_key.png": saved(gray, "PNG", transparency=gray.getpixel((5, 5))),
        **{f"gray_{depth}_bits.png": low_gray_png(depth) for depth in (1, 2, 4)},
        **{f"gray_{depth}_bits_key.png": low_gray_png(depth, key(1)) for depth in (1, 2, 4)},
        "gray_2_bits_key_0.png": low_gray_png(2, key(0)),
        "deep_gray_key.png": raw_png((2, 2), 16, 0, b"\0abcd\0efab", key(0x6162)),
        "deep_rgb_key.png": raw_png((1, 2), 16, 2, b"\0aabbccabacad", key(0x6161, 0x6262, 0x6363)),
        "deep_gray.png": deep_png(deep[..., 0]),
        "deep_rgb.png": deep_png(deep),
        "deep_rgba.png": deep_png(np.dstack([deep, deep[..., :1]])),
        "gamma.png": raw_png((2, 2), 8, 0, b"\0az\0Az", (b"gAMA", struct.pack(">I", 100000))),
        "interlaced.png": interlaced_png(),
        "rgb.bmp": saved(image, "BMP"),
        "gray.bmp": saved(gray, "BMP"),
        "bits1.bmp": saved(image.convert("1"), "BMP"),
        "palette.bmp": saved(palette, "BMP"),
        "rgb.ppm": saved(image, "PPM"),
        "gray.pgm": saved(gray, "PPM"),
    }
    return files


def ask(sanitized, tasks):
    """Answers of `show_pixels` to tasks (fields of one line each), its outputs as bytes where it was successful."""
    lines = "".join("\t".join(map(str, task)) + "\n" for task in tasks)
    done = run(sanitized / "tests" / "show_pixels", input=lines)
    assert (done.returncode, done.stderr) == (0, "")
    answers = done.stdout.splitlines()
    assert len(answers) == len(tasks)
    for answer, task in zip(answers, tasks, strict=True):
        if answer.startswith("ok "):
            yield answer, Path(task[2]).read_bytes()
        else:
            yield answer, None


def decoded(sanitized, paths, out):
    """{path: pixels, or the reason why there are none} as the application sees them."""
    tasks = [("decode", path, out / str(number)) for number, path in enumerate(paths)]
    found = {}
    for path, (answer, data) in zip(paths, ask(sanitized, tasks), strict=True):
        if data is None:
            found[path] = answer.split("\t")[0]
            assert answer.split("\t")[1].startswith(f"{path}: {found[path]}")
        else:
            found[path] = np.frombuffer(data, np.uint8).reshape(*map(int, answer.split()[1:]), 3)
    return found


def as_python_sees(path):
    try:
        return decode_image(path)
    except ImageError as error:
        return error.reason


def assert_same(found, expected, path):
    if isinstance(expected, str) or isinstance(found, str):
        assert isinstance(found, str) and found == expected, path
    else:
        assert found.shape == expected.shape, path
        assert np.array_equal(found, expected), f"{path}: {np.abs(found.astype(int) - expected).max()} gray levels"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_files_are_decoded_alike(sanitized, tmp_path):
    paths = []
    for name, data in example_files().items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    (tmp_path / "out").mkdir()
    for path, found in decoded(sanitized, paths, tmp_path / "out").items():
        assert_same(found, as_python_sees(path), path)


def test_files_that_give_no_image_have_the_same_reason(sanitized, tmp_path):
    examples = example_files()
    files = {"empty.jpg": b"", "text.png": b"no image at all", "cut_header.jpg": examples["rgb.png"][:20]}
    for name in (
        "quality75_subsampling2.jpg",
        "progressive.jpg",
        "rgb.png",
        "palette.png",
        "rgb.ppm",
    ):
        data = examples[name]
        for share in (0.2, 0.5, 0.9):
            files[f"cut{share}_{name}"] = data[: int(len(data) * share)]
    huge = bytearray(examples["rgb.png"])
    huge[16:24] = struct.pack(">II", 20_000, 20_000)
    huge[29:33] = struct.pack(">I", zlib.crc32(bytes(huge[12:29])))
    files["huge.png"] = bytes(huge)
    paths = [tmp_path / "missing.jpg"]
    for name, data in files.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    (tmp_path / "out").mkdir()
    found = decoded(sanitized, paths, tmp_path / "out")
    expected = {path: as_python_sees(path) for path in paths}
    assert found == expected
    assert set(expected.values()) == {"missing", "empty file", "not an image", "truncated", "too large"}


def test_what_only_lacks_its_end_marker_is_read_alike(sanitized, tmp_path):
    """And images whose letters show on one ground only, a header that ends early, and scans without end."""
    whole = example_files()["quality75_subsampling2.jpg"]
    files = {
        "cut.jpg": whole[:-2],
        "half.jpg": whole[:-1],
        "zeros.jpg": whole[:-2] + bytes(40),
        "ff.jpg": whole[:-2] + b"\xff",
        "progressive.jpg": example_files()["progressive.jpg"][:-2],
    }
    for name, letters in (("white.png", 255), ("black.png", 0), ("gray.png", 128)):
        rgba = np.zeros((40, 90, 4), np.uint8)
        rgba[10:30, 20:24] = rgba[10:14, 20:60] = (letters, letters, letters, 255)
        rgba[12:16, 62:70] = (letters, 255 - letters, letters, 90)
        stream = io.BytesIO()
        Image.fromarray(rgba).save(stream, "PNG")
        files[name] = stream.getvalue()
    scans = whole.index(b"\xff\xda")
    files["jfif.jpg"] = whole[:5] + b"\x08" + whole[6:]  # the length of the first segment
    files["scans.jpg"] = whole[:-2] + whole[scans:-2] * 120 + b"\xff\xd9"
    paths = [tmp_path / name for name in files]
    for path in paths:
        path.write_bytes(files[path.name])
    (tmp_path / "out").mkdir()
    found = decoded(sanitized, paths, tmp_path / "out")
    for path in paths[:-1]:
        assert_same(found[path], as_python_sees(path), path)
        assert not isinstance(found[path], str), path
    assert found[tmp_path / "white.png"].min() == 0 and found[tmp_path / "black.png"].max() == 255
    assert as_python_sees(paths[-1]) == "unsupported"


def test_formats_that_are_not_read_are_named(sanitized, tmp_path):
    paths = []
    for kind in ("WEBP", "TIFF", "GIF"):
        paths.append(tmp_path / f"a.{kind.lower()}")
        Image.fromarray(textured(9, 9)).save(paths[-1], kind)
    (tmp_path / "out").mkdir()
    assert set(decoded(sanitized, paths, tmp_path / "out").values()) == {"unsupported"}


def test_damaged_files_never_harm(sanitized, tmp_path):
    """A few hundred files with bytes changed: an answer for each, and nothing that a sanitizer sees."""
    rng = np.random.default_rng(3)
    examples = example_files()
    paths = []
    chosen = (
        "quality75_subsampling2.jpg",
        "progressive.jpg",
        "exif6.jpg",
        "cmyk.jpg",
        "rgba.png",
        "interlaced.png",
        "palette_transparent.png",
        "exif6.png",
        "deep_rgba.png",
        "palette.bmp",
    )
    for name in chosen:
        for number in range(30):
            data = bytearray(examples[name])
            for position in rng.integers(2, len(data), 1 + number % 9):
                data[position] = rng.integers(256)
            paths.append(tmp_path / f"{number}_{name}")
            paths[-1].write_bytes(bytes(data))
    (tmp_path / "out").mkdir()
    tasks = [("decode", path, tmp_path / "out" / "pixels") for path in paths]
    reasons = {answer.split("\t")[0].split(" ")[0] for answer, _ in ask(sanitized, tasks)}
    assert {"ok", "truncated"} <= reasons


def differences(sanitized, paths, out):
    """(names that one side only accepts, names of which both see other pixels, names that both accept)."""
    found = decoded(sanitized, paths, out)
    expected = {path: as_python_sees(path) for path in paths}
    one_only = [path.name for path in paths if isinstance(found[path], str) != isinstance(expected[path], str)]
    both = [path for path in paths if not isinstance(found[path], str) and not isinstance(expected[path], str)]
    other = [path.name for path in both if _far_apart(found[path], expected[path], path.name)]
    return one_only, other, {path.name for path in both}


def _far_apart(found, expected, name):
    """Versions of libjpeg-turbo smooth what is missing of a progressive image differently."""
    tolerance = 16 if "progressive" in name else 0
    return found.shape != expected.shape or np.abs(found.astype(int) - expected).max() > tolerance


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["jpg", "png", "bmp"])
def test_damaged_files_are_accepted_alike(sanitized, tmp_path, kind):
    """The rule of docs/reliability.md: both sides take the same files, and see the same pixels in them.

    FUZZ_FILES=3000 tries as many.
    """
    rng = np.random.default_rng(11)
    examples = example_files()
    names = sorted(name for name in examples if name.endswith(kind) and len(examples[name]) < 60_000)
    paths = []
    for number in range(int(os.environ.get("FUZZ_FILES", "200"))):
        name = names[number % len(names)]
        paths.append(tmp_path / f"{number}_{name}")
        paths[-1].write_bytes(damaged(examples[name], rng))
    (tmp_path / "out").mkdir()
    one_only, other, both = differences(sanitized, paths, tmp_path / "out")
    assert (one_only, other) == ([], [])
    assert 10 < len(both) < len(paths)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["jpg", "png", "bmp"])
def test_files_cut_off_anywhere_near_their_end_are_accepted_alike(sanitized, tmp_path, kind):
    examples = example_files()
    chosen = {"jpg": ["quality75_subsampling2.jpg"], "png": ["gray_2_bits.png", "interlaced.png"], "bmp": ["rgb.bmp"]}
    paths = []
    for name in chosen[kind]:
        for cut in range(1, 41):
            paths.append(tmp_path / f"{cut}_{name}")
            paths[-1].write_bytes(examples[name][:-cut])
    (tmp_path / "out").mkdir()
    one_only, other, both = differences(sanitized, paths, tmp_path / "out")
    assert (one_only, other) == ([], [])
    assert 0 < len(both) < len(paths)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_forged_pngs_are_accepted_alike(sanitized, tmp_path):
    """Also one of its chunks with a wrong checksum."""
    forged = forged_pngs()
    paths = []
    for name, (data, _) in forged.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    for chunk in ("IHDR", "PLTE", "pHYs", "tEXt", "IDAT"):
        paths.append(tmp_path / chunk)
        paths[-1].write_bytes(_with_wrong_checksum(chunk.encode()))
    (tmp_path / "out").mkdir()
    one_only, other, both = differences(sanitized, paths, tmp_path / "out")
    assert (one_only, other) == ([], [])
    assert both == {name for name, (_, is_whole) in forged.items() if is_whole} | {"pHYs", "tEXt", "IDAT"}


def _with_wrong_checksum(kind):
    """A PNG with a palette, a resolution and a text, one of whose chunks has a wrong checksum."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "text")
    image = Image.fromarray(textured(20, 30)).quantize(16)
    data = bytearray(saved(image, "PNG", dpi=(72, 72), pnginfo=info))
    place = data.index(kind)
    data[place + 4 + int.from_bytes(data[place - 4 : place], "big")] ^= 1
    return bytes(data)


SIZES = [(64, 96), (128, 192), (65, 97), (17, 300), (200, 31), (480, 640), (33, 48), (1, 1), (2, 3), (700, 500)]


@pytest.mark.parametrize("keep_ratio", [False, True])
def test_scenes_are_prepared_alike(sanitized, tmp_path, keep_ratio):
    tasks, expected = [], []
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}.png"
        path.write_bytes(saved(Image.fromarray(textured(*size, seed=number)), "PNG"))
        for height, width in ((64, 96), (48, 160)):
            tasks.append(("scene", path, tmp_path / f"{number}_{height}.raw", height, width, int(keep_ratio)))
            expected.append(preprocess(decode_image(path), (height, width), keep_ratio)[0])
    for task, (answer, data), wanted in zip(tasks, ask(sanitized, tasks), expected, strict=True):
        assert answer == f"ok {task[3]} {task[4]}"
        assert np.array_equal(np.frombuffer(data, np.float32).reshape(wanted.shape), wanted), task


@pytest.fixture(scope="module")
def word_tolerance():
    """0, or a gray level where Pillow is older and resizes columns first, which rounds differently."""
    gray = Image.fromarray(textured(64, 64)[..., 0])
    rows_first = gray.resize((64, 32), Image.Resampling.BICUBIC).resize((100, 32), Image.Resampling.BICUBIC)
    return 0 if gray.resize((100, 32), Image.Resampling.BICUBIC) == rows_first else 2 / 255 + 1e-6


@pytest.mark.parametrize("widths", [(100,), (48, 100, 200)])
def test_words_are_prepared_alike(sanitized, tmp_path, widths, word_tolerance):
    sizes = [
        (32, 100),
        (20, 77),
        (90, 300),
        (64, 64),
        (31, 9),
        (5, 400),
        (1, 1),
        (32, 48),
        (33, 47),
        (16, 31),
        (96, 131),
        (96, 132),
        (96, 133),
        (64, 120),
        (500, 30),
        (40, 100),
        (32, 99),
    ]
    tasks, expected = [], []
    for number, size in enumerate(sizes):
        path = tmp_path / f"{number}.png"
        path.write_bytes(saved(Image.fromarray(textured(*size, seed=number)), "PNG"))
        tasks.append(("word", path, tmp_path / f"{number}.raw", 32, *widths))
        expected.append(preprocess_word(decode_image(path), 32, widths))
    for task, (answer, data), wanted in zip(tasks, ask(sanitized, tasks), expected, strict=True):
        assert answer == f"ok 32 {wanted.shape[2]}", task
        assert np.abs(np.frombuffer(data, np.float32).reshape(wanted.shape) - wanted).max() <= word_tolerance, task


@pytest.mark.skipif(not SHARED.is_dir(), reason="the photographs are not at hand")
def test_photographs_are_seen_alike(sanitized, tmp_path):
    paths = []
    for folder in (
        "detection/icdar2013_train/images",
        "detection/svt_train/img",
        "recognition/iiit5k_train/train",
        "recognition/icdar2015_train",
        "detection/icdar2011_borndigital_train/images",
    ):
        found = sorted(path for path in (SHARED / folder).glob("*") if path.suffix in (".jpg", ".png"))
        paths += found[:: max(len(found) // 4, 1)][:4]
    assert len(paths) > 10
    for path, found in decoded(sanitized, paths, tmp_path).items():
        assert_same(found, as_python_sees(path), path)
    tasks = [("scene", path, tmp_path / f"scene{number}", 576, 960, 0) for number, path in enumerate(paths[:3])]
    for task, (_, data) in zip(tasks, ask(sanitized, tasks), strict=True):
        wanted = preprocess(decode_image(task[1]), (576, 960))[0]
        assert np.array_equal(np.frombuffer(data, np.float32).reshape(wanted.shape), wanted), task[1]

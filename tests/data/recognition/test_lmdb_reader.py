"""LmdbWords and the image checks: every damaged database gives a named reason, none runs code."""

import io
import os
import pickle
import struct
import zlib

import cv2
import lmdb
import numpy as np
import pytest
from PIL import Image

from src.common.errors import UserError
from src.data.images.decode import decode_image
from src.data.recognition.lmdb_errors import LmdbError
from src.data.recognition.lmdb_reader import LmdbWords, find_lmdb
from src.data.recognition.lmdb_verify import verify_lmdb
from src.data.recognition.lmdb_writer import LmdbWriter
from src.data.recognition.preprocess import to_gray
from src.data.recognition.word_images import SampleError, decode_gray, header_size


def encoded(image_format: str, mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, image_format)
    return stream.getvalue()


class Bomb:
    """A pickle that would leave a file behind."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def raw_lmdb(path, values: dict[bytes, bytes]):
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as transaction:
        for key, value in values.items():
            transaction.put(key, value)
    return path


def test_a_file_that_was_cut_off_is_refused_before_it_is_read(tmp_path):
    with LmdbWriter(tmp_path / "words") as writer:
        for _ in range(40):
            writer.add(encoded("PNG"), "word")
    file = tmp_path / "words" / "data.mdb"
    whole = file.read_bytes()
    assert len(LmdbWords(tmp_path / "words")) == 40
    for length in (len(whole) - 1, len(whole) // 2, 8192, 4096, 200):
        cut = tmp_path / f"cut_{length}"
        cut.mkdir()
        (cut / "data.mdb").write_bytes(whole[:length])
        promised = 2 * 4096 if length <= 4096 else len(whole)  # the older of the two headers is all there is
        expected = f"has {length} bytes, {promised} by its own header; copy it again"
        for use in (LmdbWords, LmdbWriter):
            with pytest.raises(LmdbError, match=expected):
                use(cut)
    (cut / "data.mdb").write_bytes(b"")
    with pytest.raises(LmdbError, match="data.mdb is empty"):
        LmdbWords(cut)


def test_each_kind_of_damage_has_its_reason(tmp_path):
    good = encoded("JPEG")
    pickled = pickle.dumps(Bomb(tmp_path / "ran"))
    path = raw_lmdb(
        tmp_path / "words",
        {
            b"num-samples": b"8",
            b"image-000000001": good,
            b"label-000000001": b"fine",
            b"label-000000002": b"no image",
            b"image-000000003": good,
            b"image-000000004": good,
            b"label-000000004": b"\xff\xfe\x00",
            b"image-000000005": pickled,
            b"label-000000005": b"pickle",
            b"image-000000006": good[: len(good) // 2],
            b"label-000000006": b"cut",
            b"image-000000007": b"",
            b"label-000000007": b"nothing",
            b"image-000000008": good,
            b"label-000000008": b"  ",
        },
    )
    words = LmdbWords(path)
    reasons = []
    for index in range(len(words)):
        try:
            words.sample(index)
            reasons.append("")
        except SampleError as error:
            assert f"{index + 1:09d}" in str(error)
            reasons.append(error.reason)
    assert reasons == [
        "",
        "missing image",
        "missing label",
        "label not UTF-8",
        "not an image",
        "truncated",
        "empty image",
        "empty label",
    ]
    labels = [label if isinstance(label, str) else label.reason for label in words.labels()]
    assert labels[:4] == ["fine", "no image", "missing label", "label not UTF-8"]
    assert labels[7] == "empty label" and len(labels) == 8
    assert words.image_sizes()[[0, 1]].tolist() == [[20, 40], [0, 0]]
    assert not (tmp_path / "ran").exists()
    with pytest.raises(IndexError):
        words.read(8)


@pytest.mark.parametrize("count", [None, b"", b"-1", b"3.0", b"12345678901", pickle.dumps(3)])
def test_count_that_is_not_a_number(tmp_path, count):
    values = {b"label-000000001": b"x"} if count is None else {b"num-samples": count}
    raw_lmdb(tmp_path / "words", values)
    with pytest.raises(LmdbError, match="num-samples"):
        LmdbWords(tmp_path / "words")


def test_what_is_not_an_lmdb(tmp_path):
    with pytest.raises(LmdbError, match="no such"):
        LmdbWords(tmp_path / "nowhere")
    with pytest.raises(LmdbError, match="not an LMDB"):
        LmdbWords(tmp_path)
    (tmp_path / "data.mdb").write_bytes(b"garbage" * 4000)
    with pytest.raises(LmdbError, match="build it again"):
        LmdbWords(tmp_path)
    assert issubclass(LmdbError, UserError)


def test_pickled_reader_opens_for_itself(tmp_path):
    with LmdbWriter(tmp_path / "words") as writer:
        writer.add(encoded("PNG"), "one")
    words = LmdbWords(tmp_path / "words")
    again = pickle.loads(pickle.dumps(words))
    assert again.sample(0)[1] == "one" and words.sample(0)[0].shape == (20, 40)
    words.close()
    assert words.read(0)[1] == "one"


def test_reader_survives_a_fork(tmp_path):
    with LmdbWriter(tmp_path / "words") as writer:
        writer.add(encoded("PNG"), "one")
    words = LmdbWords(tmp_path / "words")
    words.read(0)
    child = os.fork()
    if child == 0:
        os._exit(0 if words.read(0)[1] == "one" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_find_lmdb_in_either_case(tmp_path):
    for name in ("IIIT5k_lmdb", "MJ_LMDB"):
        raw_lmdb(tmp_path / name, {b"num-samples": b"0"})
    assert find_lmdb(tmp_path, "IIIT5K_lmdb").name == "IIIT5k_lmdb"
    assert find_lmdb(tmp_path, "mj_lmdb").name == "MJ_LMDB"
    with pytest.raises(LmdbError, match=r"^lmdb_root: .*SVT.*IIIT5k_lmdb, MJ_LMDB"):
        find_lmdb(tmp_path, "SVT_lmdb")
    with pytest.raises(LmdbError, match=r"^lmdb_root: .*not a folder"):
        find_lmdb(tmp_path / "absent", "MJ_LMDB")
    raw_lmdb(tmp_path / "IIIT5K_LMDB", {b"num-samples": b"0"})
    with pytest.raises(LmdbError, match=r"^lmdb_root: .*rename"):
        find_lmdb(tmp_path, "iiit5k_lmdb")
    assert find_lmdb(tmp_path, "IIIT5K_LMDB").name == "IIIT5K_LMDB"


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (73, 3)])
def test_header_size_of_jpeg(mode, size):
    assert header_size(encoded("JPEG", mode, size)) == size[::-1]


@pytest.mark.parametrize("image_format", ["PNG", "GIF", "BMP", "WEBP"])
def test_header_size_of_others(image_format):
    assert header_size(encoded(image_format)) == (20, 40)


def test_gray_is_what_pillow_gives():
    smooth = cv2.resize(np.random.default_rng(2).integers(60, 200, (4, 6, 3), np.uint8), (90, 40))
    for image_format in ("PNG", "BMP", "JPEG"):
        stream = io.BytesIO()
        Image.fromarray(smooth).save(stream, image_format)
        data = stream.getvalue()
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("L")).astype(int)
        assert np.ptp(expected) > 50
        assert np.abs(decode_gray(data, "x").astype(int) - expected).max() <= 2


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "JPEG"])
def test_grays_are_those_of_the_reader(image_format):
    """Strong colors: here OpenCV's own gray decoding would be up to 69 levels away."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (32, 90, 3), np.uint8)).save(stream, image_format)
    data = stream.getvalue()
    np.testing.assert_array_equal(decode_gray(data, "x"), to_gray(decode_image(data)))


@pytest.mark.parametrize("cut", [4, 12, 16])
def test_what_builders_accept_is_read(cut):
    """OpenCV refuses a PNG without its end; one such word ended the build of a whole LMDB when it was verified."""
    stream = io.BytesIO()
    Image.effect_noise((60, 20), 90).convert("RGB").save(stream, "PNG")
    data = stream.getvalue()[:-cut]
    np.testing.assert_array_equal(decode_gray(data, "x"), to_gray(decode_image(data)))


def test_a_damaged_jpeg_2000_costs_its_own_sample():
    """OpenCV's decoder reads where no memory is and ends the process."""
    data = bytearray(cv2.imencode(".jp2", np.full((64, 80, 3), 200, np.uint8))[1].tobytes())
    assert decode_gray(bytes(data), "x").shape == (64, 80)
    data[data.index(b"\xff\x4f\xff\x51")] = 10
    with pytest.raises(SampleError, match=r"^x: "):
        decode_gray(bytes(data), "x")


def test_a_small_file_that_claims_a_huge_image_is_refused():
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9000))
    with pytest.raises(SampleError) as caught:
        decode_gray(bomb + chunk(b"IEND", b""), "bomb")
    assert caught.value.reason == "too large"
    data = bytearray(encoded("JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 60000, 60000)
    with pytest.raises(SampleError) as caught:
        decode_gray(bytes(data), "bomb")
    assert caught.value.reason == "too large"


@pytest.mark.parametrize("data", [b"hello, this is a text file\n" * 9, b"\xff\xd8", b"\xff\xd8\xff\xff\xff\xff"])
def test_text_renamed_to_jpg(data):
    with pytest.raises(SampleError) as caught:
        decode_gray(data, "x")
    assert caught.value.reason == "not an image"


def test_sixteen_bit_and_transparent_images_decode():
    deep = cv2.imencode(".png", np.full((5, 7), 0x80FF, np.uint16))[1].tobytes()
    assert decode_gray(deep, "x")[0, 0] == 0x80
    assert decode_gray(encoded("PNG", "RGBA"), "x").shape == (20, 40)


def test_a_damaged_page_costs_its_own_samples(tmp_path):
    with LmdbWriter(tmp_path / "words") as writer:
        for number in range(200):
            writer.add(encoded("PNG", size=(8, 4)), f"word{number}")
    file = tmp_path / "words" / "data.mdb"
    whole = file.read_bytes()
    leaves = [place for place in range(8192, len(whole), 4096) if whole[place + 10] == 2]
    damaged = bytearray(whole)
    damaged[leaves[3] + 10] = 0  # a page of no kind
    file.write_bytes(damaged)
    words = LmdbWords(tmp_path / "words")
    reasons = []
    for index in range(len(words)):
        try:
            assert words.read(index)[1] == f"word{index}"
        except SampleError as error:
            reasons.append(error.reason)
    assert set(reasons) == {"damaged page of the LMDB"} and len(reasons) < 100
    labels = list(words.labels())
    assert len(labels) == 200 and sum(isinstance(label, str) for label in labels) > 0
    sizes = words.image_sizes()
    assert len(sizes) == 200 and (sizes == (4, 8)).all(axis=1).sum() > 0
    with pytest.raises(LmdbError, match="samples are bad"):
        verify_lmdb(tmp_path / "words")
    words.close()


@pytest.mark.parametrize(
    "kind", [item for item in vars(lmdb).values() if isinstance(item, type) and issubclass(item, lmdb.Error)]
)
def test_errors_of_lmdb_name_the_file_and_what_helps(kind, tmp_path, monkeypatch):
    with LmdbWriter(tmp_path / "words") as writer:
        writer.add(encoded("PNG"), "word")

    def fail(*_, **__):
        raise kind("MDB_SOMETHING: it failed")

    monkeypatch.setattr(lmdb, "open", fail)
    with pytest.raises(LmdbError) as caught:
        LmdbWriter(tmp_path / "words", overwrite=True)
    assert str(tmp_path / "words") in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "stored", [b"[]", b"{", b"null", b'{"count": "x"}', b'{"job": 1, "count": 1, "progress": 7}']
)
def test_the_state_of_a_build_that_says_nothing_usable(tmp_path, stored):
    raw_lmdb(tmp_path / "words", {b"build-progress": stored})
    with pytest.raises(LmdbError, match="--force replaces it"):
        LmdbWriter(tmp_path / "words", job=1)

"""Network outputs as files: a round trip, dumps of older applications, and everything that can be wrong."""

import json

import numpy as np
import pytest
from dumped_outputs import write_outputs

from src.postprocess.output_files import OutputFileError, read_outputs, read_undescribed


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "score_map": rng.standard_normal((1, 28, 4, 6)).astype(np.float32),
        "half": rng.standard_normal((2, 3)).astype(np.float16),
        "mask": rng.random((1, 7)) > 0.5,
        "count": np.array(7, np.int64),
        "nothing": np.zeros((0, 5), np.float32),
    }


@pytest.mark.parametrize("image", ["a.jpg", "sub.dir/deeper/b.v2.png", "no ending", "日本.jpg"])
def test_round_trip(tmp_path, image):
    header = write_outputs(tmp_path, image, (480, 640), arrays())
    assert header == tmp_path / f"{image}.json"
    described = json.loads(header.read_text())
    assert (described["width"], described["height"]) == (640, 480)
    found = read_outputs(header)
    assert (found.image, found.size) == (image, (480, 640))
    assert list(found.arrays) == list(arrays())
    for name, array in arrays().items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def test_the_bytes_are_little_endian_in_rows(tmp_path):
    """What an application in another language writes and reads."""
    values = np.arange(6, dtype=">f4").reshape(2, 3).T  # neither little-endian nor in rows
    write_outputs(tmp_path, "a.jpg", (1, 1), {"x": values})
    assert (tmp_path / "a.jpg_0.bin").read_bytes() == np.array([0, 3, 1, 4, 2, 5], "<f4").tobytes()
    np.testing.assert_array_equal(read_outputs(tmp_path / "a.jpg.json").arrays["x"], values)


def test_endings_and_folders_do_not_collide(tmp_path):
    names = ["a.jpg", "a.png", "sub/a.jpg"]
    for seed, name in enumerate(names):
        write_outputs(tmp_path, name, (1, 1), arrays(seed))
    for seed, name in enumerate(names):
        found = read_outputs(tmp_path / f"{name}.json").arrays["score_map"]
        np.testing.assert_array_equal(found, arrays(seed)["score_map"])


@pytest.mark.parametrize("image", ["../a.jpg", "/a.jpg", "", "sub/../../a.jpg", "a\0.jpg"])
def test_nothing_is_read_outside_the_folder(tmp_path, image):
    with pytest.raises(OutputFileError, match="not the relative name"):
        read_undescribed(tmp_path, image)


def item(**changes):
    return {"file": "a.jpg_0.bin", "name": "x", "dtype": "float32", "shape": [2, 3], **changes}


def header(**changes):
    return {"image": "a.jpg", "width": 6, "height": 4, "outputs": [item()], **changes}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a description"),
        ("[1, 2]", "not a description"),
        ("{" * 4000, "not a description"),
        (b"\xff\xfe", "not a description"),
        (header(width="wide"), "not a description.*wide"),
        (header(width=1e400), "not a description"),
        (header(image=5), "not a description"),
        (header(image="../a.jpg"), "relative name"),
        (header(outputs=None), "not a description"),
        (header(outputs=["x"]), "not a description"),
        (header(outputs=[item(), item()]), "two outputs of one name"),
        (header(outputs=[item(dtype="float64")]), "float64"),
        (header(outputs=[item(dtype="object")]), "object"),
        (header(outputs=[item(dtype=["float32"])]), "float32"),
        (header(outputs=[item(file="../secret")]), "relative name"),
        (header(outputs=[item(file="/etc/passwd")]), "relative name"),
        (header(outputs=[item(file="sub/x.bin")]), "sub/x.bin"),
        (header(outputs=[item(file="none.bin")]), "none.bin"),
        (header(outputs=[item(file=".")]), "relative name"),
        (header(outputs=[item(file="folder")]), "folder"),
        (header(outputs=[item(shape=[2, 4])]), r"24 bytes do not make float32 \[2, 4\]"),
        (header(outputs=[item(shape=[-2, -3])]), "24 bytes"),
        (header(outputs=[item(shape=[2**40, 2**40])]), "24 bytes"),
        (header(outputs=[item(shape="2x3")]), "not a description"),
        (header(outputs=[item(shape=6)]), "not a description"),
        ({"image": "a.jpg"}, "not a description.*outputs"),
    ],
)
def test_headers_that_are_wrong(tmp_path, content, words):
    (tmp_path / "a.jpg_0.bin").write_bytes(np.zeros(6, np.float32).tobytes())
    (tmp_path / "folder").mkdir()
    file = tmp_path / "a.jpg.json"
    text = json.dumps(content) if isinstance(content, dict) else content
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(OutputFileError, match=words) as caught:
        read_outputs(file)
    assert "a.jpg.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("image", ["img_1.jpg", "img_1.v2.png", "sub.dir/img_1.jpg"])
def test_dumps_of_older_applications(tmp_path, dtype, image):
    """Proposals and a mask of bytes, in the precision that their size tells, named up to the first dot."""
    rng = np.random.default_rng(0)
    proposals = (rng.random((1000, 5)) * 900).astype(dtype)
    mask = rng.random(1000) > 0.5
    folder = (tmp_path / image).parent
    folder.mkdir(exist_ok=True)
    proposals.tofile(folder / "img_1_0.bin")
    mask.astype(np.int8).tofile(folder / "img_1_1.bin")
    found = read_undescribed(tmp_path, image)
    assert (found.image, found.size) == (image, None)
    np.testing.assert_array_equal(found.arrays["proposals"], proposals)
    np.testing.assert_array_equal(found.arrays["mask"], mask)


@pytest.mark.parametrize(
    ("boxes", "mask", "words"),
    [
        (b"", b"", "0 bytes do not fit a mask of 0"),
        (b"\0" * 100, b"", "100 bytes do not fit a mask of 0"),
        (b"\0" * 99, b"\1" * 10, "99 bytes do not fit a mask of 10"),
        (b"\0" * 400, b"\1" * 10, "400 bytes"),
        (None, b"\1" * 10, "neither a.jpg.json nor a_0.bin"),
        (b"\0" * 200, None, "neither a.jpg.json nor a_1.bin"),
    ],
)
def test_older_dumps_that_are_wrong(tmp_path, boxes, mask, words):
    for number, data in enumerate((boxes, mask)):
        if data is not None:
            (tmp_path / f"a_{number}.bin").write_bytes(data)
    with pytest.raises(OutputFileError, match=words):
        read_undescribed(tmp_path, "a.jpg")

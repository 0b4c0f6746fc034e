"""A test set of pictures of several sizes and endings, shared by the tests of inference."""

from types import SimpleNamespace

import pytest
import tiny_detection

# In the MindRecord in this order, which is neither that of a folder nor of the alphabet.
SIZES = {
    "img_3.jpg": (70, 100), "img_10.png": (120, 90), "img_1.JPEG": (64, 96), "b/img_2.bmp": (33, 200),
    "a.b/img_7.v2.png": (90, 160),
}  # fmt: skip


@pytest.fixture(scope="session")
def test_set(tmp_path_factory):
    """`record` (MindRecord), `pictures` and `labels` (folders) of the same `entries`."""
    pytest.importorskip("mindspore")
    place = tmp_path_factory.mktemp("test set")
    entries = tiny_detection.make_entries(SIZES)
    return SimpleNamespace(
        entries=entries,
        record=tiny_detection.write_set(place / "record", entries),
        pictures=tiny_detection.write_pictures(place / "pictures", entries),
        labels=tiny_detection.write_labels(place / "labels", entries),
    )

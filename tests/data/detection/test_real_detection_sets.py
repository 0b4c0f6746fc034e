"""The readers on the organizers' own files, where these are at hand."""

import os
from pathlib import Path

import pytest

from src.data.detection.annotations.fit_boxes import fit_boxes
from src.data.detection.annotations.label_files import read_icdar2011, read_icdar2013
from src.data.detection.annotations.own_folder import read_own_folder
from src.data.detection.annotations.svt_xml import read_svt
from src.data.images.decode import read_header

DETECTION = (
    Path(os.environ.get("OCR_SHARED_DATA") or Path(__file__).resolve().parents[3].parent / "shared")
    / "data"
    / "detection"
)
pytestmark = pytest.mark.skipif(not DETECTION.is_dir(), reason="the ICDAR and SVT images are not at hand")

SETS = {
    "icdar2013_train": (read_icdar2013, "images", "gt", 194, 693),
    "icdar2003_extra": (read_icdar2013, "images", "gt", 84, None),
    "icdar2011_borndigital_train": (read_icdar2011, "images", "gt", 410, None),
    "svt_train": (read_svt, "img", "train.xml", 100, 257),
}


@pytest.mark.parametrize("name", SETS)
def test_official_files_are_read_whole(name):
    read, images, labels, count, boxes = SETS[name]
    found = read(DETECTION / name / images, DETECTION / name / labels)
    assert len(found.images) == count and not found.skipped
    fitted = [fit_boxes(image, read_header(image.path)) for image in found.images]
    assert not any(image.missing for image in found.images)
    assert not any(one.problems for one in fitted)
    assert boxes is None or sum(len(one.boxes) for one in fitted) == boxes
    own = read_own_folder(DETECTION / name / images, DETECTION / name / labels)
    assert [image.boxes.tolist() for image in own.images] == [image.boxes.tolist() for image in found.images]

"""Boxes on the shown image: clipping, and turning with EXIF."""

import io

import numpy as np
import pytest
from PIL import Image

from src.data.detection.annotations.fit_boxes import fit_boxes, turn_boxes
from src.data.detection.annotations.labeled_image import RawBox, labeled_image
from src.data.images.decode import decode_image
from src.data.images.header import ImageHeader


def header(height, width, orientation=1):
    return ImageHeader("JPEG", "RGB", height, width, orientation, False, False)


def image_of(*corners, stored_frame=False):
    return labeled_image("p", "n", [RawBox(box, "t", False) for box in corners], stored_frame=stored_frame)


def test_clipping_by_reason():
    fitted = fit_boxes(
        image_of(
            (10, 10, 20, 20),  # inside
            (-5, -5, 30, 30),  # over the corner
            (90, 40, 100, 50),  # exclusive edges of a 100 x 50 image
            (100, 10, 130, 20),  # beside it
            (10, -20, 30, -2),  # above it
            (99, 10, 130, 20),  # one column left
            (99, 10, 99, 20),  # thin in the file already, so ignored and kept
        ),
        header(50, 100),
    )
    expected = [[10, 10, 20, 20], [0, 0, 30, 30], [90, 40, 99, 49], [99, 10, 99, 20]]
    assert fitted.boxes.tolist() == expected and fitted.boxes.dtype == np.int32
    assert fitted.ignored.tolist() == [False, False, False, True]
    assert fitted.problems == {"outside the image": 2, "no area": 1}
    assert fitted.repaired == {"one pixel thin, ignored": 1, "clipped": 2}


def test_no_boxes():
    fitted = fit_boxes(image_of(), header(50, 100, 6))
    assert fitted.boxes.shape == (0, 4) and fitted.texts == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_follows_the_pixels(orientation):
    """A white box drawn on the stored pixels is where `turn_boxes` says on the shown ones."""
    stored = np.zeros((40, 70, 3), np.uint8)
    stored[5:12, 20:50] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(stored).save(stream, "PNG", exif=exif)
    shown = decode_image(stream.getvalue())
    rows, columns = np.nonzero(shown[..., 0])
    expected = [columns.min(), rows.min(), columns.max(), rows.max()]
    boxes = np.array([[20, 5, 49, 11]], np.int32)
    assert turn_boxes(boxes, orientation, *shown.shape[:2]).tolist() == [expected]


def test_boxes_tell_their_frame_where_they_can():
    # Stored 100 wide and 50 high, shown 50 wide and 100 high.
    shown = header(100, 50, 6)
    only_stored, only_shown, both = (80, 10, 95, 20), (10, 80, 20, 95), (10, 10, 30, 20)
    for stored_frame in (False, True):
        turned = fit_boxes(image_of(only_stored, both, stored_frame=stored_frame), shown)
        assert turned.repaired["turned with the image"] == 2
        assert turned.boxes[0].tolist() == [49 - 20, 80, 49 - 10, 95]
        kept = fit_boxes(image_of(only_shown, both, stored_frame=stored_frame), shown)
        assert kept.boxes.tolist() == [list(only_shown), list(both)]
    assert fit_boxes(image_of(both, stored_frame=False), shown).boxes.tolist() == [list(both)]
    assert fit_boxes(image_of(both, stored_frame=True), shown).boxes.tolist() == [[29, 10, 39, 30]]


def test_half_turn_follows_the_declared_frame():
    shown = header(50, 100, 3)
    assert fit_boxes(image_of((0, 0, 9, 4), stored_frame=False), shown).boxes.tolist() == [[0, 0, 9, 4]]
    assert fit_boxes(image_of((0, 0, 9, 4), stored_frame=True), shown).boxes.tolist() == [[90, 45, 99, 49]]

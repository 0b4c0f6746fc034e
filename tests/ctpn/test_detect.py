"""Maps to lines in pixels of the image: positions worked out by hand."""

import numpy as np
import pytest
from tiny_detection import ANCHORS, tiny_config

from src.common.errors import UserError
from src.ctpn.text_lines import DetectOptions, detect_options, lines_from_maps, scale_lines
from src.text_connector.detector import TextLines
from src.text_connector.options import ConnectorParams

INPUT = (96, 160)  # 6 rows and 10 columns of cells
FIRST, LAST, ROW = 2, 6, 2
ANCHOR = 4  # the one of 16 pixels: inclusive y 0..15 of its cell
FOUND = (32, 32, 112, 48)  # cells 2..6 of row 2; right and lower sides are outer edges


def maps_with_line(row=ROW, columns=range(FIRST, LAST + 1), batch=1):
    score_map = np.zeros((batch, ANCHORS, 2, INPUT[0] // 16, INPUT[1] // 16), np.float32)
    score_map[:, :, 0] = 9
    score_map[:, ANCHOR, 1, row, list(columns)] = 18
    return score_map.reshape(batch, 2 * ANCHORS, *score_map.shape[3:]), np.zeros(
        (batch, 4 * ANCHORS, *score_map.shape[3:]), np.float32
    )


def lines_in(size, row=ROW, columns=range(FIRST, LAST + 1), **options):
    maps = maps_with_line(row, columns)
    return lines_from_maps(*maps, np.array([size]), DetectOptions(INPUT, **options))[0]


@pytest.mark.parametrize("size", [INPUT, (48, 80), (192, 480), (97, 1003), (6000, 16)])
def test_a_stretched_image(size):
    """(x, y) of the input belong to (x * W / 160, y * H / 96) of an image of W x H."""
    lines = lines_in(size)
    expected = np.array(FOUND) * np.tile([size[1] / INPUT[1], size[0] / INPUT[0]], 2)
    assert lines.boxes == pytest.approx(expected[None], rel=1e-6)
    assert lines.scores == pytest.approx([1 / (1 + np.exp(-9))], rel=1e-6)
    x1, y1, x2, y2 = expected
    assert lines.polygons[0] == pytest.approx(np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]), rel=1e-6)


@pytest.mark.parametrize(("size", "scale"), [((96, 80), 1), ((48, 80), 2), ((200, 100), 0.48), ((50, 320), 0.5)])
def test_a_image_that_keeps_its_shape(size, scale):
    """Both coordinates are divided by the one factor that fits the image into the input."""
    fitted = min(INPUT[1], size[1] * scale), min(INPUT[0], size[0] * scale)
    lines = lines_in(size, row=0, columns=range(0, 3), keep_ratio=True)
    expected = np.array([0, 0, min(48, fitted[0] - 1), min(16, fitted[1] - 1)]) / scale
    assert lines.boxes == pytest.approx(expected[None], rel=1e-6)


def test_nothing_is_found_in_the_margin():
    """An image of 80 x 96 fills half of the input; what the network says of the rest is not of the image."""
    inside = lines_in((96, 80), columns=range(0, 3), keep_ratio=True)
    assert len(inside) == 1
    assert len(lines_in((96, 80), columns=range(6, 10), keep_ratio=True)) == 0
    assert len(lines_in((40, 160), row=4, keep_ratio=True)) == 0
    assert len(lines_in((40, 160), row=1, keep_ratio=True)) == 1


def test_lines_stay_inside_the_image():
    lines = lines_in((192, 320), row=5, columns=range(5, 10))
    assert lines.boxes[0].tolist() == pytest.approx([160, 160, 159 * 2, 95 * 2])


def test_each_image_of_a_batch_has_its_own_size():
    maps = maps_with_line(batch=3)
    sizes = np.array([(96, 160), (192, 320), (48, 320)])
    lines = lines_from_maps(*maps, sizes, DetectOptions(INPUT))
    for found, (height, width) in zip(lines, sizes, strict=True):
        assert found.boxes[0] == pytest.approx(np.array(FOUND) * np.tile([width / 160, height / 96], 2))
    with pytest.raises(ValueError):
        lines_from_maps(*maps, sizes[:2], DetectOptions(INPUT))


def test_side_refinement_moves_the_ends():
    score_map, delta_map = maps_with_line()
    delta_map.reshape(ANCHORS, 4, 6, 10)[ANCHOR, 0, ROW, [FIRST, LAST]] = (-0.25, 0.25)
    options = DetectOptions(INPUT, side_refinement=True, connector=ConnectorParams(side_refinement=True))
    lines = lines_from_maps(score_map, delta_map, np.array([INPUT]), options)[0]
    # Ends lie a quarter of a width (4 pixels) left and right of the centers of the first and last anchor.
    assert lines.boxes[0, [0, 2]] == pytest.approx([32 + 7.5 - 4, 96 + 7.5 + 4])


def test_scale_lines_is_exact_and_clips():
    box = np.array([[0, 10, 50, 99]], np.float32)
    polygon = box[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(1, 4, 2)
    scaled = scale_lines(TextLines(box, np.array([0.5], np.float32), polygon), (100, 100), (50, 400))
    assert scaled.boxes.tolist() == [[0, 5, 200, 49]]
    assert scaled.polygons.tolist() == [[[0, 5], [200, 5], [200, 49], [0, 49]]]
    assert scaled.scores.tolist() == [0.5]


def test_options_of_the_configuration_arrive():
    options = detect_options(
        tiny_config(
            rpn_nms_pre=7,
            keep_ratio=True,
            min_ratio=0.9,
            oriented=True,
            anchor_height=[5, 9],
            side_refinement=True,
            rpn_max_num=3,
        )
    )
    assert (options.image_size, options.keep_ratio, options.nms_pre, options.max_num) == ((64, 96), True, 7, 3)
    assert options.anchor_heights == (5, 9)
    assert options.anchors().shape == (4 * 6 * 2, 4)
    assert (options.connector.min_ratio, options.connector.oriented, options.connector.side_refinement) == (0.9, 1, 1)
    with pytest.raises(UserError, match="img_width: 100 is not a multiple of 16"):
        detect_options(tiny_config(img_width=100))

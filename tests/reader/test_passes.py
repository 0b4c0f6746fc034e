"""The detector's passes over an image, and what becomes of the lines of several."""

import numpy as np
import pytest

from src.common.boxes import box_corners
from src.ctpn.proposal_generator import Proposals
from src.ctpn.text_lines import DetectOptions
from src.ctpn.topology import STRIDE
from src.reader.line_union import join_neighbors, unite, without_repeats
from src.reader.passes import FINEST, Budget, DetectionPass, finer_pass, first_pass, full_pass, wanted_scale
from src.reader.text_detector import TextDetector
from src.reader.tiles import CELL, OVERLAP, join_proposals, plan_tiles, tiles_of, whole_tile
from src.text_connector.detector import TextLines
from src.text_connector.options import ConnectorParams

PIXELS = 528 * 800
BUDGET = Budget((736, 1120), 16_000_000)


def lines(*boxes, scores=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return TextLines(boxes, np.full(len(boxes), 0.9, np.float32) if scores is None else scores, box_corners(boxes))


def found(result):
    return sorted(map(tuple, result.boxes.tolist()))


@pytest.mark.parametrize("size", [(960, 1280), (12000, 720), (200, 1600), (40, 110), (3508, 2480), (12, 900)])
def test_the_first_pass_keeps_the_shape(size):
    first = first_pass(size, PIXELS)
    stretch = first.size[0] / size[0] / (first.size[1] / size[1])
    assert 1 / 1.3 < stretch < 1.3 or min(size) < 16  # no side is below two strides
    assert all(side % STRIDE == 0 for side in first.size) and first.pixels < 1.1 * PIXELS
    assert first.scale(size) < 2.1 or min(size) < 20


def test_a_wide_first_pass_has_a_width_that_is_quick_to_compute():
    assert first_pass((960, 1280), PIXELS).size == (560, 736)  # not 752
    assert first_pass((1280, 960), PIXELS).size == (752, 560)  # the height costs nothing
    assert first_pass((200, 1600), PIXELS).size == (224, 1840)  # as it is


@pytest.mark.parametrize("size", [(64, 96), (1000, 97), (577, 961), (2000, 3001), (32, 5000)])
def test_tiles_cover_everything_once(size):
    largest = (256, 384)
    owners = np.zeros(size, int)
    for tile in plan_tiles(size, largest):
        assert tile.y % STRIDE == tile.x % STRIDE == 0 and tile.y < size[0] and tile.x < size[1]
        assert all(a <= b and a % STRIDE == 0 for a, b in zip(tile.size, largest, strict=True))
        y1, x1, y2, x2 = (np.clip(side, 0, 1e6) for side in tile.core)
        owners[int(np.ceil(y1)) : int(np.ceil(y2)), int(np.ceil(x1)) : int(np.ceil(x2))] += 1
        sides = (y1, y2, tile.y, tile.size[0], size[0]), (x1, x2, tile.x, tile.size[1], size[1])
        for low, high, begin, length, end in sides:
            assert low == 0 or low - begin >= OVERLAP / 2 - STRIDE
            assert high >= end or begin + length - high >= OVERLAP / 2 - STRIDE
    assert (owners == 1).all()


def test_tiles_of_wanted_cells_show_them_and_little_else():
    wanted = np.zeros((60, 80), bool)
    wanted[4, 5:20] = wanted[5, 18] = wanted[50, 70] = True
    tiles = tiles_of(wanted, (60 * CELL, 80 * CELL), (736, 1120))
    assert len(tiles) == 2 and sum(tile.pixels for tile in tiles) < 0.1 * 60 * 80 * CELL**2
    for y, x in np.argwhere(wanted) * CELL + CELL // 2:
        (owner,) = [t for t in tiles if t.core[0] <= y < t.core[2] and t.core[1] <= x < t.core[3]]
        assert owner.y <= y - 32 and y + 32 <= owner.y + owner.size[0]


def test_a_proposal_that_two_tiles_see_counts_once():
    wanted = np.zeros((30, 30), bool)
    wanted[2:28, 2] = wanted[2, 2:28] = True  # boxes of both arms overlap
    tiles = tiles_of(wanted, (960, 960), (256, 384))
    one = np.array([[100.0, 100, 116, 120]], np.float32)
    parts = [
        (tile, Proposals(one - [tile.x, tile.y, tile.x, tile.y], np.ones(1, np.float32)))
        for tile in tiles
        if tile.y <= 100 < tile.y + tile.size[0] and tile.x <= 100 < tile.x + tile.size[1]
    ]
    assert len(parts) >= 1
    np.testing.assert_allclose(join_proposals(parts).boxes, one)


def busy(gray, y, x, height, width):
    gray[y : y + height, x : x + width : 4] = 0


def test_small_text_that_left_no_trace_is_looked_for():
    gray = np.full((6000, 800), 255, np.uint8)
    busy(gray, 3000, 100, 300, 600)
    first = first_pass(gray.shape, PIXELS)
    nothing = Proposals(np.empty((0, 4), np.float32), np.empty(0, np.float32))
    plan = finer_pass(gray, first, nothing, lines(), BUDGET)
    assert plan.next_pass.scale(gray.shape) > 2 * first.scale(gray.shape) and not plan.lost_height
    assert plan.next_pass.pixels < 0.35 * plan.next_pass.size[0] * plan.next_pass.size[1]  # not the empty parts
    assert finer_pass(np.full_like(gray, 255), first, nothing, lines(), BUDGET).next_pass is None


def test_what_is_half_seen_is_looked_at_and_what_is_found_is_not():
    gray = np.zeros((960, 1280), np.uint8)
    first = first_pass(gray.shape, PIXELS)
    now = first.scale(gray.shape)
    boxes = np.array([[160, 200, 176, 209], [176, 200, 192, 209], [400, 80, 416, 104]], np.float32)
    proposals = Proposals(boxes, np.array([0.4, 0.3, 0.99], np.float32))
    text = lines((390 / now, 78 / now, 600 / now, 106 / now))
    plan = finer_pass(gray, first, proposals, text, BUDGET)
    (tile,) = plan.next_pass.tiles
    factor = plan.next_pass.scale(gray.shape) / now
    assert tile.x <= 160 * factor <= tile.x + tile.size[1] and tile.pixels < 0.12 * PIXELS
    sure = Proposals(boxes[2:], proposals.scores[2:])
    assert finer_pass(gray, first, sure, text, BUDGET).next_pass is None
    fine = DetectionPass((1536, 2048), (whole_tile((1536, 2048)),))
    assert fine.scale(gray.shape) == FINEST
    unsure = Proposals(boxes[:2], proposals.scores[:2])
    assert finer_pass(gray, fine, unsure, text, BUDGET).next_pass is None


def test_what_is_nearly_sure_is_looked_at_once_more_beyond_the_finest_scale():
    gray, text = np.zeros((480, 640), np.uint8), lines()
    fine = DetectionPass((768, 1024), (whole_tile((768, 1024)),))
    boxes = np.array([[160, 200, 176, 217], [176, 200, 192, 217]], np.float32)
    again = finer_pass(gray, fine, Proposals(boxes, np.array([0.7, 0.8], np.float32)), text, BUDGET).next_pass
    assert again.scale(gray.shape) == pytest.approx(1.35 * FINEST, abs=0.05)
    assert finer_pass(gray, again, Proposals(boxes, np.array([0.7, 0.8], np.float32)), text, BUDGET).next_pass is None


def test_a_limit_scales_down_and_says_so():
    gray = np.random.default_rng(0).integers(0, 256, (1200, 1600), np.uint8)
    free = full_pass(gray, wanted_scale(10), BUDGET, 10)
    assert free.next_pass.scale(gray.shape) == pytest.approx(1.2, abs=0.01) and not free.lost_height
    bound = full_pass(gray, wanted_scale(10), Budget(BUDGET.largest, 1_000_000), 10)
    assert bound.next_pass.pixels <= 1_000_000 and bound.lost_height == pytest.approx(
        12 / bound.next_pass.scale(gray.shape), abs=1
    )
    assert wanted_scale(2) == FINEST


ROW = (100, 100, 300, 130)


def test_a_line_that_no_other_covers_stays():
    assert found(unite(lines(ROW), lines((100, 200, 300, 230)), 0.6)) == [ROW, (100, 200, 300, 230)]
    assert found(unite(lines(ROW), lines(), 0.6)) == [ROW] == found(unite(lines(), lines(ROW), 0.6))


def test_pieces_of_a_well_seen_line_go():
    pieces = lines((100, 101, 180, 129), (200, 101, 298, 130))
    assert found(unite(lines(ROW), pieces, 0.6)) == [ROW]
    assert found(unite(lines(ROW), pieces, 0.2)) == found(pieces)  # six pixels of input: the finer pass knows better


def test_two_rows_that_a_coarse_pass_took_for_one():
    rows = lines((100, 100, 300, 120), (100, 125, 300, 145))
    assert found(unite(lines((98, 96, 302, 150)), rows, 0.6)) == found(rows)


def test_a_line_seen_longer_by_the_finer_pass():
    assert found(unite(lines((100, 100, 200, 130)), lines(ROW), 0.6)) == [ROW]


def test_two_halves_that_overlap_are_one_line():
    (box,) = found(unite(lines((100, 100, 230, 130)), lines((190, 101, 400, 129)), 0.6))
    assert box == (100, 100, 400, 130)


def test_a_letter_that_only_the_coarse_pass_saw_stays():
    (box,) = found(unite(lines((100, 100, 500, 136)), lines((124, 101, 498, 135)), 0.3))
    assert box == (100, 101, 498, 135)


def test_neighbors_are_joined_as_far_as_words_are_apart():
    words = lines((0, 0, 50, 20), (58, 1, 90, 19), (140, 0, 200, 20), (60, 40, 90, 60))
    assert found(join_neighbors(words)) == [(0, 0, 90, 20), (60, 40, 90, 60), (140, 0, 200, 20)]
    assert len(join_neighbors(lines())) == 0


def test_one_huge_letter_is_one_line():
    two = lines((389, 576, 790, 873), (427, 559, 790, 903), (389, 910, 790, 1200), scores=np.array([0.68, 0.69, 0.7]))
    assert found(without_repeats(two)) == [(389, 910, 790, 1200), (427, 559, 790, 903)]
    assert len(without_repeats(lines())) == 0
    # Two rows of a page that is tilted by 15 degrees: their boxes are nearly one, the lines are not.
    rise = np.array([[0, 0], [0, -268], [0, -268], [0, 0]])
    rows = np.array([[[100, 500 + y], [1100, 500 + y], [1100, 528 + y], [100, 528 + y]] for y in (0, 40)]) + rise
    tilted = TextLines(np.concatenate([rows.min(axis=1), rows.max(axis=1)], axis=1), np.ones(2), rows)
    assert len(without_repeats(tilted)) == 2


def test_print_too_small_for_the_first_pass_of_a_photograph_is_searched():
    # Text of 11 pixels is 5 pixels high in the first pass over 1600x1200 pixels, and no proposal shows it.
    gray = np.full((1200, 1600), 200, np.uint8)
    gray[600:611, 400:800:4] = 60
    first = first_pass(gray.shape, PIXELS)
    plan = finer_pass(
        gray, first, Proposals(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), None), lines(), BUDGET
    )
    assert plan.next_pass is not None and plan.next_pass.scale(gray.shape) * 11 >= 12
    assert plan.next_pass.pixels < 0.2 * 1200 * 1600


class DarkIsText:
    """Stands in for the detector: text is where the middle of a cell is dark, as high as its 16-pixel anchor."""

    name, device = "stand-in", ""

    def run(self, image):
        _, _, height, width = image.shape
        cells = image[0, 0, : height // 16 * 16, : width // 16 * 16].reshape(height // 16, 16, width // 16, 16)
        dark = cells[:, 4:12].mean(axis=(1, 3)) < -1.0
        scores = np.zeros((1, 2, *dark.shape), np.float32)
        scores[0, 1] = np.where(dark, 6, -6)
        return [scores, np.zeros((1, 4, *dark.shape), np.float32)]


@pytest.mark.parametrize("options", [{"smallest_text": 12}, {}])
def test_a_line_across_tiles_is_one_line(options):
    scan = np.full((1600, 2800, 3), 255, np.uint8)
    bars = [(128, 208, 2608), (800, 64, 1408), (1504, 1200, 2752)]
    for y, x1, x2 in bars:
        scan[y : y + 16, x1:x2] = 0
    detect = DetectOptions((256, 384), anchor_heights=(16,), connector=ConnectorParams())
    boxes = TextDetector(DarkIsText(), detect, **options).find(scan).boxes
    boxes = sorted(boxes.tolist(), key=lambda box: box[1])
    assert len(boxes) == 3
    for (y, x1, x2), box in zip(bars, boxes, strict=True):
        assert np.abs(np.array(box) - (x1, y, x2, y + 16)).max() <= 18
    # In one input the lines are too low.
    assert len(TextDetector(DarkIsText(), detect, fixed=True).find(scan)) == 0


def test_a_small_limit_is_a_note():
    noise = np.random.default_rng(0).integers(0, 256, (1600, 2800, 3), np.uint8)
    detect = DetectOptions((256, 384), anchor_heights=(16,), connector=ConnectorParams())
    detector = TextDetector(DarkIsText(), detect, max_pixels=200_000)
    (note,) = detector.detect(detector.prepare(noise)).notes
    assert "--max_pixels_detected" in note and "may be missing" in note

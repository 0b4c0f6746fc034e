import numpy as np
import pytest

from src.common.errors import UserError
from src.ctpn.bbox_coder import decode_boxes
from src.ctpn.options import AssignOptions
from src.data.detection.options import AugmentOptions
from src.training.ctpn_samples import SampleMaker

SHAPE = (96, 160)
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (96, 160, 3), dtype=np.uint8)


def sample(maker, boxes, ignored=None, seed=0, image=IMAGE):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    ignored = np.zeros(len(boxes), bool) if ignored is None else np.array(ignored)
    return maker(image, boxes, ignored, np.random.default_rng(seed))


def learned(maker, result):
    """Slices that the targets stand for, as a set of (x1, y1, x2, y2) outer edges."""
    text = result.labels == 1
    return {tuple(box.round(1).tolist()) for box in decode_boxes(maker.anchors[text], result.delta_targets[text])}


def test_targets_are_the_slices_of_the_scaled_boxes():
    maker = SampleMaker(SHAPE)
    big = np.zeros((192, 480, 3), np.uint8)  # scaled by 1/3 and 1/2
    result = sample(maker, [[60, 40, 170, 99]], image=big)
    assert result.image.shape == (3, *SHAPE)
    assert result.labels.shape == (6 * 10 * 14,)
    assert learned(maker, result) == {(16, 20, 32, 50), (32, 20, 48, 50), (48, 20, 64, 50)}


def test_keep_ratio_scales_both_sides_alike():
    maker = SampleMaker(SHAPE, keep_ratio=True)
    result = sample(maker, [[64, 40, 95, 99]], image=np.zeros((192, 200, 3), np.uint8))
    assert learned(maker, result) == {(32, 20, 48, 50)}
    assert not result.image[:, :, 100:].any()


def test_boxes_beyond_the_image_are_clipped_and_corners_sorted():
    maker = SampleMaker(SHAPE)
    assert learned(maker, sample(maker, [[140, 30, 900, 60]])) == {(128, 30, 144, 61), (144, 30, 160, 61)}
    assert learned(maker, sample(maker, [[31, 60, 16, 30]])) == {(16, 30, 32, 61)}
    assert learned(maker, sample(maker, [[200, 30, 300, 60]])) == set()


def test_ignored_and_tiny_text_is_not_trained():
    boxes = [[16, 30, 31, 60], [64, 20, 79, 23]]
    both = SampleMaker(SHAPE)
    assert len(learned(both, sample(both, boxes))) == 2
    assert learned(both, sample(both, boxes, [True, False])) == {(64, 20, 80, 24)}
    tall = SampleMaker(SHAPE, min_text_height=5)
    assert learned(tall, sample(tall, boxes)) == {(16, 30, 32, 61)}


def test_min_cover_reaches_the_split():
    narrow = SampleMaker(SHAPE, min_cover=0.5)
    assert learned(narrow, sample(narrow, [[14, 30, 50, 60]])) == {(16, 30, 32, 61), (32, 30, 48, 61)}


def test_assignment_options_reach_the_assignment():
    maker = SampleMaker(SHAPE, assignment=AssignOptions(num_expected_neg=50))
    result = sample(maker, [[16, 30, 31, 60]])
    assert (result.labels >= 0).sum() == 50


def test_side_refinement_learns_the_true_ends():
    maker = SampleMaker(SHAPE, side_refinement=True)
    result = sample(maker, [[20, 30, 40, 60]])
    ends = result.delta_weights[:, 0] > 0
    assert ends.any()
    centers = (maker.anchors[ends, 0] + maker.anchors[ends, 2]) / 2
    np.testing.assert_allclose(
        centers + result.delta_targets[ends, 0] * 16, np.where(centers < 30, 20, 40), atol=1e-3
    )
    assert not (sample(SampleMaker(SHAPE), [[20, 30, 40, 60]]).delta_weights[:, 0] > 0).any()


def test_no_text_is_valid_with_every_augmentation():
    options = AugmentOptions(
        expand_ratio=1,
        crop_ratio=1,
        photo_ratio=1,
        colour_ratio=1,
        blur_ratio=1,
        noise_ratio=1,
        rotate_degrees=5,
    )
    maker = SampleMaker(SHAPE, options=options, side_refinement=True)
    for seed in range(5):
        result = sample(maker, [], seed=seed)
        assert set(result.labels.tolist()) == {-1, 0}
        assert not result.delta_weights.any()


def test_turned_lines_leave_the_image_as_ignored_or_not_at_all():
    maker = SampleMaker(SHAPE, options=AugmentOptions(rotate_degrees=30))
    for seed in range(20):
        result = sample(maker, [[0, 0, 159, 20], [0, 75, 159, 95]], seed=seed)
        boxes = np.array(sorted(learned(maker, result))).reshape(-1, 4)
        assert (boxes[:, 1] >= -0.1).all()
        assert (boxes[:, 3] <= 96.1).all()


def test_any_heights_and_any_multiple_of_16():
    maker = SampleMaker((32, 48), anchor_heights=(5, 9, 20))
    assert sample(maker, [[0, 0, 20, 10]]).labels.shape == (2 * 3 * 3,)


@pytest.mark.parametrize("shape", [(100, 160), (96, 0), (8, 160), (-16, 16)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(UserError, match="multiples of 16"):
        SampleMaker(shape)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.data.detection.augment import augment, move_boxes
from src.data.detection.options import AugmentOptions
from src.data.detection.preprocess import preprocess
from src.data.detection.split_boxes import split_boxes
from src.data.images.photometric import add_noise, blur, distort, recolor

SHAPE = (96, 160)
NOT = np.zeros(1, bool)


def image_with_box(height=120, width=200, box=(60, 40, 119, 69)):
    image = np.zeros((height, width, 3), np.uint8)
    image[box[1] : box[3] + 1, box[0] : box[2] + 1] = 255
    return image, np.array([box], np.float32)


def bright_box(image):
    mask = image[:, :, 0] > 127
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1], rows[-1]])


def run(options, seed=0, image=None, boxes=None, ignored=None, **kwargs):
    if image is None:
        image, boxes = image_with_box()
    ignored = np.zeros(len(boxes), bool) if ignored is None else ignored
    return augment(image, boxes, ignored, np.random.default_rng(seed), options, image_size=SHAPE, **kwargs)


def test_everything_off_is_the_preprocessing_of_evaluation():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (70, 110, 3), dtype=np.uint8)
    boxes = np.array([[3, 4, 50, 20], [60, 30, 100, 65]], np.float32)
    outer = np.array([0, 0, 1, 1])
    for keep_ratio in (False, True):
        result = run(AugmentOptions(), image=image, boxes=boxes, keep_ratio=keep_ratio)
        expected, scale = preprocess(image, SHAPE, keep_ratio)
        np.testing.assert_array_equal(preprocess(result.image, SHAPE, keep_ratio)[0], expected)
        edges = (boxes + outer) * [*scale, *scale]  # the right edge of a box lies at x2 + 1
        np.testing.assert_allclose(result.boxes, edges - outer, atol=1e-4)
        assert result.tilts.tolist() == [0, 0]


LEVEL = np.zeros(4)
GEOMETRY = {
    "expand": AugmentOptions(expand_ratio=1, expand_max=3),
    "crop": AugmentOptions(crop_ratio=1, crop_min=0.5),
    "flip": AugmentOptions(flip_ratio=1),
    "all": AugmentOptions(expand_ratio=0.5, crop_ratio=0.7, flip_ratio=0.5, stretch=2),
}


@pytest.mark.parametrize("keep_ratio", [False, True])
@pytest.mark.parametrize("name", GEOMETRY)
def test_boxes_follow_the_pixels(name, keep_ratio):
    places = []
    for seed in range(30):
        result = run(GEOMETRY[name], seed, keep_ratio=keep_ratio)
        assert len(result.boxes) == 1
        assert not result.ignored[0]
        np.testing.assert_allclose(bright_box(result.image), result.boxes[0], atol=1.6)
        if not keep_ratio:
            assert result.image.shape == (*SHAPE, 3)
        places.append(tuple(result.boxes[0].round(2)))
    assert len(set(places)) > (10 if name != "flip" else 0)


def test_expand_shrinks_and_crop_enlarges():
    plain = run(AugmentOptions()).boxes[0]
    width = plain[2] - plain[0]
    expanded = [run(AugmentOptions(expand_ratio=1), seed).boxes[0] for seed in range(40)]
    widths = np.array([box[2] - box[0] for box in expanded])
    assert (widths <= width + 1e-3).all()
    assert widths.min() < width / 2
    same = np.isclose(widths, width)
    assert 8 <= same.sum() <= 32  # half are left as they are
    cropped = [run(AugmentOptions(crop_ratio=1, stretch=1), seed).boxes[0] for seed in range(20)]
    assert min(box[2] - box[0] for box in cropped) >= width - 1e-3


def test_flip_mirrors():
    image, boxes = image_with_box(*SHAPE, box=(16, 10, 40, 30))
    result = run(AugmentOptions(flip_ratio=1), image=image, boxes=boxes)
    np.testing.assert_allclose(result.boxes[0], [160 - 41, 10, 160 - 17, 30], atol=1e-3)
    np.testing.assert_array_equal(result.image, image[:, ::-1])


def test_tilted_lines_stay_on_their_pixels():
    """A tilted bar beside a level one, turned, mirrored, cut and stretched with the image."""
    bars = np.array([[60, 90, 339, 129], [80, 160, 319, 189]], np.float32)
    tilts = np.array([0.2, 0.0], np.float32)
    image = np.zeros((240, 400, 3), np.uint8)
    for (x1, y1, x2, y2), tilt in zip(bars.astype(int), tilts, strict=True):
        for x in range(x1, x2 + 1):
            rise = round(float(tilt * (x - (x1 + x2) / 2)))
            image[y1 + rise : y2 + rise + 1, x] = 255
    for seed in range(12):
        options = AugmentOptions(rotate_degrees=8, flip_ratio=0.5, crop_ratio=0.5, crop_min=0.8, stretch=1.5)
        result = run(options, seed, image=image, boxes=bars, tilts=tilts)
        slices, box_index = split_boxes(result.boxes, tilt=result.tilts)
        inner = [part for box in range(len(result.boxes)) for part in slices[box_index == box][2:-2]]
        for left, top, right, bottom in inner:
            column = result.image[:, int((left + right) // 2), 0] > 127
            edges = np.flatnonzero(np.diff(column, prepend=False, append=False))
            if top > 1 and bottom < SHAPE[0] - 2:
                assert np.abs(edges - top).min() < 2
                assert np.abs(edges - 1 - bottom).min() < 2


def test_turned_slices_follow_the_turned_pixels():
    tilts = set()
    for seed in range(10):
        image, boxes = image_with_box(240, 400, box=(60, 100, 339, 139))
        result = run(AugmentOptions(rotate_degrees=10), seed, image=image, boxes=boxes)
        slices, _ = split_boxes(result.boxes, tilt=result.tilts)
        tilts.add(round(float(result.tilts[0]), 6))
        for left, top, right, bottom in slices[2:-2]:
            middle = int((left + right) // 2)
            rows = np.flatnonzero(result.image[:, middle, 0] > 127)
            assert abs(rows[0] - top) < 2
            assert abs(rows[-1] - bottom) < 2
    assert len(tilts) == 10
    assert max(tilts) > 0.05
    assert min(tilts) < -0.05


box_strategy = st.tuples(st.integers(-20, 190), st.integers(-20, 110), st.integers(0, 80), st.integers(0, 60))


@settings(max_examples=60, deadline=None)
@given(st.lists(box_strategy, max_size=6), st.integers(0, 10**6))
def test_any_boxes_end_inside_the_image(shapes, seed):
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in shapes], np.float32).reshape(-1, 4)
    image = np.zeros((120, 200, 3), np.uint8)
    options = AugmentOptions(expand_ratio=0.3, crop_ratio=0.8, flip_ratio=0.5)
    result = run(options, seed, image=image, boxes=boxes)
    assert len(result.boxes) == len(result.ignored) <= len(boxes)
    assert (result.boxes[:, :2] >= 0).all()
    assert (result.boxes[:, 2:] >= result.boxes[:, :2]).all()
    assert (result.boxes[:, 2] <= SHAPE[1]).all()
    assert (result.boxes[:, 3] <= SHAPE[0]).all()


def test_crop_keeps_text():
    rng = np.random.default_rng(3)
    for seed in range(40):
        x, y = rng.integers(0, 170), rng.integers(0, 105)
        image, boxes = image_with_box(box=(x, y, x + 29, y + 14))
        result = run(AugmentOptions(crop_ratio=1, crop_min=0.3), seed, image=image, boxes=boxes)
        assert result.ignored.tolist() == [False]
        assert result.boxes[0, 3] < SHAPE[0]


def test_what_is_cut_becomes_ignored_and_what_is_outside_goes():
    shift_up = np.array([[1.0, 0, 0], [0, 1, -12]])
    boxes = np.array([[10, 0, 60, 19], [10, 6, 60, 25], [10, 0, 60, 11], [10, 14, 60, 30]], np.float32)
    moved, ignored, _ = move_boxes(
        boxes, np.array([False, False, False, True]), LEVEL[:4], shift_up, size=SHAPE, min_visible=0.6
    )
    assert moved.tolist() == [[10, 0, 60, 7], [10, 0, 60, 13], [10, 2, 60, 18]]
    assert ignored.tolist() == [True, False, True]

    shift_left = np.array([[1.0, 0, -55], [0, 1, 0]])
    boxes = np.array([[10, 0, 60, 19], [0, 0, 70, 19], [52, 0, 57, 19]], np.float32)
    moved, ignored, _ = move_boxes(boxes, np.zeros(3, bool), LEVEL[:3], shift_left, size=SHAPE, min_visible=0.6)
    assert moved.tolist() == [[0, 0, 5, 19], [0, 0, 15, 19], [0, 0, 2, 19]]
    assert ignored.tolist() == [True, False, True]


def test_min_visible_is_used():
    shift_up = np.array([[1.0, 0, 0], [0, 1, -12]])
    box = np.array([[10, 0, 60, 19]], np.float32)
    assert move_boxes(box, NOT, LEVEL[:1], shift_up, size=SHAPE, min_visible=0.3)[1].tolist() == [False]
    assert move_boxes(box, NOT, LEVEL[:1], shift_up, size=SHAPE, min_visible=0.5)[1].tolist() == [True]


@pytest.mark.parametrize("name", ["photo_ratio", "colour_ratio", "blur_ratio", "noise_ratio"])
def test_pixel_options_change_pixels_only_and_at_their_share(name):
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    boxes = np.array([[5, 5, 60, 40]], np.float32)
    before = image.copy()
    changed = 0
    for seed in range(40):
        result = run(AugmentOptions(**{name: 0.5}), seed, image=image, boxes=boxes)
        changed += (result.image != image).any()
        np.testing.assert_array_equal(result.boxes, boxes)
        assert result.image.dtype == np.uint8
        assert result.image.shape == image.shape
    assert 8 <= changed <= 32
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    "effect", [distort, recolor, lambda i, r: blur(i, r, 2.0), lambda i, r: add_noise(i, r, 10.0)]
)
def test_effects_are_a_function_of_the_generator(effect):
    image = np.random.default_rng(2).integers(0, 256, (37, 300, 3), dtype=np.uint8)
    results = [effect(image, np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4)]
    np.testing.assert_array_equal(results[0], results[1])
    assert any((results[0] != other).any() for other in results[2:])


def test_blur_smooths_and_noise_has_the_strength_asked_for():
    image = np.random.default_rng(2).integers(60, 190, (300, 300, 3), dtype=np.uint8)
    for seed in range(12):
        assert blur(image, np.random.default_rng(seed), 2.0).std() < image.std()
    weak = [np.std(add_noise(image, np.random.default_rng(s), 12.0) - image.astype(float)) for s in range(20)]
    assert min(weak) > 0.2 * 12 - 0.3
    assert 8 < max(weak) < 12.3


def test_distortion_stays_in_its_limits():
    gray = np.full((8, 8, 3), 128, np.uint8)
    levels = [distort(gray, np.random.default_rng(seed)).max() for seed in range(200)]
    assert min(levels) >= (128 - 32) * 0.5 - 1
    assert max(levels) <= (128 + 32) * 1.5 + 1
    assert max(levels) > 180
    assert min(levels) < 80


def test_same_generator_same_result_and_other_generator_other_result():
    options = AugmentOptions(crop_ratio=1, photo_ratio=1, blur_ratio=0.5, noise_ratio=0.5, rotate_degrees=5)
    first, again, other = run(options, 7), run(options, 7), run(options, 8)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert (first.image != other.image).any()


def test_image_without_text():
    options = AugmentOptions(expand_ratio=1, crop_ratio=1, flip_ratio=1, photo_ratio=1)
    result = run(options, image=np.full((50, 70, 3), 9, np.uint8), boxes=np.zeros((0, 4)))
    assert result.boxes.shape == (0, 4)
    assert result.ignored.shape == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"expand_ratio": 1.5},
        {"photo_ratio": -0.1},
        {"expand_max": 0.5},
        {"crop_min": 0},
        {"blur_sigma": float("nan")},
    ],
)
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        AugmentOptions(**wrong)

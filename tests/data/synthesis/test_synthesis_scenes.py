"""Rendered scenes: every drawn text has a tight box, and the same seed gives the same scene."""

import json
import pickle
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.common.errors import UserError
from src.common.folder_lock import hold_folder
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.degradations import jpeg, low_resolution, motion_blur, sensor_noise, uneven_light
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.lexicon import TextSampler
from src.data.synthesis.manifest import MANIFEST
from src.data.synthesis.paint import Paint, apply_paint, blend, distance, visible_color
from src.data.synthesis.scene_folder import write_scenes
from src.data.synthesis.scene_style import SceneStyle
from src.data.synthesis.scenes import SceneSource
from src.data.synthesis.textures import noise_field

CLEAN = SceneStyle(
    blocks=(2, 4),
    most_lines=3,
    most_words=3,
    type_size=(0.06, 0.15),
    smallest=14,
    angle=3.0,
    perspective=0.1,
    panel=0.0,
    contrast=90,
    effects=0.0,
    spoil=0.0,
    shapes=0,
    curved=0.1,
)


class Wall:
    """A plain gray background, so that whatever differs from it is ink."""

    def image(self, rng, height, width):
        return np.full((height, width, 3), 128, np.float32)


@pytest.fixture(scope="module")
def book():
    return FontBook()


def source(book, **options):
    settings = {"size": (384, 256), "difficulty": "easy", "seed": 3} | options
    return SceneSource(book, TextSampler(), settings.pop("backgrounds", Backgrounds()), **settings)


def inside(box, mask):
    x1, y1, x2, y2 = box
    return mask[y1 : y2 + 1, x1 : x2 + 1]


def test_boxes_hold_all_ink_and_are_tight(book):
    clean = source(book, backgrounds=Wall(), difficulty=CLEAN, size=(480, 320))
    found = 0
    for index in range(8):
        scene = clean.sample(index)
        ink = distance(scene.image.astype(np.float32), np.full(3, 128.0)) > 12
        left_over = ink.copy()
        for box, _ in scene.words:
            x1, y1, x2, y2 = box
            assert 0 <= x1 <= x2 < 480 and 0 <= y1 <= y2 < 320
            part = inside(box, ink)
            for edge in (part[:3], part[-3:], part[:, :3], part[:, -3:]):
                assert edge.any(), (index, box)  # nothing to trim
            left_over[max(y1 - 2, 0) : y2 + 3, max(x1 - 2, 0) : x2 + 3] = False
            found += 1
        assert not left_over.any(), index  # nothing drawn without a box
    assert found > 20


def test_text_stands_out_and_does_not_overlap(book):
    for index in range(8):
        scene = source(book).sample(index)
        boxes = np.array([box for box, _ in scene.words]).reshape(-1, 4)
        for i, (x1, y1, x2, y2) in enumerate(boxes):
            others = np.delete(boxes, i, axis=0)
            apart = (others[:, 0] > x2) | (others[:, 2] < x1) | (others[:, 1] > y2) | (others[:, 3] < y1)
            assert apart.all(), index
            gray = cv2.cvtColor(inside((x1, y1, x2, y2), scene.image), cv2.COLOR_RGB2LAB).astype(np.float32)
            spread = np.percentile(gray, 97, axis=(0, 1)) - np.percentile(gray, 3, axis=(0, 1))
            assert spread.max() > 25, (index, scene.words[i])


def test_line_boxes_are_the_union_of_their_words(book):
    seen = 0
    for index in range(6):
        scene = source(book, difficulty="medium").sample(index)
        texts = [text for _, text in scene.words]
        for (x1, y1, x2, y2), line in scene.lines:
            count = len(line.split(" "))
            members, texts = texts[:count], texts[count:]
            assert " ".join(members) == line
            boxes = np.array([box for box, _ in scene.words][seen : seen + count])
            assert (x1, y1) == tuple(boxes[:, :2].min(0)) and (x2, y2) == tuple(boxes[:, 2:].max(0))
            seen += count
        seen = 0
        assert not texts


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_scene_depends_on_seed_and_index_alone(book, difficulty):
    first = source(book, difficulty=difficulty)
    later = pickle.loads(pickle.dumps(first))
    later.sample(0)  # what was drawn before must not matter
    a, b = first.sample(5), later.sample(5)
    assert np.array_equal(a.image, b.image) and a.words == b.words
    assert a.image.shape == (256, 384, 3) and a.image.dtype == np.uint8
    assert not np.array_equal(a.image, source(book, difficulty=difficulty, seed=4).sample(5).image)


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_small_images_hold_words_that_fit(book, difficulty):
    """Words that are too long for 64 pixels in the smallest type are passed over."""
    small = source(book, size=(64, 64), difficulty=difficulty)
    scenes = [small.sample(index) for index in range(30)]
    boxes = np.array([box for scene in scenes for box, _ in scene.words])
    assert len(boxes) > 20
    assert boxes.min() >= 0 and boxes.max() < 64


def test_folder_is_icdar_2013_and_the_same_for_any_number_of_processes(book, tmp_path):
    small = source(book, size=(128, 96))
    for name, workers in (("one", 1), ("two", 2)):
        manifest = write_scenes(small, tmp_path / name, 5, workers=workers, arguments={"seed": 3})
        assert json.loads((tmp_path / name / "manifest.json").read_text()) == manifest
        assert manifest["counts"]["images"] == 5 and manifest["arguments"] == {"seed": 3}
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 16
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    words = 0
    for number in range(1, 6):
        assert cv2.imread(str(tmp_path / "one" / "images" / f"img_{number}.jpg")).shape == (96, 128, 3)
        for line in (tmp_path / "one" / "gt" / f"gt_img_{number}.txt").read_text().splitlines():
            assert re.fullmatch(r'\d+, \d+, \d+, \d+, ".+"', line)
            words += 1
    assert words == manifest["counts"]["words"]
    with pytest.raises(UserError, match="already holds"):
        write_scenes(small, tmp_path / "one", 5)


def test_what_is_in_the_folder_stays(book, tmp_path):
    """Images of a user, and a set whose build was killed."""
    small = source(book, size=(64, 64))
    mine = tmp_path / "mine" / "images" / "img_1.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"precious")
    with pytest.raises(UserError, match="holds images and no manifest.json; name a new folder"):
        write_scenes(small, tmp_path / "mine", 2)
    assert mine.read_bytes() == b"precious"
    (tmp_path / "killed" / ".scenes.building" / "images").mkdir(parents=True)
    (tmp_path / "killed" / ".scenes.building" / "images" / "img_9.jpg").touch()
    with hold_folder(tmp_path / "killed", "build", print), pytest.raises(UserError, match="another build writes"):
        write_scenes(small, tmp_path / "killed", 2)
    write_scenes(small, tmp_path / "killed", 2)
    assert sorted(path.name for path in (tmp_path / "killed").rglob("*")) == [
        *("gt", "gt_img_1.txt", "gt_img_1.txt", "gt_img_2.txt", "gt_img_2.txt", "gt_lines", "images"),
        *("img_1.jpg", "img_2.jpg", "manifest.json"),
    ]


@pytest.mark.parametrize("kind", ["write_bytes", "write_text"])
def test_a_full_disk_names_the_file(book, tmp_path, monkeypatch, kind):
    """The system does not, for what it is asked to write into an open file."""

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, kind, full)
    with pytest.raises(UserError, match=r"cannot write .*img_1\.(jpg|txt): No space left on device"):
        write_scenes(source(book, size=(64, 64)), tmp_path / "out", 1)


def test_a_manifest_cut_short_does_not_mark_a_folder_as_finished(book, tmp_path, monkeypatch, no_room_for):
    small = source(book, size=(64, 64))
    no_room_for(MANIFEST)
    with pytest.raises(UserError, match=f"{MANIFEST}: No space left"):
        write_scenes(small, tmp_path, 2)
    monkeypatch.undo()
    assert write_scenes(small, tmp_path, 2) == json.loads((tmp_path / MANIFEST).read_text())


def test_photographs_are_used_and_bad_ones_named(book, tmp_path, caplog):
    (tmp_path / "blue.png").write_bytes(cv2.imencode(".png", np.full((90, 90, 3), (200, 10, 10), np.uint8))[1])
    blue = Backgrounds([tmp_path], photo_share=1.0).image(np.random.default_rng(0), 60, 80)
    assert blue.shape == (60, 80, 3) and np.allclose(blue, (10, 10, 200))
    (tmp_path / "blue.png").write_bytes(b"")
    surface = Backgrounds([tmp_path], photo_share=1.0).image(np.random.default_rng(0), 60, 80)
    assert surface.shape == (60, 80, 3) and "blue.png" in caplog.text  # one bad file does not end a long training
    archive = cv2.imencode(".jp2", np.full((90, 90, 3), 200, np.uint8))[1]  # OpenCV crashes on damaged ones
    (tmp_path / "blue.png").write_bytes(archive)
    Backgrounds([tmp_path], photo_share=1.0).image(np.random.default_rng(0), 60, 80)
    assert "backgrounds are JPEG, PNG, BMP, WEBP" in caplog.text
    (tmp_path / "blue.png").unlink()
    with pytest.raises(UserError, match="backgrounds"):
        Backgrounds([tmp_path])


def test_blend_and_opacity_follow_the_formula():
    rng = np.random.default_rng(0)
    canvas = rng.random((5, 7, 3), dtype=np.float32) * 255
    cover = rng.random((5, 7), dtype=np.float32)
    color = np.array([10, 200, 90], np.float32)
    expected = canvas * (1 - cover[..., None]) + cover[..., None] * color
    blend(canvas, cover, color)
    assert np.allclose(canvas, expected, atol=1e-3)


@pytest.mark.parametrize(
    "paint",
    [
        Paint(250.0),
        Paint(250.0, hollow=True, outline=1.5),
        Paint(250.0, second=200.0),
        Paint(250.0, shadow=(2.0, 2.0, 1.0)),
        Paint(250.0, outline=2.0, outline_color=0.0),
        Paint(250.0, relief=20.0),
    ],
)
def test_every_paint_leaves_ink(paint):
    ink = np.zeros((30, 40), np.uint8)
    ink[10:20, 10:30] = 255
    canvas = np.full((30, 40), 100, np.float32)
    apply_paint(canvas, ink, paint)
    assert (np.abs(canvas - 100) > 60).sum() >= 60
    if paint.hollow:
        assert canvas[15, 20] == 100
    if paint.shadow:
        assert canvas[20, 31] < 90
    if paint.outline and not paint.hollow:
        assert canvas[9, 20] < 50 and canvas[15, 20] == 250


def test_colors_keep_their_distance():
    rng = np.random.default_rng(1)
    for _ in range(300):
        background = rng.random(3).astype(np.float32) * 255
        assert distance(visible_color(rng, background, 70), background) >= 70


def test_degradations_do_what_they_say():
    rng = np.random.default_rng(0)
    flat = np.full((120, 160, 3), 100, np.float32)
    assert (sensor_noise(rng, flat, 8.0) - 100).std() == pytest.approx(8, rel=0.3)
    assert np.abs(uneven_light(rng, flat, 0.3) - 100).max() <= 30.01
    edge = np.zeros((40, 40), np.float32)
    edge[:, 20:] = 200
    across, along = motion_blur(edge, 9, 0.0), motion_blur(edge, 9, np.pi / 2)
    assert 20 < across[20, 19] < 180 and along[20, 18] == pytest.approx(0, abs=1)
    assert np.abs(low_resolution(edge, 4) - edge).max() > 20
    image = np.clip(sensor_noise(rng, flat, 8.0), 0, 255).astype(np.uint8)
    assert jpeg(image, 60).shape == image.shape and not np.array_equal(jpeg(image, 20), image)
    assert noise_field(rng, 700, 3000).shape == (700, 3000)  # larger than the bank

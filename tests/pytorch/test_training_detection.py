"""Images and samples of the detector in PyTorch: held-out images, stages, and the same arrays as train.py makes."""

import pickle

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_feed import DetectionFeed, to_device
from pytorch.detection_images import listed, read_images
from pytorch.detection_samples import DetectionMaker, DetectionTask, Stage
from pytorch.detection_sets import make_maker, read_train_sets, read_val_sets, set_name
from src.common.errors import UserError
from src.common.options import OptionError
from src.data.detection.options import AugmentOptions
from src.data.synthesis.backgrounds import Backgrounds
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.lexicon import TextSampler
from src.data.synthesis.scenes import SceneSource
from src.model_utils.load_options import load_options
from src.training.ctpn_samples import SampleMaker

CPU = torch.device("cpu")
SHAPE = (64, 96)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five images, of which number 4 has no text and one is damaged."""
    path = tmp_path_factory.mktemp("set")
    for kind in ("images", "gt"):
        (path / kind).mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (80, 120, 3), np.uint8)
        cv2.imwrite(str(path / "images" / f"{number}.png"), pixels)
        lines = "" if number == 4 else f'{10 + number}, 20, 90, 50, "Word"\n5, 60, 60, 75, "###"\n'
        (path / "gt" / f"gt_{number}.txt").write_text(lines)
    (path / "images" / "bad.png").write_bytes(b"nothing")
    (path / "gt" / "gt_bad.txt").write_text('1, 1, 9, 9, "x"\n')
    return [str(path / "images"), str(path / "gt")]


def test_images_and_held_out_ones(folder, tmp_path):
    images = read_images(folder)
    assert sorted(image.name for image in images) == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    assert images[1].boxes.tolist() == [[11, 20, 90, 50], [5, 60, 60, 75]] and images[1].ignored.tolist() == [
        0,
        1,
    ]
    (tmp_path / "val.txt").write_text("1.png\n3.png\n")
    (tmp_path / "out.txt").write_text("4.png\n")
    triple = str([*folder, str(tmp_path / "val.txt")])
    config = load_options(
        CtpnRecipe,
        ["--train_images", f"[{folder}, {folder}]", "--val_images", f"[{triple}]", "--join_words", "False"],
    )
    validation = read_val_sets(config)[set_name(folder)]
    sets = read_train_sets(config, validation)
    assert [image.name for image in validation] == ["1.png", "3.png"]
    assert [[image.name for image in part] for part in sets] == [["0.png", "2.png", "4.png"]] * 2
    left_out = config.replace(leave_out=[[*folder, str(tmp_path / "out.txt")]])
    assert [[image.name for image in part] for part in read_train_sets(left_out, validation)] == [
        ["0.png", "2.png"]
    ] * 2
    with pytest.raises(UserError, match="1 of 1 listed images"):
        listed(images, ["9.png"])
    with pytest.raises(UserError, match="image_weight: .* 2 train_images"):
        read_train_sets(config.replace(image_weight=[1]), validation)
    with pytest.raises(UserError, match="nothing but images that are left out or validate"):
        read_train_sets(config, images)
    with pytest.raises(OptionError, match="val_images: is empty"):
        read_val_sets(config.replace(val_images=[]))
    with pytest.raises(UserError, match="two sets are called"):
        read_val_sets(config.replace(val_images=[folder, folder]))


@pytest.mark.parametrize("key", ["train_images", "val_images"])
def test_a_missing_folder_is_named_with_its_key(folder, key, tmp_path):
    config = CtpnRecipe(train_images=[folder], val_images=[folder]).replace(**{key: [[str(tmp_path), "no/gt"]]})
    read = read_val_sets if key == "val_images" else lambda config: read_train_sets(config, [])
    with pytest.raises(OptionError, match=f"{key}: 'no/gt' does not exist"):
        read(config)


def maker_of(folder, scene_share=0.0, **options):
    stage = Stage([SampleMaker(SHAPE, options=AugmentOptions(**options), side_refinement=True)], scene_share, [1.0])
    scenes = SceneSource(FontBook(), TextSampler(), Backgrounds(), size=(96, 64), difficulty="easy", seed=3)
    return DetectionMaker([read_images(folder)], [scenes], [stage], 2.0, 7)


def test_tensors_are_what_train_py_makes(folder):
    """Sparse uint8 samples, put together on the device, beside `SampleMaker` itself."""
    images = read_images(folder)
    make = SampleMaker(SHAPE, side_refinement=True)
    maker = DetectionMaker([images], [], [Stage([make], 0.0, [1.0])], 2.0, 7)
    samples = [sample for number in range(6) for sample in maker(DetectionTask(0, number, 1))]
    batch = to_device(samples, CPU)
    assert batch.images.shape == (6, 3, *SHAPE) and batch.images.is_contiguous(memory_format=torch.channels_last)
    for number in range(6):
        rng = np.random.default_rng([7, number])
        rng.choice(1, p=[1.0])
        chosen = images[int(rng.integers(len(images)))]
        expected = make(chosen.decode(), chosen.boxes, chosen.ignored, rng)
        np.testing.assert_allclose(batch.images[number], expected.image, atol=1e-5)
        np.testing.assert_array_equal(batch.labels[number], expected.labels)
        np.testing.assert_array_equal(
            batch.targets[number] * batch.weights[number].bool(),
            expected.delta_targets * (expected.delta_weights > 0),
        )
        np.testing.assert_array_equal(batch.weights[number], expected.delta_weights)
    assert batch.weights.any()


def test_scenes_are_drawn_again_and_replaced(folder, monkeypatch):
    maker = maker_of(folder, scene_share=1.0)
    drawn = []
    sample = SceneSource.sample
    monkeypatch.setattr(SceneSource, "sample", lambda self, index: drawn.append(index) or sample(self, index))
    for number in range(60):
        maker(DetectionTask(0, number, 1))
    assert drawn[:16] == list(range(16))
    assert 16 + 10 < len(drawn) < 16 + 34  # about every second one after that
    assert pickle.loads(pickle.dumps(maker))._ring == []
    drawn.clear()
    maker_of(folder, scene_share=0.0)(DetectionTask(0, 0, 20))
    assert drawn == []


def test_batches_come_in_order_from_processes(folder):
    maker = maker_of(folder, scene_share=0.0, photo_ratio=1.0)
    expected = [maker(DetectionTask(0, number, 1))[0] for number in range(6)]
    feed = DetectionFeed(maker, batch_size=2, workers=1, device=CPU, first=2)
    try:
        first, second = feed.batch(0), feed.batch(0)
    finally:
        feed.close()
    assert feed.position == 6
    for batch, samples in ((first, expected[2:4]), (second, expected[4:6])):
        for name in ("images", "labels", "targets"):
            assert torch.equal(getattr(batch, name), getattr(to_device(samples, CPU), name))


def test_stages_of_the_recipe(folder):
    config = load_options(CtpnRecipe, ["--img_width", "96", "--img_height", "64"]).replace(
        train_images=[folder, folder], image_weight=[3, 1], finetune_weight=[1, 0]
    )
    maker = make_maker(config, [read_images(folder)] * 2)
    first, last = maker.stages
    assert (first.scene_share, last.scene_share) == (config.scene_share, config.finetune_scene_share)
    assert (first.set_weights, last.set_weights) == ([3, 1], [1, 0])
    assert (first.makers[0].options.crop_ratio, last.makers[0].options.crop_ratio) == (0.5, 0.4)
    with pytest.raises(UserError, match="train_images: is empty"):
        make_maker(config, [])


@pytest.mark.parametrize("name", ["ctpn_full", "ctpn_full_2", "ctpn_full_3", "ctpn_student"])
def test_recipes_lie_over_the_one_with_every_key(folder, name):
    recipe = CtpnRecipe.file.with_name(f"{name}.yaml")
    config = load_options(CtpnRecipe, ["--config_path", str(recipe)])
    assert (config.schedule, config.minutes) == ("constant", 0)
    maker = make_maker(config, [read_images(folder)])
    assert all(side % 16 == 0 for stage in maker.stages for each in stage.makers for side in each.image_size)
    assert bool(config.freeze_until) == (name != "ctpn_student")

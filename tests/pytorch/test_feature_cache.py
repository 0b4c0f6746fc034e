"""Features of frozen layers on disk: the cache, the batches from it, and a whole training that stops and goes on."""

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pytorch import train_ctpn
from pytorch.ctpn import Ctpn, freeze_until
from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_feed import CachedFeed
from pytorch.detection_images import read_images
from pytorch.detection_samples import DetectionMaker, DetectionSample, Stage
from pytorch.detection_validation import DetectionValidation
from pytorch.feature_cache import FeatureCache, layers_key
from pytorch.run_folder import FINAL, STATE
from src.common.errors import UserError
from src.model_utils.load_options import load_options
from src.training.ctpn_samples import SampleMaker

CPU = torch.device("cpu")
SIZES = ((48, 64), (64, 48))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four level and two upright images."""
    path = tmp_path_factory.mktemp("set")
    for kind in ("images", "gt"):
        (path / kind).mkdir()
    for number in range(6):
        size = (60, 80, 3) if number < 4 else (80, 60, 3)
        pixels = np.random.default_rng(number).integers(0, 256, size, np.uint8)
        cv2.imwrite(str(path / "images" / f"{number}.png"), pixels)
        (path / "gt" / f"gt_{number}.txt").write_text('10, 20, 50, 40, "Word"\n')
    return [str(path / "images"), str(path / "gt")]


def sample(value, labels=12):
    return DetectionSample(
        np.zeros((4, 4, 3), np.uint8),
        np.full(labels, value, np.int8),
        np.array([value]),
        np.full((1, 4), value, np.float32),
        np.ones((1, 4), np.float32),
    )


def test_a_cache_keeps_the_newest_and_is_read_again(tmp_path):
    cache = FeatureCache(tmp_path, "key", capacity=4)
    for number in range(6):
        size = (2, 3) if number % 2 else (3, 2)
        cache.add(number, sample(number), np.full((5, *size), number / 4, np.float32))
    again = FeatureCache(tmp_path, "key", capacity=4)
    assert len(cache) == len(again) == len(list(tmp_path.glob("*.npz"))) == 4
    seen = set()
    for seed in range(20):
        drawn = again.draw(np.random.default_rng(seed), 2)
        assert len(drawn) == 2 and len({item.image.shape for item in drawn}) == 1
        for item in drawn:
            number = int(item.labels[0])
            seen.add(number)
            assert item.image.dtype == np.float16 and (item.image == number / 4).all()
            assert item.targets.tolist() == [[number] * 4] and item.anchors.tolist() == [number]
    assert seen == {2, 3, 4, 5}
    with pytest.raises(UserError, match="features of other layers"):
        FeatureCache(tmp_path, "other", capacity=4)


def test_damaged_files_cost_themselves_alone(tmp_path):
    cache = FeatureCache(tmp_path, "key", capacity=9)
    for number in range(3):
        cache.add(number, sample(number), np.zeros((5, 2, 3), np.float32))
    files = sorted(tmp_path.glob("*.npz"))
    files[0].write_bytes(files[0].read_bytes()[:-30])
    np.savez(files[1].open("wb"), image=np.zeros(3))
    for name in ("notes_2x.npz", "x_2x3.npz", "000001_2x3.txt"):
        (tmp_path / name).touch()
    again = FeatureCache(tmp_path, "key", capacity=9)
    drawn = [again.draw(np.random.default_rng(seed), 3) for seed in range(3)]
    assert [[int(item.labels[0]) for item in items] for items in drawn] == [[2]] * 3 and len(again) == 1
    files[2].write_bytes(b"")
    with pytest.raises(UserError, match="are damaged; remove the folder"):
        again.draw(np.random.default_rng(0), 3)
    (tmp_path / "layers.txt").write_bytes(b"\xff")
    with pytest.raises(UserError, match="features of other layers"):
        FeatureCache(tmp_path, "key", capacity=9)


def test_features_of_validation_images_are_those_of_their_files(folder, tmp_path):
    """Not of other files of their names; a damaged one is made anew."""
    torch.manual_seed(0)
    model = Ctpn(1 / 8).eval()
    config = CtpnRecipe(img_height=48, img_width=64, freeze_until="conv1_2")
    images = [replace(image, name="a.png") for image in read_images(folder)[:2]]

    validation = DetectionValidation(config, {"set": images}, CPU, False, tmp_path)
    for _ in range(2):
        list(validation.maps(model, "set"))
        stored = [np.load(file) for file in (tmp_path / "set").glob("*_48x64.npy")]
        assert len(stored) == 2 and (stored[0] != stored[1]).any()
        for file in (tmp_path / "set").glob("*.npy"):
            file.write_bytes(file.read_bytes()[:-7])


def test_the_key_knows_the_frozen_layers_only():
    torch.manual_seed(0)
    model = Ctpn(1 / 8)
    key = layers_key(model, "conv2_2")
    assert layers_key(model, "conv3_1") != key
    with torch.no_grad():
        model.vgg16_feature_extractor.conv3_1[0].weight += 1
        assert layers_key(model, "conv2_2") == key
        model.vgg16_feature_extractor.conv2_2[1].running_var += 1
    assert layers_key(model, "conv2_2") != key


def test_features_of_a_batch_are_those_of_its_images(folder, tmp_path):
    torch.manual_seed(0)
    model = Ctpn(1 / 8)
    freeze_until(model, "conv5_1")
    makers = [SampleMaker(size, side_refinement=True) for size in SIZES]
    maker = DetectionMaker([read_images(folder)], [], [Stage(makers, 0.0, [1.0])], 2.0, 7)
    cache = FeatureCache(tmp_path, "key", 100)

    def features(image):
        with torch.no_grad():
            return model.vgg16_feature_extractor.until("conv5_1", image)

    feed = CachedFeed(maker, cache, features, batch_size=2, reuse=3.0, device=CPU, state={"position": 0, "drawn": 0})
    made = (feed.batch(0) for _ in range(30 + 20))
    batches = [batch for batch in made if batch is not None]
    assert len(batches) == 30
    assert feed.state() == {"position": 20, "drawn": 60} and len(cache) == 20
    assert {tuple(batch.images.shape[2:]) for batch in batches} == {(3, 4), (4, 3)}
    for batch in batches:
        assert batch.images.dtype == torch.float32 and batch.weights.any()
        score_map, _ = model.from_features("conv5_1", batch.images)
        assert score_map[0].numel() == 2 * len(batch.labels[0])


@pytest.mark.parametrize("cached", [True, False])
def test_a_training_with_frozen_layers_stops_and_goes_on(folder, tmp_path, monkeypatch, cached):
    def run(*more):
        arguments = [
            "--output",
            str(tmp_path / "out"),
            "--train_images",
            f"[{folder}]",
            "--val_images",
            str([[*folder, str(tmp_path / "val.txt")]]),
            "--backbone_width",
            "0.125",
            "--img_height",
            "48",
            "--img_width",
            "64",
            "--train_sizes",
            str([list(size) for size in SIZES]),
            "--scene_share",
            "0",
            "--batch_size",
            "2",
            "--workers",
            "0",
            "--freeze_until",
            "conv5_2",
            "--device",
            "cpu",
            "--precision",
            "fp32",
            "--feature_cache",
            str(tmp_path / "cache") if cached else "",
            "--feature_reuse",
            "4",
            "--log_seconds",
            "0",
            *more,
        ]
        monkeypatch.setattr(train_ctpn, "load_options", lambda model, _: load_options(model, arguments))
        return train_ctpn.main()

    (tmp_path / "val.txt").write_text("5.png\n")
    assert run("--minutes", "0", "--schedule", "constant", "--stop_after_minutes", "0.0001") == 0
    first = torch.load(tmp_path / "out" / STATE, weights_only=True)
    assert first["step"] >= 1 and not (tmp_path / "out" / FINAL).exists()
    log = (tmp_path / "out" / "train.log").read_text()
    assert ("making the features of 16 samples" in log) == cached
    assert f"stopped by its time at step {first['step']};" in log and "%" not in log
    cool = ("--minutes", "0", "--schedule", "constant", "--resume", "True", "--cooldown_minutes", "0.01")
    assert run(*cool) == 0
    last = torch.load(tmp_path / "out" / STATE, weights_only=True)
    assert last["step"] > first["step"] and last["data"]["position"] >= first["data"]["position"]
    for name, value in first["model"].items():
        frozen = any(f"conv{layer}" in name for layer in ("1_", "2_", "3_", "4_", "5_1", "5_2"))
        if frozen or "num_batches_tracked" not in name:
            assert torch.equal(value, last["model"][name]) == frozen, name
    assert (tmp_path / "out" / FINAL).exists()
    rows = list(csv.DictReader((tmp_path / "out" / "curve.csv").open()))
    assert len(rows) == 1 and "hmean" in rows[0]
    assert bool(list((tmp_path / "cache").rglob("*_48x64.npy"))) == cached
    with pytest.raises(UserError, match="schedule: constant has no end"):
        run("--schedule", "constant", "--resume", "True")

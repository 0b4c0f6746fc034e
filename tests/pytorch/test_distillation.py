"""A small detector learns what a large one says: samples, loss, training, and pruned filters to begin with."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pytorch import make_teacher_samples, train_ctpn
from pytorch.convert import norm_to_mindspore
from pytorch.ctpn import Ctpn
from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.detection_samples import DetectionSample
from pytorch.distill_loss import distill_loss
from pytorch.prune_ctpn import pruned_backbone
from pytorch.run_folder import FINAL
from pytorch.start_weights import load_ctpn_start
from pytorch.teacher_samples import read_sample, teacher_sample, write_sample
from src.common.errors import UserError
from src.ctpn.topology import BACKBONE
from src.model_utils.load_options import load_options

ANCHORS = 14


def maps_of(generator, rows=2, columns=3):
    return [torch.randn((2, count * ANCHORS, rows, columns), generator=generator) for count in (2, 4)]


def as_teacher(score_map, delta_map):
    """Probability (B, N) and offsets (B, N, 4) of maps, by the definition of their layout."""
    batch = len(score_map)
    scores = score_map.permute(0, 2, 3, 1).reshape(batch, -1, 2)
    return scores.softmax(dim=-1)[..., 1], delta_map.permute(0, 2, 3, 1).reshape(batch, -1, 4)


def test_a_sample_survives_its_file(tmp_path):
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (4, 6, 3), np.uint8), (96, 64))
    number = 4 * 6 * ANCHORS
    sample = DetectionSample(
        image,
        rng.integers(-1, 2, number).astype(np.int8),
        np.array([3, 9], np.int32),
        rng.random((2, 4), np.float32),
        np.ones((2, 4), np.float32),
    )
    score_map, delta_map = (rng.standard_normal((count * ANCHORS, 4, 6)).astype(np.float32) for count in (2, 4))
    made = teacher_sample(sample, score_map - 1, delta_map)
    write_sample(tmp_path / "000000_64x96.npz", made)
    again = read_sample(tmp_path / "000000_64x96.npz")
    assert np.abs(again.sample.image.astype(int) - image).mean() < 4
    np.testing.assert_array_equal(again.sample.labels, sample.labels)
    np.testing.assert_array_equal(again.sample.targets, sample.targets)
    probability, offsets = as_teacher(torch.from_numpy(score_map[None] - 1), torch.from_numpy(delta_map[None]))
    np.testing.assert_allclose(again.probability / 255, probability[0], atol=0.003)
    np.testing.assert_allclose(again.offsets, offsets[0][again.seen], atol=2e-3)
    assert 0 < len(again.seen) < number or (probability > 0.05).all()


def test_the_loss_is_least_for_the_teacher_itself():
    generator = torch.Generator().manual_seed(0)
    teacher, other = maps_of(generator), maps_of(generator)
    probability, offsets = as_teacher(*teacher)
    options = {"hard_negatives": 10, "reg_weight": 3.0}
    own, others = (distill_loss(*maps, probability, offsets, **options) for maps in (teacher, other))
    assert own < others
    student = [value.clone().requires_grad_() for value in other]
    optimizer = torch.optim.Adam(student, lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        distill_loss(*student, probability, offsets, **options).backward()
        optimizer.step()
    final = distill_loss(*student, probability, offsets, **options)
    assert final < own + 0.1 * (others - own)
    assert not student[1].grad.reshape(2, ANCHORS, 4, 2, 3)[:, :, 2].any()  # log dw is learned by nobody


def test_the_strongest_filters_are_kept_with_their_inputs(tmp_path):
    torch.manual_seed(0)
    wide = Ctpn(1 / 4).eval()
    for name, module in wide.vgg16_feature_extractor.named_children():
        with torch.no_grad():
            module[1].running_var.uniform_(0.5, 2)
            keep = torch.arange(module[1].num_features) % 2 == 0
            module[1].weight[:] = torch.where(keep, 1.0, 0.0)  # every second filter says nothing but its shift, 0
            module[1].bias[:] = 0
        assert name
    arrays = {
        norm_to_mindspore(name): value.numpy()
        for name, value in wide.state_dict().items()
        if name.startswith(BACKBONE) and "num_batches" not in name
    }
    pruned = pruned_backbone(arrays, 1 / 8)
    np.savez(tmp_path / "pruned.npz", **pruned)
    narrow = Ctpn(1 / 8).eval()
    assert "13 of 13" in load_ctpn_start(narrow, tmp_path / "pruned.npz")
    images = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        expected = wide.vgg16_feature_extractor(images)[:, ::2]
        torch.testing.assert_close(narrow.vgg16_feature_extractor(images), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="width 1.0: conv1_1 would have 64 channels"):
        pruned_backbone(arrays, 1.0)


def test_a_student_learns_from_a_teachers_samples(tmp_path, monkeypatch):
    for kind in ("images", "gt"):
        (tmp_path / kind).mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), pixels)
        (tmp_path / "gt" / f"{number}.txt").write_text('10, 20, 50, 40, "Word"\n')
    (tmp_path / "val.txt").write_text("1.png\n")
    torch.manual_seed(0)
    torch.save(Ctpn(1 / 4).state_dict(), tmp_path / "teacher.pth")
    pair = [str(tmp_path / "images"), str(tmp_path / "gt")]
    shared = [
        "--train_images",
        str([pair]),
        "--val_images",
        str([[*pair, str(tmp_path / "val.txt")]]),
        "--img_height",
        "48",
        "--img_width",
        "64",
        "--scene_share",
        "0",
        "--device",
        "cpu",
        "--precision",
        "fp32",
        "--workers",
        "0",
    ]
    folder = tmp_path / "samples"
    for count in ("3", "9"):  # a second call goes on
        monkeypatch.setattr(
            "sys.argv",
            ["make", str(tmp_path / "teacher.pth"), str(folder), count, *shared],  # the file says how wide it is
        )
        assert make_teacher_samples.main() == 0
        assert len(list(folder.glob("*.npz"))) == int(count)
    background = read_sample(folder / "000008_48x64.npz").sample
    assert (background.labels == -1).all() and not len(background.anchors)
    arguments = [
        *shared,
        "--backbone_width",
        "0.125",
        "--teacher_samples",
        str(folder),
        "--output",
        str(tmp_path / "out"),
        "--minutes",
        "0",
        "--steps",
        "3",
        "--batch_size",
        "2",
    ]
    config = load_options(CtpnRecipe, arguments)
    monkeypatch.setattr(train_ctpn, "load_options", lambda model, arguments: config)
    assert train_ctpn.main() == 0
    assert (tmp_path / "out" / FINAL).exists() or list((tmp_path / "out").glob("*final*"))

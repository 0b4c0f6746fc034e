"""Training and evaluation batches of words: order, mixture, shards, resume, policies, images, augmentation."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_words import preprocess_word

from src.common.errors import UserError
from src.data.recognition.augment import augment_word
from src.data.recognition.dataset import CrnnTrainData
from src.data.recognition.eval_dataset import CrnnEvalData
from src.data.recognition.labels import LabelRejected, LabelRules, ctc_steps
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.lmdb_writer import LmdbWriter
from src.data.recognition.options import WordAugment
from src.data.recognition.preprocess import resize_word

ROOT = Path(__file__).resolve().parents[3]
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ALL_CHANGES = WordAugment(
    crop_prob=0.7,
    perspective_prob=0.7,
    rotate_prob=0.7,
    blur_prob=0.7,
    tone_prob=0.7,
    invert_prob=0.5,
    noise_prob=0.7,
)


def encode(text: str) -> list[int]:
    return [ALPHABET.index(character) + 1 for character in text]


def decode(labels: np.ndarray, lengths: np.ndarray) -> list[str]:
    return ["".join(ALPHABET[c - 1] for c in row[:n]) for row, n in zip(labels, lengths, strict=True)]


def steps_of(width: int) -> int:
    return width // 4 + 1


def make_image(seed: int, height: int = 20, width: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def write(path, samples) -> LmdbWords:
    with LmdbWriter(path) as writer:
        for data, text in samples:
            writer.add(data, text)
    return LmdbWords(path)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory) -> LmdbWords:
    return write(tmp_path_factory.mktemp("lmdb") / "words", [(png(make_image(i)), f"word{i}") for i in range(100)])


def train(sources, **options) -> CrnnTrainData:
    defaults = {"characters": ALPHABET, "encode": encode, "time_steps": steps_of, "batch_size": 10}
    defaults |= {"height": 32, "widths": [100]}
    return CrnnTrainData(sources, **{**defaults, **options})


def evaluation(source, **options) -> CrnnEvalData:
    return CrnnEvalData(source, **{"height": 32, "widths": [100], **options})


def prepared(image, widths=(100,)) -> np.ndarray:
    return preprocess_word(image, 32, widths)


def texts_of(batches) -> list[str]:
    return [text for _, labels, lengths in batches for text in decode(labels, lengths)]


class Rendered:
    """An endless source; every seventh sample cannot be written with the alphabet."""

    def sample(self, index):
        return make_image(index, 30, 60), "!" if index % 7 == 3 else f"r{index}"


def test_an_epoch_is_every_sample_once_and_normalized(hundred):
    data = train([hundred])
    batches = list(data.epoch(0))
    assert data.steps_per_epoch == len(batches) == 10
    assert sorted(texts_of(batches)) == sorted(f"word{i}" for i in range(100))
    images, labels, lengths = batches[3]
    assert images.shape == (10, 1, 32, 100) and images.dtype == np.float32
    assert labels.shape == (10, 26) and labels.dtype == lengths.dtype == np.int32
    for image, text in zip(images, decode(labels, lengths), strict=True):
        pixels = Image.fromarray(make_image(int(text[4:]))).resize((100, 32), Image.Resampling.BICUBIC)
        expected = (np.asarray(pixels, np.float64) / 255 - 0.5) / 0.5
        np.testing.assert_allclose(image[0], expected, atol=1e-6)
    assert texts_of(data.epoch(1)) != texts_of(batches)
    assert data.report["sources"][0]["usable"] == 100


def test_workers_resume_and_ranks_do_not_change_a_batch(hundred):
    sources = [(hundred, 3), (Rendered(), 1)]
    options = {"augment": ALL_CHANGES, "samples_per_epoch": 80, "batch_size": 8}
    reference = list(train(sources, **options).epoch(2))
    parallel = train(sources, **options, num_workers=2)
    for first_step in (0, 7):
        batches = list(parallel.epoch(2, first_step))
        assert len(batches) == 10 - first_step
        for expected, found in zip(reference[first_step:], batches, strict=True):
            for one, other in zip(expected, found, strict=True):
                np.testing.assert_array_equal(one, other)
    parallel.close()
    halves = [list(train(sources, **{**options, "batch_size": 4}, rank_id=r, rank_size=2).epoch(2)) for r in (0, 1)]
    for whole, one, other in zip(reference, *halves, strict=True):
        np.testing.assert_array_equal(whole[0], np.concatenate([one[0], other[0]]))
        np.testing.assert_array_equal(whole[1], np.concatenate([one[1], other[1]]))
    different = next(train(sources, **options, seed=5).epoch(2))
    assert not np.array_equal(different[0], reference[0][0])


def test_mixture_follows_weights_and_covers_every_sample(hundred):
    data = train([(hundred, 1.0), (Rendered(), 3.0)], samples_per_epoch=40)
    seen = [Counter(text[0] for text in texts_of(data.epoch(epoch))) for epoch in range(3)]
    assert seen == [Counter(w=10, r=30)] * 3
    words = [text for epoch in range(10) for text in texts_of(data.epoch(epoch)) if text[0] == "w"]
    assert sorted(words) == sorted(f"word{i}" for i in range(100))  # ten epochs are one pass
    rendered = [text for epoch in range(2) for text in texts_of(data.epoch(epoch)) if text[0] == "r"]
    usable = {f"r{i}" for i in range(60) if i % 7 != 3}
    assert usable <= set(rendered) and len(rendered) == 60
    replaced = sum(index % 7 == 3 for index in range(300))
    assert data.report["replaced"] == {"characters outside the alphabet": replaced}


@pytest.mark.parametrize(
    "policy, expected, reasons",
    [
        ("drop", ["abc", "cafe"], {"characters outside the alphabet": 3, "label longer than the time steps": 2}),
        (
            "strip",
            ["abc", "ab1", "cafe", "nave"],
            {"nothing left within the alphabet": 1, "label longer than the time steps": 2},
        ),
    ],
)
def test_label_policies_are_counted(tmp_path, policy, expected, reasons):
    labels = ["ABC", "a.b-1!", "Cafe", "naïve", "?!", "a" * 14, "abcdefghijklmnopqrstuvwxyz0"]
    words = write(tmp_path / "words", [(png(make_image(0)), label) for label in labels])
    data = train([words], label_policy=policy, batch_size=len(expected))
    assert sorted(texts_of(data.epoch(0))) == sorted(expected)
    assert data.report["sources"][0]["dropped"] == reasons and data.report["replaced"] == {}


def test_label_rules_and_steps():
    assert ctc_steps("") == 0 and ctc_steps("ab") == 2 and ctc_steps("aab") == 4 and ctc_steps("aaa") == 5
    assert LabelRules("abcABC").apply("aBc") == "aBc" and LabelRules("abc").apply("aBc") == "abc"
    assert LabelRules("中文").apply("中") == "中" and LabelRules("abc", "keep").apply("A?") == "a?"
    with pytest.raises(LabelRejected):
        LabelRules("中文").apply("中a")
    with pytest.raises(ValueError, match="drop, strip, keep"):
        LabelRules("abc", "guess")


def test_bad_images_are_replaced_counted_and_named(tmp_path):
    samples = [(b"broken" if i in (3, 30) else png(make_image(i)), f"word{i}") for i in range(40)]
    words = write(tmp_path / "words", samples)
    data = train([words], max_bad_ratio=0.1)
    seen = texts_of(data.epoch(0))
    assert len(seen) == 40 and not {"word3", "word30"} & set(seen)
    assert data.report["replaced"] == {"not an image": 2}
    named = " ".join(data.report["bad_samples"])
    assert "image-000000004" in named and "image-000000031" in named
    assert texts_of(data.epoch(0)) == seen
    with pytest.raises(UserError, match=r"2 broken samples of 40.*not an image: 2"):
        list(train([words], max_bad_ratio=0.03).epoch(0))


def test_nothing_usable(tmp_path, hundred):
    broken = write(tmp_path / "broken", [(b"broken", f"w{i}") for i in range(20)])
    with pytest.raises(UserError, match="no usable sample"):
        list(train([broken], max_bad_ratio=1.0).epoch(0))
    with pytest.raises(UserError, match="no usable sample"):
        list(train([broken], max_bad_ratio=1.0, num_workers=1).epoch(0))
    foreign = write(tmp_path / "foreign", [(png(make_image(0)), "中文")] * 20)
    with pytest.raises(UserError, match="characters outside the alphabet: 20"):
        train([foreign])
    with pytest.raises(UserError, match="source 1 has no usable sample"):
        train([(hundred, 1), (foreign, 1)])
    for options, message in (
        ({"batch_size": 101}, "100 samples per epoch are fewer than one batch of 101"),
        ({"batch_size": 60, "rank_size": 2}, "2 rank"),
        ({"widths": (160, 100)}, "ascending"),
        ({"rank_id": 2, "rank_size": 2}, "rank 2 of 2"),
    ):
        with pytest.raises(ValueError, match=message):
            train([hundred], **options)
    with pytest.raises(UserError, match="samples_per_epoch"):
        train([Rendered()])
    with pytest.raises(UserError, match="needs weights"):
        train([Rendered(), hundred])
    assert train([Rendered(), Rendered()], samples_per_epoch=25).steps_per_epoch == 2
    for sources in ([], [hundred, (hundred, 1)], [(hundred, 0)], [(hundred, float("nan"))]):
        with pytest.raises(UserError):
            train(sources)


def test_buckets_keep_proportions_and_fill_whole_batches(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [(20, int(width)) for width in rng.integers(10, 140, 103)]
    words = write(tmp_path / "words", [(png(np.full(size, 200, np.uint8)), "ab") for size in sizes])
    data = train([words], widths=(64, 100, 160))
    batches = list(data.epoch(0))
    assert len(batches) == data.steps_per_epoch == 10
    widths = [images.shape[3] for images, _, _ in batches]
    assert set(widths) == {64, 100, 160} and widths != sorted(widths)
    assert all(labels.shape == (10, 41) for _, labels, _ in batches)
    rank = [
        list(train([words], widths=(64, 100, 160), batch_size=5, rank_id=r, rank_size=2).epoch(3)) for r in (0, 1)
    ]
    assert [b[0].shape for b in rank[0]] == [b[0].shape for b in rank[1]]
    long = write(tmp_path / "long", [(png(make_image(0, 32, 40)), "abcdefghijklmnopqrstuvwxyz")] * 10)
    assert next(train([long], widths=(64, 100, 160)).epoch(0))[0].shape == (10, 1, 32, 100)  # 26 steps


def test_resizing():
    half = make_image(1, 16, 20)
    kept = resize_word(half, 32, 100, keep_ratio=True)
    assert kept.shape == (32, 100) and np.ptp(kept[:, 40:]) == 0
    expected = np.asarray(Image.fromarray(half).resize((40, 32), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(kept[:, :40], expected)
    assert prepared(make_image(1, 10, 80), widths=(64, 100, 160)).shape == (1, 32, 160)
    assert prepared(make_image(1, 1, 1)).shape == prepared(make_image(1, 1, 90)).shape == (1, 32, 100)
    color = np.dstack([make_image(1), make_image(2), make_image(3)])
    gray = (color @ [0.299, 0.587, 0.114]).round().astype(np.uint8)
    np.testing.assert_allclose(prepared(color), prepared(gray), atol=0.03)
    for wrong in (np.zeros((0, 5), np.uint8), np.zeros((5, 5)), np.zeros(5, np.uint8)):
        with pytest.raises(ValueError, match="expected uint8"):
            prepared(wrong)


@pytest.mark.parametrize("batch_size", [1, 7, 100, 128])
@pytest.mark.parametrize("rank_size", [1, 3])
def test_evaluation_judges_every_sample_once(hundred, batch_size, rank_size):
    seen = {}
    for rank_id in range(rank_size):
        data = evaluation(hundred, characters=ALPHABET, batch_size=batch_size, rank_id=rank_id, rank_size=rank_size)
        count = 0
        for batch in data:
            assert batch.images.shape == (batch_size, 1, 32, 100) and 0 < batch.count <= batch_size
            for index, text, image in zip(batch.indices, batch.texts, batch.images, strict=False):
                assert index not in seen and text == f"word{index}"
                seen[index] = image
                np.testing.assert_array_equal(image, prepared(make_image(index)))
            count += batch.count
        assert count == len(data)
    assert len(seen) == 100 == data.total


def test_evaluation_counts_what_it_cannot_read(tmp_path):
    samples = [(png(make_image(0, 20, 40)), "One"), (b"broken", "two"), (png(make_image(2, 10, 99)), "th-ree")]
    words = write(tmp_path / "words", samples)
    data = evaluation(words, characters=ALPHABET, batch_size=2, widths=(64, 160))
    batches = list(data)
    found = {index: text for batch in batches for index, text in zip(batch.indices, batch.texts, strict=True)}
    assert found == {0: "one", 1: "two", 2: "th-ree"}
    assert sorted(batch.images.shape[3] for batch in batches) == [64, 160]
    assert data.report["unreadable"] == {"not an image": 1} and data.report["samples"] == 3
    dropped = evaluation(words, characters=ALPHABET, batch_size=2, label_policy="drop")
    assert len(dropped) == 2 and dropped.report["left_out"] == {"characters outside the alphabet": 1}
    with pytest.raises(UserError, match="no sample"):
        evaluation(words, characters="z", batch_size=2, label_policy="drop")


@pytest.mark.parametrize("name", ["crop", "perspective", "rotate", "blur", "tone", "invert", "noise"])
def test_each_change_changes_and_is_repeatable(name):
    smooth = cv2.resize(make_image(3, 4, 9), (80, 26), interpolation=cv2.INTER_CUBIC)
    options = WordAugment(**{f"{name}_prob": 1.0})
    changed = [augment_word(smooth, options, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(changed[0], changed[1])
    assert changed[0].dtype == np.uint8 and not np.array_equal(changed[0], smooth)
    if name == "invert":
        np.testing.assert_array_equal(changed[2], 255 - smooth)
    else:
        assert not np.array_equal(changed[0], changed[2])
    off = WordAugment()
    assert not off.active and augment_word(smooth, off, np.random.default_rng(1)) is smooth


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2), (500, 900)])
def test_changes_survive_every_size(size):
    for seed in range(5):
        changed = augment_word(make_image(0, *size), ALL_CHANGES, np.random.default_rng(seed))
        assert min(changed.shape) >= 1 and changed.dtype == np.uint8


def test_augment_options_are_checked():
    for wrong in ({"blur_prob": 1.5}, {"noise_max": -1}, {"noise_max": float("nan")}, {"crop_max": 0.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            WordAugment(**wrong)


class Foreign(Rendered):
    """Pickled under the name of a module that no worker can import."""


def test_a_source_that_workers_cannot_import(monkeypatch):
    monkeypatch.setitem(sys.modules, "nowhere_to_be_found", sys.modules[__name__])
    monkeypatch.setattr(Foreign, "__module__", "nowhere_to_be_found")
    with pytest.raises(UserError, match="importable module"):
        list(train([Foreign()], samples_per_epoch=10, num_workers=1).epoch(0))


LOST_WORKER = """
import sys
sys.path.insert(0, {root!r})
from src.common.errors import UserError
from src.data.loading.workers import BatchWorkers
import operator
workers = BatchWorkers(operator.neg, 1)
assert workers.submit(5).result() == -5
workers._processes[0]._process.kill()
try:
    workers.submit(6).result()
except UserError as error:
    print(error)
import src.data.recognition.dataset
print("imports:", "mindspore" in sys.modules)
"""


def test_a_lost_worker_is_an_error_and_needs_no_main_guard():
    result = subprocess.run(
        [sys.executable, "-c", LOST_WORKER.format(root=str(ROOT))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "a data worker died" in result.stdout and "imports: False" in result.stdout


class Proportioned(Rendered):
    """An endless source whose images are at most `aspect[1]` times as wide as high."""

    def __init__(self, aspect):
        self.aspect = aspect

    def sample(self, index):
        return make_image(index, 30, int(30 * self.aspect[1])), f"r{index}"


def test_endless_sources_go_to_the_width_they_are_made_for():
    sources = [(Proportioned((0, 2.0)), 3), (Proportioned((2.0, 4.0)), 1), (Rendered(), 1)]
    data = train(sources, widths=(64, 128, 200), samples_per_epoch=100)
    widths = Counter(images.shape[3] for images, _, _ in data.epoch(0))
    assert widths == {64: 6, 128: 2, 200: 2}  # without proportions: the widest, into which anything fits

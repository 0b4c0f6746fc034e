"""Words for training: chunks, pools, mixtures, and changes of a batch beside those of one image."""

import cv2
import numpy as np
import pytest
from tiny_words import png, write_lmdb

torch = pytest.importorskip("torch")

from tiny_words import preprocess_word

from pytorch.batch_augment import augment_batch, homography_grid, view_corners
from pytorch.read_words import read_metrics, score_of
from pytorch.word_chunks import (
    RealSet,
    RenderTask,
    WordChunk,
    WordRenderer,
    labels_of,
    pack_words,
    real_words,
)
from pytorch.word_data import named_alphabets
from pytorch.word_mixture import WordMixture, fill_up
from pytorch.word_pool import WordPool
from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.topology import time_steps
from src.data.recognition.eval_dataset import CrnnEvalData
from src.data.recognition.lmdb_reader import LmdbWords
from src.data.recognition.options import WordAugment
from src.data.recognition.preprocess import resize_word
from src.data.recognition.sources import rendered_words

CPU = torch.device("cpu")
LETTERS = Alphabet.named("digits_lower")
PRINTABLE = Alphabet.named("printable_ascii")
RNG = np.random.default_rng(0)


def smooth(width=100, height=32, count=6):
    images = [
        cv2.GaussianBlur(RNG.integers(0, 256, (height, width)).astype(np.uint8), (0, 0), 2) for _ in range(count)
    ]
    return np.stack([cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX) for image in images])


def changed(images, seed=1, **options):
    batch = torch.from_numpy(images.astype(np.float32))
    return augment_batch(batch, WordAugment(**options), np.random.default_rng(seed)).numpy()


def test_nothing_happens_without_chance():
    images = smooth()
    np.testing.assert_array_equal(changed(images), images)
    few = changed(images, rotate_prob=1e-9, blur_prob=1e-9, tone_prob=1e-9, noise_prob=1e-9)
    np.testing.assert_array_equal(few, images)


def test_views_agree_with_opencv():
    """The same corners through OpenCV's perspective warp, away from the border."""
    options = WordAugment(
        crop_prob=1, crop_max=0.1, perspective_prob=1, perspective_max=0.1, rotate_prob=1, rotate_max=4
    )
    images = smooth()
    draw = np.random.default_rng(3).random((len(images), 16)) * 2 - 1
    corners = view_corners(32, 100, options, np.ones((len(images), 3), bool), draw)
    grid = homography_grid(corners, 32, 100, torch.device("cpu"))
    found = torch.nn.functional.grid_sample(
        torch.from_numpy(images.astype(np.float32))[:, None], grid, padding_mode="border", align_corners=False
    )[:, 0].numpy()
    target = np.array([[0, 0], [100, 0], [100, 32], [0, 32]], np.float32) - 0.5  # OpenCV: middle of the first pixel
    for image, quad, result in zip(images, corners, found, strict=True):
        matrix = cv2.getPerspectiveTransform((quad - 0.5).astype(np.float32), target)
        expected = cv2.warpPerspective(image, matrix, (100, 32), borderMode=cv2.BORDER_REPLICATE)
        inside = np.abs(result - expected)[4:-4, 4:-4]
        assert inside.mean() < 1.5 and np.abs(result - image).mean() > 3


def test_corners_follow_each_option():
    still = np.zeros((1, 16))
    most = np.ones((1, 16))
    whole = [[0, 0], [100, 0], [100, 32], [0, 32]]
    options = WordAugment(
        crop_prob=1, perspective_prob=1, rotate_prob=1, crop_max=0.25, perspective_max=0.125, rotate_max=45.0
    )
    np.testing.assert_allclose(view_corners(32, 100, options, np.ones((1, 3), bool), still)[0], whole)
    crop = view_corners(32, 100, options, np.array([[True, False, False]]), most)[0]
    np.testing.assert_allclose(crop, [[8, 8], [92, 8], [92, 24], [8, 24]])
    skew = view_corners(32, 100, options, np.array([[False, True, False]]), most)[0]
    np.testing.assert_allclose(skew, np.array(whole) + 4)
    turn = view_corners(32, 100, options, np.array([[False, False, True]]), 2 * most)[0]
    np.testing.assert_allclose(turn, [[66, -34], [66, 66], [34, 66], [34, -34]], atol=1e-9)


def test_blur_tone_and_noise():
    images = smooth()
    draws = np.random.default_rng(1).random((len(images), 24), dtype=np.float32)
    blurred = changed(images, blur_prob=1, blur_max=1.3)
    for image, result, draw in zip(images, blurred, draws, strict=True):
        expected = cv2.GaussianBlur(
            image.astype(np.float32), (9, 9), float(draw[17]) * 1.3, borderType=cv2.BORDER_REPLICATE
        )
        if draw[17] * 1.3 > 0.1:
            np.testing.assert_allclose(result, expected, atol=0.1)
    np.testing.assert_allclose(changed(images, invert_prob=1), 255.0 - images, atol=1e-3)
    toned = changed(images, tone_prob=1, contrast_max=0.4, brightness_max=0.1, gamma_max=0.5)
    for image, result, draw in zip(images, toned, draws, strict=True):
        levels = (image / 255.0) ** (1.5 ** (2 * draw[20] - 1)) - 0.5
        levels = levels * (1 + (2 * draw[21] - 1) * 0.4) + 0.5 + (2 * draw[22] - 1) * 0.1
        np.testing.assert_allclose(result, np.clip(levels, 0, 1) * 255, atol=0.1)
    grains = changed(np.full((64, 32, 100), 128, np.uint8), noise_prob=1, noise_max=10)
    assert 4 < grains.std(axis=(1, 2)).mean() < 6 and grains.std(axis=(1, 2)).max() < 11


def test_changes_stay_in_single_precision_inside_autocast():
    """Their convolutions and warps must not follow those of the network into bfloat16."""
    everything = {f"{name}_prob": 1 for name in ("crop", "perspective", "rotate", "blur", "tone")}
    images = smooth()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = changed(images, **everything)
    np.testing.assert_array_equal(inside, changed(images, **everything))


@pytest.mark.parametrize(
    "text, plain, labels",
    [
        ("It's", False, ("its", "It's")),
        ("ITS", True, ("its", None)),  # case or punctuation not known
        ("a b", False, ("ab", "a b")),
        ("\u2019s", False, ("s", None)),  # the apostrophe is not ASCII
        ("caf\xe9", False, None),
        ("...", False, (None, "...")),
        ("...", True, None),
        ("x" * 14, False, None),  # 27 steps
        ("x" * 13, False, ("x" * 13, "x" * 13)),
    ],
)
def test_what_each_alphabet_learns_of_a_text(text, plain, labels):
    assert labels_of(text, (LETTERS, PRINTABLE), time_steps(100), plain=plain) == labels


def test_chunks_hold_a_label_for_each_alphabet():
    words = list(zip(smooth(60, 20, 2), [("ab", None), ("aabb", "aa-bb")], strict=True))
    chunk = pack_words(words, 100, (LETTERS, PRINTABLE), keep_ratio=False)
    assert chunk.lengths.tolist() == [[2, -1], [4, 5]]
    assert chunk.labels.shape == (2, 2, time_steps(100)) and chunk.labels[1, 0, :5].tolist() == [11, 11, 12, 12, 0]
    expected = preprocess_word(words[0][0], 32, [100])[0]
    np.testing.assert_allclose(chunk.images[0] / 127.5 - 1, expected, atol=1e-6)


def test_rendered_chunks_do_not_depend_on_their_cut():
    ((source, _),) = rendered_words([], [], "", LETTERS.characters, 5, height=32, widths=[100])
    renderer = WordRenderer([source], [100], [LETTERS], keep_ratio=False)
    whole, first, rest = (renderer(RenderTask(0, *cut)) for cut in ((7, 6), (7, 2), (9, 4)))
    for name in WordChunk._fields:
        parts = [getattr(first, name), getattr(rest, name)]
        np.testing.assert_array_equal(getattr(whole, name), np.concatenate(parts))


@pytest.fixture(scope="module")
def lmdb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    images = [*smooth(60, 32, 6), *smooth(150, 32, 2)]
    texts = ["Ab", "cd", "e!", "Gh", "ij", "kl", "mnop", "qrst"]
    samples = [(png(image), text) for image, text in zip(images, texts, strict=True)]
    samples[4] = (b"no image", "ij")
    write_lmdb(folder / "w", samples)
    return folder / "w"


def test_real_words_go_to_their_widths(lmdb):
    words, left_out = real_words([RealSet(LmdbWords(lmdb))], [LETTERS], (100, 200))
    assert {width: len(each.chunk.images) for width, each in words.items()} == {100: 5, 200: 2}
    assert "".join(LETTERS.decode(row[row > 0]) for row in words[100].chunk.labels[:, 0]) == "abcdeghkl"
    assert sum(left_out.values()) == 1  # the broken image
    with pytest.raises(UserError, match="no usable word"):
        real_words([RealSet(LmdbWords(lmdb))], [Alphabet("好")], (100,))


def test_sets_are_drawn_by_their_weights(lmdb):
    sets = [RealSet(LmdbWords(lmdb), 3.0), RealSet(LmdbWords(lmdb), 1.0, plain=True)]
    words, _ = real_words(sets, [LETTERS, PRINTABLE], (100,))
    weights = words[100].weights
    assert len(weights) == 14 and weights[:7].sum() == pytest.approx(3) and weights[7:].sum() == pytest.approx(1)
    assert (words[100].chunk.lengths[7:] == -1).any(axis=0).tolist() == [False, True]
    drawn = WordPool.of(words[100], CPU).draw(4000, np.random.default_rng(0))[2]
    assert float((drawn[:, 1] < 0).float().mean()) == pytest.approx(1 / 4, abs=0.03)


def test_filling_up_is_what_a_wider_input_has():
    gray = smooth(40, 32, 3)
    narrow, wide = (
        np.stack([resize_word(image, 32, width, keep_ratio=True) for image in gray]) for width in (48, 100)
    )
    np.testing.assert_array_equal(fill_up(torch.from_numpy(narrow), 100), wide)


def test_alphabets_have_names(tmp_path):
    (tmp_path / "greek.txt").write_text("αβγ", encoding="utf-8")
    found = named_alphabets(["digits_lower", str(tmp_path / "greek.txt")])
    assert {name: alphabet.num_classes for name, alphabet in found.items()} == {"digits_lower": 37, "greek": 4}
    for names, message in ((["digits_lower"] * 2, "given twice"), ([], "is empty")):
        with pytest.raises(UserError, match=message):
            named_alphabets(names)


def numbered(values):
    values = np.asarray(values)
    return WordChunk(
        np.repeat(values, 32 * 8).reshape(-1, 32, 8).astype(np.uint8),
        np.zeros((len(values), 1, 3), np.int16),
        values.astype(np.int16)[:, None],
    )


def test_a_pool_keeps_the_newest():
    pool = WordPool(5, 32, 8, (1, 3), CPU)
    pool.add(numbered([1, 2, 3]))
    assert len(pool) == 3
    assert set(pool.draw(100, np.random.default_rng(0))[2].flatten().tolist()) == {1, 2, 3}
    pool.add(numbered([4, 5, 6, 7]))
    images, _, lengths = pool.draw(200, np.random.default_rng(0))
    assert len(pool) == 5 and set(lengths.flatten().tolist()) == {3, 4, 5, 6, 7}
    np.testing.assert_array_equal(images[:, 0, 0].int(), lengths[:, 0])


def word_mixture(rendered, widths, *, rendered_share, real=None):
    """A mixture of small batches on the CPU; `rendered` as `rendered_words` gives it, one source for each width."""
    sources, shares = zip(*rendered, strict=True)
    return WordMixture(
        WordRenderer(sources, widths, [LETTERS], keep_ratio=len(widths) > 1),
        shares,
        real or {},
        rendered_share=rendered_share,
        batch_size=16,
        pool_size=64,
        max_reuse=50,
        workers=0,
        device=CPU,
        seed=1,
    )


def test_a_mixture_keeps_its_shares(lmdb):
    rendered = rendered_words([], [], "", LETTERS.characters, 5, height=32, widths=(100, 200))
    real = real_words([RealSet(LmdbWords(lmdb))], [LETTERS], (100, 200))[0]
    mixture = word_mixture(rendered, (100, 200), real=real, rendered_share=0.5)
    try:
        batches = [mixture.batch() for _ in range(400)]
        position = mixture.position
    finally:
        mixture.close()
    assert {(batch.images.shape[2], len(batch.images)) for batch in batches} == {(100, 16), (200, 8)}
    total = sum(len(batch.images) for batch in batches)
    assert sum(batch.real for batch in batches) / total == pytest.approx(0.5, abs=0.03)
    wide = sum(len(batch.images) for batch in batches if batch.images.shape[2] == 200) / total
    assert wide == pytest.approx(0.5 * 0.2 + 0.5 * 2 / 7, abs=0.04)
    assert mixture.drawn == total - sum(batch.real for batch in batches)
    assert position >= mixture.rendered / 2 and mixture.reuse <= 50


def test_a_small_pool_is_full_with_what_it_holds():
    """Training never began where the pool of a wide width has fewer places than words were waited for."""
    widths = (48, 600)
    rendered = rendered_words([], [], "", LETTERS.characters, 5, max_words=4, height=32, widths=widths)
    assert len(rendered) == len(widths)
    mixture = word_mixture(rendered, widths, rendered_share=1)
    try:
        held = 256 * 32 * 100 // (32 * 600)  # a chunk, which is all that a pool of this width holds
        assert held < 64 and mixture.rendered >= held
    finally:
        mixture.close()


def test_a_mixture_needs_words(lmdb):
    rendered = rendered_words([], [], "", LETTERS.characters, 5, height=32, widths=[100])
    with pytest.raises(UserError, match="rendered_share"):
        word_mixture(rendered, (100,), rendered_share=0.5)


def test_metrics_come_from_every_sample(lmdb):
    """A stand-in for the network that reads the first letter of every word."""
    truths = {}
    for batch in CrnnEvalData(LmdbWords(lmdb), characters=LETTERS.characters, batch_size=4, height=32, widths=[100]):
        truths |= {image.tobytes(): text for image, text in zip(batch.images, batch.texts, strict=False)}

    def predict(images):
        log_probs = np.full((4, len(images), 37), -9, np.float32)
        log_probs[1:, :, 0] = 0
        for column, image in enumerate(images):
            log_probs[0, column, LETTERS.encode(truths[image.tobytes()][0])[0]] = 0
        return [log_probs]

    metrics = read_metrics(predict, {"w": LmdbWords(lmdb)}, {"letters": LETTERS}, (100,), batch_size=4)["w"][
        "letters"
    ]
    assert metrics["samples"] == 8 and metrics["accuracy"] == 0
    assert metrics["plain_accuracy"] == 1 / 8  # "e!"
    assert metrics["character_error_rate"] == pytest.approx(1 - 8 / 20)
    assert "case_sensitive_accuracy" not in metrics


def test_the_score_takes_case_where_it_is_known():
    words = {"a": {"x": {"plain_accuracy": 0.5}, "y": {"plain_accuracy": 0.9, "case_sensitive_accuracy": 0.7}}}
    assert score_of(words) == pytest.approx(0.6)

"""Rendered words: labels that fit the alphabet, ink that can be seen, LMDBs that can be continued."""

import pickle

import cv2
import lmdb
import numpy as np
import pytest

from src.common.errors import UserError
from src.data.recognition import rendered_lmdb as word_lmdb
from src.data.recognition.lmdb_reader import image_key, label_key
from src.data.synthesis.fonts import FontBook
from src.data.synthesis.gray_patches import GrayPatches
from src.data.synthesis.lexicon import CAPITALS, DIGITS, PRINTABLE, SMALL, TextMix, TextSampler
from src.data.synthesis.word_ink import draw_crop
from src.data.synthesis.word_style import WordStyle
from src.data.synthesis.words import WordSource
from src.model_utils.command import run_command
from src.synthesize import main


@pytest.fixture(scope="module")
def book():
    return FontBook()


@pytest.fixture(scope="module")
def words(book):
    return WordSource(book, TextSampler(), seed=5)


def test_crops_are_gray_in_range_and_visible(words):
    heights = set()
    for index in range(150):
        image, label = words.sample(index)
        assert image.dtype == np.uint8 and image.ndim == 2 and 20 <= image.shape[0] <= 48
        assert label and set(label) <= set(DIGITS + SMALL)
        assert np.percentile(image, 99) - np.percentile(image, 1) >= 12, index  # something to read
        heights.add(image.shape[0])
    assert len(heights) > 12


def test_crop_depends_on_seed_and_index_alone(words, book):
    other = pickle.loads(pickle.dumps(words))
    for index in (7, 3, 10**12):
        image, label = words.sample(index)
        again, same = other.sample(index)
        assert label == same and np.array_equal(image, again)
    image, _ = WordSource(book, TextSampler(), seed=6).sample(7)
    assert not np.array_equal(image, words.sample(7)[0])


@pytest.mark.parametrize("alphabet", [DIGITS, DIGITS + SMALL + CAPITALS, PRINTABLE])
def test_labels_use_the_alphabet_and_nothing_else(book, alphabet):
    source = WordSource(book, TextSampler(), alphabet=alphabet, seed=1)
    labels = "".join(source.sample(index)[1] for index in range(80))
    assert set(labels) <= set(alphabet)
    assert bool(set(labels) & set(CAPITALS)) == (len(alphabet) > 36)


def test_capitals_become_small_letters_where_the_alphabet_has_no_others(book):
    mix = TextMix(lexicon=1, common=0, number=0, price=0, code=0, letters=0, address=0)
    for alphabet, expected in ((SMALL, {"zebra"}), (SMALL + CAPITALS, {"zebra", "Zebra", "ZEBRA"})):
        source = WordSource(book, TextSampler(["zebra"], mix), alphabet=alphabet)
        labels = [source.sample(index)[1].removesuffix("s") for index in range(40)]
        assert set(labels) >= expected
        assert {label.lower() for label in labels} == {"zebra"}


def test_lines_are_wider_and_hold_single_spaces(book):
    source = WordSource(book, TextSampler(), alphabet=PRINTABLE, max_words=5, seed=1)
    samples = [source.sample(index) for index in range(80)]
    assert max(label.count(" ") for _, label in samples) == 4
    assert all(label == " ".join(label.split()) for _, label in samples)
    aspects = {label.count(" "): image.shape[1] / image.shape[0] for image, label in samples}
    assert aspects[4] > aspects[0]


def test_alphabet_that_no_font_draws_is_a_user_error(book):
    source = WordSource(book, TextSampler(["中文"], mix=None), alphabet="中文")
    with pytest.raises(UserError, match="no font"):
        source.sample(0)


def test_proportions_choose_the_text(book):
    plain = WordSource(book, TextSampler(), alphabet=PRINTABLE, max_words=3, seed=2)
    wide = WordSource(book, TextSampler(), alphabet=PRINTABLE, max_words=3, seed=2, aspect=(6.0, 8.0))
    aspects = []
    for index in range(30):
        image, label = wide.sample(index)
        aspects.append(image.shape[1] / image.shape[0])
        first, text = plain.sample(index)
        if 6 < first.shape[1] / first.shape[0] <= 8:  # what fits at once is the crop there would have been
            assert label == text and np.array_equal(image, first)
    assert min(aspects) > 6 and max(aspects) <= 8


def test_text_that_cannot_fill_the_width_is_taken_in_the_end(book):
    mix = TextMix(lexicon=1, common=0, number=0, price=0, code=0, letters=0, address=0)
    source = WordSource(book, TextSampler(["at"], mix), aspect=(30.0, 40.0))
    image, label = source.sample(0)
    assert label.startswith("at") and image.shape[1] < 30 * image.shape[0]


@pytest.mark.parametrize(
    "bad", [{"max_words": 0}, {"height": (4, 9)}, {"height": (40, 30)}, {"aspect": (2, 2)}, {"aspect": (-1, 2)}]
)
def test_impossible_sizes_are_refused(book, bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        WordSource(book, TextSampler(), **bad)


def test_text_stays_in_the_crop_unless_cut(book):
    style = WordStyle(cut=0.0, tilt=6, perspective=0.2, curved=0.5)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        ink, others = draw_crop(rng, book, book.builtin[0], "Winter", other=None, height=(30, 40), style=style)
        assert others is None
        rim = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
        assert rim.max() < 140, seed  # soft edges may touch the rim, strokes do not cross it
        assert ink.max() > 150


def test_neighbors_come_from_another_word(book):
    style = WordStyle()
    rng = np.random.default_rng(0)
    crops = [
        draw_crop(rng, book, book.builtin[0], "Sun", other="MOON", height=(40, 41), style=style) for _ in range(20)
    ]
    assert all(others.shape == ink.shape for ink, others in crops)
    overlap = sum(int(np.minimum(ink, others).astype(int).sum()) for ink, others in crops)
    assert overlap < 0.02 * sum(int(ink.astype(int).sum()) for ink, _ in crops)


def test_patches_come_from_the_photographs(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(cv2.imencode(".jpg", np.full((80, 90), 60 * i, np.uint8))[1])
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    patches = GrayPatches([tmp_path])
    rng = np.random.default_rng(0)
    tones = {int(patch.mean()) for patch in (patches.patch(rng, 20, 50) for _ in range(60)) if patch.std() < 0.5}
    assert {0, 60, 120} <= tones


def read(path):
    with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return dict(transaction.cursor())


def test_lmdb_continues_after_a_stop_and_does_not_depend_on_processes(words, tmp_path, monkeypatch):
    word_lmdb.write_words(words, tmp_path / "whole", range(12))
    word_lmdb.write_words(words, tmp_path / "two", range(12), workers=2)
    assert read(tmp_path / "whole") == read(tmp_path / "two")

    monkeypatch.setattr(word_lmdb.LmdbWriter, "__init__", _committing(word_lmdb.LmdbWriter.__init__))
    monkeypatch.setattr(words, "sample", _breaking(words.sample, 8), raising=False)
    with pytest.raises(KeyboardInterrupt):
        word_lmdb.write_words(words, tmp_path / "stopped", range(12))
    monkeypatch.undo()
    calls = []
    monkeypatch.setattr(words, "sample", lambda index, real=words.sample: calls.append(index) or real(index))
    word_lmdb.write_words(words, tmp_path / "stopped", range(12))
    monkeypatch.undo()
    assert read(tmp_path / "stopped") == read(tmp_path / "whole")
    assert 0 < calls[0] <= 8 and calls[-1] == 11
    sample = read(tmp_path / "whole")
    assert sample[b"num-samples"] == b"12"
    image, label = words.sample(0)
    assert sample[b"label-000000001"].decode() == label
    assert cv2.imdecode(np.frombuffer(sample[b"image-000000001"], np.uint8), -1).shape == image.shape


def test_shares_hold_what_one_build_of_all_holds(words, tmp_path):
    for name, indices in (("whole", range(12)), ("first", range(5)), ("second", range(5, 12))):
        word_lmdb.write_words(words, tmp_path / name, indices)
    whole, *shares = (read(tmp_path / name) for name in ("whole", "first", "second"))
    for key in (image_key, label_key):
        parts = [share[key(number)] for share, count in zip(shares, (5, 7), strict=True) for number in range(count)]
        assert parts == [whole[key(number)] for number in range(12)]


def _committing(init):
    return lambda self, path, **options: init(self, path, commit_samples=2, **options)


def _breaking(sample, at):
    def wrapped(index):
        if index == at:
            raise KeyboardInterrupt
        return sample(index)

    return wrapped


def test_commands_write_what_they_say(tmp_path, capsys):
    lexicon = tmp_path / "lexicon.txt"
    lexicon.write_text("# words\nZEBRA\n")
    shared = ["--count", "3", "--workers", "1", "--lexicon", str(lexicon)]
    main(["scenes", "--output", str(tmp_path / "s"), "--size", "200x120", "--difficulty", "hard", *shared])
    main(["words", "--output", str(tmp_path / "w"), "--alphabet", "digits_lower", *shared])
    assert len(list((tmp_path / "s" / "images").iterdir())) == 3
    assert read(tmp_path / "w")[b"num-samples"] == b"3"
    assert (tmp_path / "w" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scenes", "--size", "wide"], "960x576"),
        (["scenes", "--count", "0"], "at least 1"),
        (["scenes", "--difficulty", "insane"], "easy"),
        (["scenes", "--angle", "80"], "30"),
        (["scenes", "--fonts", "/nowhere"], "/nowhere"),
        (["scenes", "--lexicon", "/nowhere.txt"], "nowhere.txt"),
        (["words", "--alphabet", "klingon"], "digits_lower"),
        (["words", "--height", "40", "20"], "--height"),
        (["words", "--jpeg_quality", "900"], "100"),
    ],
)
def test_bad_arguments_end_with_code_2_and_a_reason(tmp_path, capsys, arguments, says):
    command, *rest = arguments
    given = [command, "--output", str(tmp_path / "out"), *(["--count", "1"] if "--count" not in rest else []), *rest]
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: main(given))
    code = stop.value.code
    assert code == 2
    assert says in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()

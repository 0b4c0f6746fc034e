"""Rendered text: what is written, with which fonts, and the ink it leaves."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from src.common.errors import UserError
from src.data.synthesis.english_words import ENGLISH_WORDS
from src.data.synthesis.fonts import FontBook, find_fonts
from src.data.synthesis.glyphs import bend, embolden, set_small_caps, set_text, slant
from src.data.synthesis.lexicon import PRINTABLE, TextMix, TextSampler, read_lexicon

SHARED = Path(os.environ.get("OCR_SHARED_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data"))
ONLY_LEXICON = TextMix(lexicon=1, common=0, number=0, price=0, code=0, letters=0, address=0)


@pytest.fixture(scope="module")
def book():
    return FontBook()


def test_lexicon_skips_comments_and_empty_lines(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\ufeff# a note\nALPHA\n\n  beta \n#gamma\n", encoding="utf-8")
    assert read_lexicon(path) == ["ALPHA", "beta"]


@pytest.mark.parametrize("content", [None, b"# only a note\n\n", b"\xff\xfe\x00bad"])
def test_unusable_lexicon_is_a_user_error(tmp_path, content):
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"words\.txt"):
        read_lexicon(path)


def test_built_in_words_are_plain_and_many():
    assert len(ENGLISH_WORDS) == len(set(ENGLISH_WORDS)) > 300
    assert all(word.isascii() and word.isalpha() and word.islower() for word in ENGLISH_WORDS)


def test_sampler_writes_words_of_the_lexicon_in_several_cases():
    sampler = TextSampler(["stone", "river"], ONLY_LEXICON)
    rng = np.random.default_rng(1)
    words = {sampler.bare_word(rng) for _ in range(300)}
    assert {word.lower() for word in words} == {"stone", "river"}
    assert {"STONE", "Stone", "stone", "RIVER"} <= words


def test_sampler_covers_every_printable_kind_and_keeps_to_the_length():
    sampler = TextSampler(max_length=12)
    rng = np.random.default_rng(2)
    words = [sampler.word(rng) for _ in range(3000)]
    assert all(0 < len(word) <= 12 and set(word) <= set(PRINTABLE) - {" "} for word in words)
    assert any(word.isdigit() for word in words)
    assert any(word.startswith("$") for word in words)
    assert {c for word in words for c in word} >= set("0123456789.,!:()'")


def test_lines_hold_at_most_the_asked_number_of_words():
    rng = np.random.default_rng(3)
    sampler = TextSampler()
    counts = {len(sampler.line(rng, 4).split(" ")) for _ in range(200)}
    assert counts == {1, 2, 3, 4}


def test_foreign_alphabet_appears_in_random_strings():
    sampler = TextSampler(mix=TextMix(0, 0, 0, 0, 0, letters=1, address=0), alphabet="ab中文")
    rng = np.random.default_rng(4)
    text = "".join(sampler.bare_word(rng) for _ in range(100))
    assert {"中", "文"} <= set(text)


def test_mix_without_weight_is_refused():
    with pytest.raises(ValueError, match="weights"):
        TextSampler(mix=TextMix(0, 0, 0, 0, 0, 0, 0))


def test_built_in_fonts_draw_ascii_and_know_what_they_lack(book):
    assert all(book.supports(face, char) for face in book.builtin for char in PRINTABLE)
    assert not any(book.supports(face, "中") for face in book.builtin)
    assert book.pick(np.random.default_rng(0), "中文") is None


def test_pick_uses_many_faces_and_a_pickled_book_picks_the_same(book):
    copy = pickle.loads(pickle.dumps(book))
    picks = [book.pick(np.random.default_rng(i), "Word").name for i in range(60)]
    assert picks == [copy.pick(np.random.default_rng(i), "Word").name for i in range(60)]
    assert len(set(picks)) >= 6


@pytest.mark.parametrize("make", ["missing", "empty", "broken"])
def test_unusable_font_folder_is_a_user_error(tmp_path, make):
    folder = tmp_path / "fonts"
    if make != "missing":
        folder.mkdir()
    if make == "broken":
        (folder / "bad.ttf").write_bytes(b"this is no font")
    with pytest.raises(UserError, match="fonts"):
        FontBook([folder])


@pytest.mark.skipif(not (SHARED / "fonts").is_dir(), reason="no shared fonts here")
def test_fonts_of_one_file_name_are_kept_apart(tmp_path):
    for folder, font in (("a", "OpenSans-Bold.ttf"), ("b", "Pacifico.ttf")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Regular.ttf").write_bytes((SHARED / "fonts" / font).read_bytes())
    book = FontBook([tmp_path / "a", tmp_path / "b"])
    first, second = (set_text(book, face, "Same", 40).ink for face in book.from_files)
    assert first.shape != second.shape


def test_ink_is_tight_and_stands_on_its_baseline(book):
    flat = set_text(book, book.builtin[0], "HEX", 60)
    deep = set_text(book, book.builtin[0], "gyp", 60)
    assert flat.ink[1:-1].max(axis=1).min() > 0  # no empty row inside, at most a soft one at the rim
    assert abs(flat.top - flat.ink.shape[0]) <= 2  # capitals end at the baseline
    assert deep.ink.shape[0] - deep.top > 8  # descenders go below it


def test_tracking_and_spaces_move_the_pen(book):
    face = book.builtin[0]
    tight, wide = set_text(book, face, "SIGN", 40), set_text(book, face, "SIGN", 40, 0.5)
    assert wide.ink.shape[1] - tight.ink.shape[1] == pytest.approx(3 * 0.5 * 40, abs=3)
    assert set_text(book, face, "A B", 40).advance > set_text(book, face, "AB", 40).advance + 5
    with pytest.raises(ValueError, match="nothing to draw"):
        set_text(book, face, "  ", 40)


def test_small_caps_have_a_taller_first_letter(book):
    ink = set_small_caps(book, book.builtin[0], "HHHH", 60).ink > 128
    first, last = ink[:, : ink.shape[1] // 5], ink[:, -ink.shape[1] // 6 :]
    assert np.flatnonzero(first.any(axis=1))[0] < np.flatnonzero(last.any(axis=1))[0] - 4


def test_embolden_grows_and_keeps_what_was_there(book):
    ink = np.pad(set_text(book, book.builtin[0], "bold", 40).ink, 6)
    areas = [int(embolden(ink, pixels).astype(int).sum()) for pixels in (0, 0.5, 1, 2.5)]
    assert areas == sorted(areas) and areas[0] < areas[1] < areas[3]
    assert (embolden(ink, 2) >= ink).all()


def test_slant_leans_to_the_right_about_the_baseline(book):
    upright = set_text(book, book.builtin[0], "I", 60)
    leaning = slant(upright, 0.4)
    rows = np.flatnonzero((leaning.ink > 128).any(axis=1))
    center = [np.flatnonzero(leaning.ink[row] > 128).mean() for row in (rows[0], rows[-1])]
    assert center[0] - center[1] == pytest.approx(0.4 * (rows[-1] - rows[0]), abs=1.5)


def test_bend_lays_a_rule_on_a_circle_and_mirrors(book):
    rule = np.zeros((21, 300), np.uint8)
    rule[9:12] = 255
    arch = bend(rule, 0.2).astype(float)
    columns = np.flatnonzero(arch.sum(axis=0) > 500)
    rows = np.arange(arch.shape[0])
    heights = np.array([(rows * arch[:, c]).sum() / arch[:, c].sum() for c in columns])
    assert heights[[0, -1]].mean() - heights.min() == pytest.approx(0.2 * 300, abs=4)
    # three points fix the circle; all others must lie on it
    radius = (150**2 + 60**2) / (2 * 60)
    middle = columns.mean()
    expected = heights.min() + radius - np.sqrt(radius**2 - (columns - middle) ** 2)
    assert np.abs(heights - expected).max() < 1.5
    ink = set_text(book, book.builtin[0], "Valley", 40).ink
    assert np.array_equal(bend(ink[::-1], -0.2), bend(ink, 0.2)[::-1])
    assert np.array_equal(bend(ink, 0.0), ink)


@pytest.mark.skipif(not (SHARED / "fonts").is_dir(), reason="no shared fonts here")
def test_faces_that_draw_small_letters_as_capitals_are_known():
    book = FontBook([SHARED / "fonts"])
    unicase = {face.name for face in book.from_files if book.is_unicase(face)}
    assert {"BEBAS___", "Amatic-Bold", "SEASRN__"} <= unicase
    assert not unicase & {"DroidSans", "Pacifico", "OpenSans-Bold", "Lato-Regular"}
    assert len(find_fonts([SHARED / "fonts"])) == len(book.from_files)

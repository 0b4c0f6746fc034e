"""Decoding with known words: what is not sure becomes a word of the list, and nothing else changes."""

import numpy as np
import pytest

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import greedy_decode
from src.crnn.decoder import choose_decoder
from src.crnn.known_words import KnownWords, decode_with_words, load_words
from src.crnn.options import DecodeOptions

LETTERS = Alphabet.named("digits_lower")
PRINTABLE = Alphabet.named("printable_ascii")
WORDS = KnownWords(["house", "of", "Cards", "loo"])


def seen(alphabet, text, doubts=(), sure=0.98):
    """Log-probabilities (T, 1, C) of a text with a blank after each character.

    doubts: (place, character, probability) of a character that may stand there instead.
    """
    log_probs = np.full((2 * len(text), 1, alphabet.num_classes), 1e-6)
    for place, index in enumerate(alphabet.encode(text)):
        log_probs[2 * place, 0, index] = sure
        log_probs[2 * place + 1, 0, 0] = sure
    for place, character, probability in doubts:
        log_probs[2 * place, 0, alphabet.encode(character)[0]] = probability
        log_probs[2 * place, 0, alphabet.encode(text[place])[0]] = sure - probability
    return np.log(log_probs / log_probs.sum(-1, keepdims=True))


def read(alphabet, text, doubts=(), words=WORDS, **options):
    (decoded,) = decode_with_words(seen(alphabet, text, doubts), alphabet, words, **options)
    return alphabet.decode(decoded.indices), decoded


@pytest.mark.parametrize(
    "text, doubts, expected",
    [
        ("h0use", [(1, "o", 0.3)], "house"),
        ("h0use", [(1, "o", 0.001)], "h0use"),  # clearly seen
        ("hovse", [(2, "u", 0.2)], "house"),
        ("house", [(2, "v", 0.4)], "house"),
        ("100", [(0, "l", 0.4), (1, "o", 0.4), (2, "o", 0.4)], "100"),  # a number is no word
        ("0f", [(0, "o", 0.4)], "0f"),  # too short
        ("h0u5e", [(1, "o", 0.3), (3, "s", 0.3)], "house"),
        ("zebra", [(0, "x", 0.4)], "zebra"),  # neither is in the list
    ],
)
def test_words(text, doubts, expected):
    assert read(LETTERS, text, doubts)[0] == expected


def test_lines_are_read_word_by_word():
    text, decoded = read(PRINTABLE, 'A "Hovse" 0f Carbs!', [(5, "u", 0.3), (16, "d", 0.3)])
    assert text == 'A "House" 0f Cards!'
    assert decoded.steps == tuple(range(0, 38, 2)) and len(decoded.character_scores) == len(text)
    assert decoded.character_scores[5] == pytest.approx(0.3, abs=0.01)
    before = greedy_decode(seen(PRINTABLE, 'A "Hovse" 0f Carbs!', [(5, "u", 0.3), (16, "d", 0.3)]))[0]
    assert 0 < decoded.confidence < before.confidence


def test_a_space_may_take_several_steps():
    log_probs = seen(PRINTABLE, "hovse of", [(2, "u", 0.3)]).repeat(3, axis=0)
    (decoded,) = decode_with_words(log_probs, PRINTABLE, WORDS)
    assert PRINTABLE.decode(decoded.indices) == "house of"


def spaced(text, blank, space):
    """Log-probabilities of a text whose spaces compete with blanks."""
    log_probs = seen(PRINTABLE, text)
    for place in (index for index, character in enumerate(text) if character == " "):
        log_probs[2 * place, 0, [0, *PRINTABLE.encode(" ")]] = np.log([blank, space])
    return log_probs


@pytest.mark.parametrize(
    "text, blank, expected",
    [
        ("Ho use of", 0.12, "House of"),
        ("Hou se!", 0.12, "House!"),
        ("Ho use", 0.02, "Ho use"),  # the space is clearly seen
        ("of cards", 0.12, "of cards"),
        ("house cards", 0.12, "house cards"),
        ("Ca rds", 0.12, "Cards"),
        ("Ho uze", 0.12, "Ho uze"),
    ],
)
def test_a_doubtful_space_in_a_word_of_the_list_is_none(text, blank, expected):
    (decoded,) = decode_with_words(spaced(text, blank, 0.88), PRINTABLE, WORDS)
    assert PRINTABLE.decode(decoded.indices) == expected
    assert len(decoded.steps) == len(decoded.character_scores) == len(expected)


def test_nothing_seen_stays_nothing():
    blank = np.log(np.array([0.9] + [0.1 / 36] * 36))[None, None].repeat(5, axis=0)
    assert decode_with_words(blank, LETTERS, WORDS)[0].indices == ()


def test_a_word_may_be_longer_than_what_was_read():
    log_probs = seen(LETTERS, "hose")
    log_probs[3, 0] = np.log(1e-6)
    log_probs[3, 0, [0, *LETTERS.encode("u")]] = np.log([0.6, 0.39])
    assert LETTERS.decode(greedy_decode(log_probs)[0].indices) == "hose"
    assert LETTERS.decode(decode_with_words(log_probs, LETTERS, WORDS)[0].indices) == "house"


def test_the_factor_is_a_ratio_of_probabilities():
    for factor, expected in ((5, "hovse"), (12, "house")):  # 0.88 to 0.1
        assert read(LETTERS, "hovse", [(2, "u", 0.1)], factor=factor)[0] == expected


def test_lists(tmp_path):
    assert "(House!" in WORDS and "house of" not in WORDS and "of" not in WORDS and "" not in WORDS
    english = load_words("")
    assert "restaurant" in english and "The" in english and "rn" not in english
    (tmp_path / "list.txt").write_text("# names\nQuux\n", encoding="utf-8")
    assert "quux" in load_words(str(tmp_path / "list.txt"))
    (tmp_path / "empty.txt").write_text("ab\n")
    for name, message in (("empty.txt", "no word of 3 letters"), ("none.txt", "cannot read")):
        with pytest.raises(UserError, match=message):
            load_words(str(tmp_path / name))


def test_every_decoder_can_be_chosen():
    log_probs = seen(LETTERS, "h0use", [(1, "o", 0.3)])
    texts = {
        name: LETTERS.decode(choose_decoder(DecodeOptions(decoder=name), LETTERS)(log_probs)[0].indices)
        for name in ("greedy", "beam", "words")
    }
    assert texts == {"greedy": "h0use", "beam": "h0use", "words": "house"}
    assert len(choose_decoder(DecodeOptions(decoder="words"), LETTERS)(log_probs[:, :0])) == 0

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.common.errors import UserError
from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import beam_search_decode, greedy_decode
from src.crnn.lexicon import Lexicon, ctc_log_likelihood
from src.metrics.edit_distance import distances_to_all

ALPHABET = Alphabet.named("digits_lower")


def random_log_probs(shape, seed=0, sharpness=1.0):
    logits = np.random.default_rng(seed).standard_normal(shape) * sharpness
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def collapse(path):
    return tuple(c for c, _ in itertools.groupby(path) if c != 0)


def word_probabilities(log_probs):
    """Every path of one image (T, C), enumerated."""
    words = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        probability = np.exp(sum(log_probs[t, c] for t, c in enumerate(path)))
        words[collapse(path)] = words.get(collapse(path), 0) + probability
    return words


def sharp_path(path, num_classes=37):
    log_probs = np.full((len(path), 1, num_classes), np.log(0.1 / (num_classes - 1)))
    log_probs[np.arange(len(path)), 0, path] = np.log(0.9)
    return log_probs


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from(ALPHABET.characters), max_size=8), st.randoms(use_true_random=False))
def test_any_path_of_a_word_is_read_as_the_word(text, random):
    path = [0] * random.randint(0, 2)
    for index in ALPHABET.encode(text):
        if path and path[-1] == index:
            path.append(0)
        path += [index] * random.randint(1, 3) + [0] * random.randint(0, 2)
    log_probs = sharp_path(path or [0])
    (greedy,) = greedy_decode(log_probs)
    assert ALPHABET.decode(greedy.indices) == text
    assert greedy.confidence == pytest.approx(0.9 ** len(path or [0]))
    assert greedy.character_scores == pytest.approx([0.9] * len(text))
    (beam,) = beam_search_decode(log_probs, 5, 5)
    assert ALPHABET.decode(beam.indices) == text and len(beam.character_scores) == len(text)


def test_greedy_equals_a_plain_loop():
    log_probs = random_log_probs((26, 40, 5))
    for i, decoded in enumerate(greedy_decode(log_probs)):
        path = log_probs[:, i].argmax(-1)
        assert decoded.indices == collapse(path.tolist())
        assert decoded.confidence == pytest.approx(np.exp(log_probs[:, i].max(-1).sum()))
        runs = [list(run) for _, run in itertools.groupby(enumerate(path), key=lambda item: item[1])]
        scores = [max(np.exp(log_probs[t, i, c]) for t, c in run) for run in runs if run[0][1] != 0]
        assert decoded.character_scores == pytest.approx(scores)
        peaks = [max(run, key=lambda step: log_probs[step[0], i, step[1]])[0] for run in runs if run[0][1] != 0]
        assert list(decoded.steps) == peaks


def test_both_decoders_name_the_step_of_each_character():
    path = [0, 3, 3, 0, 3, 0, 0, 5, 5, 5, 0]
    log_probs = sharp_path(path)
    log_probs[2, 0, 3] += 0.05  # of the two steps of the first character the second is the surer
    log_probs[8, 0, 5] += 0.05
    assert greedy_decode(log_probs)[0].steps == (2, 4, 8)
    assert beam_search_decode(log_probs, 5, 5)[0].steps == (2, 4, 8)


def test_empty_batch_and_words_without_characters():
    assert greedy_decode(np.zeros((26, 0, 37))) == []
    blank = greedy_decode(sharp_path([0, 0, 0]))[0]
    assert blank.indices == () and blank.character_scores == () and blank.confidence == pytest.approx(0.729)


@pytest.mark.parametrize("seed", range(8))
def test_a_wide_beam_finds_the_most_probable_word(seed):
    log_probs = random_log_probs((5, 1, 3), seed)
    words = word_probabilities(log_probs[:, 0])
    (found,) = beam_search_decode(log_probs, beam_width=1000, candidates=3)
    best = max(words, key=words.get)
    assert found.indices == best
    assert found.confidence == pytest.approx(words[best])
    assert len(found.character_scores) == len(best)
    assert all(0 < score <= 1 for score in found.character_scores)


def test_a_beam_can_read_what_the_best_path_does_not():
    # the classic case: blank leads at both steps, but the three paths of "1" together outweigh "blank blank"
    log_probs = np.log(np.array([[[0.6, 0.4]], [[0.6, 0.4]]]))
    assert greedy_decode(log_probs)[0].indices == ()
    (beam,) = beam_search_decode(log_probs)
    assert beam.indices == (1,) and beam.confidence == pytest.approx(0.64)


def test_certain_blanks_and_impossible_classes_do_not_break_the_beam():
    log_probs = np.full((4, 1, 3), -np.inf)
    log_probs[:, :, 0] = 0
    (beam,) = beam_search_decode(log_probs)
    assert beam.indices == () and beam.confidence == 1


@pytest.mark.parametrize("bad", [np.zeros((26, 37)), np.zeros((0, 1, 37))])
def test_bad_input_is_refused(bad):
    with pytest.raises(ValueError, match="log-probabilities"):
        greedy_decode(bad)


@pytest.mark.parametrize("decode", [greedy_decode, beam_search_decode])
def test_the_output_of_a_diverged_network_is_an_error_for_its_user(decode):
    with pytest.raises(UserError, match="output is not finite"):
        decode(np.full((2, 1, 3), np.nan))


def test_likelihood_equals_the_enumeration_of_paths():
    log_probs = random_log_probs((5, 3), 3)
    words = word_probabilities(log_probs)
    labels = [(), (1,), (1, 1), (1, 2), (2, 2, 2), (1, 2, 1, 2, 1), (1, 1, 1, 1)]
    lengths = np.array([len(word) for word in labels])
    padded = np.zeros((len(labels), 5), np.int32)
    for row, word in zip(padded, labels, strict=True):
        row[: len(word)] = word
    likelihood = np.exp(ctc_log_likelihood(log_probs, padded, lengths))
    np.testing.assert_allclose(likelihood, [words.get(word, 0) for word in labels], rtol=1e-9)
    assert likelihood[-1] == 0


def levenshtein(a, b):
    if not a or not b:
        return len(a) + len(b)
    replaced = levenshtein(a[1:], b[1:]) + (a[0] != b[0])
    return min(levenshtein(a[1:], b) + 1, levenshtein(a, b[1:]) + 1, replaced)


@settings(max_examples=40, deadline=None)
@given(st.text("abc", max_size=5), st.lists(st.text("abc", max_size=5), min_size=1, max_size=6, unique=True))
def test_edit_distances_equal_the_recursion(read, words):
    assert distances_to_all(read, words).tolist() == [levenshtein(read, word) for word in words]


def test_the_lexicon_corrects_a_wrong_reading():
    log_probs = sharp_path([*ALPHABET.encode("h0te"), 0, *ALPHABET.encode("l")])[:, 0]
    read = ALPHABET.encode("h0tel")
    lexicon = Lexicon(["motel", "hotel", "Hostel", "h-tel", "hotel"], ALPHABET.encode)
    assert lexicon.words == ["motel", "hotel", "Hostel"] and lexicon.left_out == ["h-tel"]
    assert lexicon.nearest(log_probs, read) == "hotel"
    assert lexicon.nearest(log_probs, read, "edit") == "hotel"


def test_a_large_lexicon_lets_only_near_words_compete():
    filler = [f"zzzzzz{i}" for i in range(1001)]
    log_probs = sharp_path(ALPHABET.encode("hotel"))[:, 0]
    with_near = Lexicon([*filler, "hotels"], ALPHABET.encode)
    assert with_near.nearest(log_probs, ALPHABET.encode("hotel")) == "hotels"
    # nothing within the distance: all compete, and the answer is still a word of the list
    assert Lexicon(filler, ALPHABET.encode).nearest(log_probs, []) in filler


def test_a_lexicon_without_readable_words_is_refused():
    with pytest.raises(UserError, match="none of 2 words"):
        Lexicon(["é", "漢"], ALPHABET.encode)

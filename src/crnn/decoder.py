"""The decoder that the options name: from class probabilities to words."""

from functools import partial

from src.crnn.alphabet import Alphabet
from src.crnn.ctc_decode import Decode, beam_search_decode, greedy_decode
from src.crnn.known_words import decode_with_words, load_words
from src.crnn.options import DecodeOptions


def choose_decoder(options: DecodeOptions, alphabet: Alphabet) -> Decode:
    """The decoder of `options` for texts of `alphabet`.

    Raises:
        UserError: a word list that cannot be used.
    """
    if options.decoder == "beam":
        return partial(beam_search_decode, beam_width=options.beam_width)
    if options.decoder == "words":
        words = load_words(options.word_list)
        return partial(decode_with_words, alphabet=alphabet, words=words, beam_width=options.beam_width)
    return greedy_decode

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.crnn.alphabet import Alphabet, AlphabetError

ASCII = Alphabet.named("printable_ascii")
SEED = Alphabet.named("digits_lower")


def test_the_seed_alphabet_has_37_classes_digits_first():
    assert SEED.num_classes == 37
    assert SEED.encode("09az") == [1, 10, 11, 36]
    assert not SEED.has_case


def test_printable_ascii_has_95_characters_and_space():
    assert ASCII.num_classes == 96
    assert ASCII.encode(" ~") == [1, 95]
    assert ASCII.has_case


@given(st.text(st.sampled_from(ASCII.characters)))
def test_decode_undoes_encode(text):
    assert ASCII.decode(ASCII.encode(text)) == text


@given(st.text(min_size=1).map(lambda s: "".join(dict.fromkeys(s))))
def test_any_characters_make_an_alphabet(characters):
    alphabet = Alphabet(characters)
    assert alphabet.encode(characters) == list(range(1, len(characters) + 1))
    assert alphabet.decode(alphabet.encode(characters)) == characters


def test_case_is_folded_only_where_the_alphabet_has_one_case():
    assert SEED.encode("Ab") == SEED.encode("ab")
    assert Alphabet(string.ascii_uppercase).encode("ab") == [1, 2]
    assert ASCII.decode(ASCII.encode("aA")) == "aA"


def test_folding_never_replaces_one_character_by_two():
    # upper() of the sharp s is "SS", of the ligature fi "FI"
    assert Alphabet("ßab").encode("ßB") == [1, 3]


def test_all_foreign_characters_are_listed_at_once():
    with pytest.raises(AlphabetError, match=r"'é' \(U\+00E9\) '-' \(U\+002D\) '漢'") as caught:
        SEED.encode("é-a-漢é")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("indices", [[0], [37], [-1], [1, 99]])
def test_classes_without_a_character_are_refused(indices):
    with pytest.raises(AlphabetError, match="accepted are 1 to 36"):
        SEED.decode(indices)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("漢字 か", "漢字 か"),
        ("漢字か\n", "漢字か"),
        ("漢\n \n字\n", "漢 字"),
        ("a\r\nb\r\n", "ab"),
        ("\ufeffab", "ab"),
        ("a\n\nb", "ab"),
        ("a\u2028b\n", "a\u2028b"),
    ],
)
def test_file_in_one_line_or_one_a_line(tmp_path, content, expected):
    path = tmp_path / "alphabet.txt"
    path.write_bytes(content.encode())
    assert Alphabet.from_file(path).characters == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("abca", "'a'.*more than once"),
        ("", "empty"),
        ("ab\nc", "one character per line"),
        (b"\xff\xfe", "alphabet.txt"),
    ],
)
def test_bad_files_are_refused_with_their_name(tmp_path, content, message):
    path = tmp_path / "alphabet.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(AlphabetError, match=message) as caught:
        Alphabet.from_file(path)
    assert "alphabet.txt" in str(caught.value)


def test_missing_file_and_unknown_name():
    with pytest.raises(AlphabetError, match="nowhere"):
        Alphabet.from_file("nowhere.txt")
    with pytest.raises(AlphabetError, match="digits_lower, printable_ascii"):
        Alphabet.named("klingon")

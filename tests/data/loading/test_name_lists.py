"""Lists of names that divide a data set."""

import pytest

from src.common.errors import UserError
from src.data.loading.name_lists import read_names
from src.data.recognition.annotations import Reject, Word, WordSet, WordSetError
from src.data.recognition.listed_words import only_listed, without_listed

ITEMS = [Word(None, "x", f"p/{photo}_{number}.png", f"p/{photo}") for photo in (1, 2, 3) for number in (1, 2)]
ITEMS.append(Reject("broken", "empty label"))


def names_of(words: WordSet) -> list[str]:
    names = [word.name for word in words.iterate()]
    assert words.count == len(names)
    return names


def test_words_and_whole_photographs_are_named():
    words = WordSet(len(ITEMS), lambda: iter(ITEMS))
    names = {"p/1_2.png", "p/3"}
    assert names_of(only_listed(words, names)) == ["p/1_2.png", "p/3_1.png", "p/3_2.png"]
    assert names_of(without_listed(words, names)) == ["p/1_1.png", "p/2_1.png", "p/2_2.png", "broken"]


@pytest.mark.parametrize("choose", [only_listed, without_listed])
def test_a_list_of_another_set_is_refused(choose):
    with pytest.raises(WordSetError, match="1 of 2 listed names .* train/9_9.png"):
        choose(WordSet(len(ITEMS), lambda: iter(ITEMS)), ["p/1", "train/9_9.png"])


def test_reading_a_list(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf# held out\r\n\r\n a.png \r\nb c.png\r\n")
    assert read_names(tmp_path / "list.txt") == {"a.png", "b c.png"}
    (tmp_path / "empty.txt").write_text("# nothing\n")
    for name, message in (("empty.txt", "no name"), ("none.txt", "none.txt")):
        with pytest.raises(UserError, match=message):
            read_names(tmp_path / name)

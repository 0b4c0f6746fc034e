"""Shares of a job are disjoint, complete and always the same."""

import pytest

from src.common.options import OptionError
from src.common.shard import Shard

NAMES = [f"folder {number % 7}/image {number}.jpg" for number in range(500)] + ["\udcff.png"]


@pytest.mark.parametrize("count", [1, 2, 16, 700])
def test_shares_are_disjoint_and_complete(count):
    shares = [Shard(number, count) for number in range(1, count + 1)]
    assert sorted(name for share in shares for name in NAMES if share.holds(name)) == sorted(NAMES)
    for total in (0, 1, 15, 1000):
        assert [position for share in shares for position in share.of(total)] == list(range(total))


def test_shares_are_alike_in_size_and_stay_when_names_come_and_go():
    assert all(90 < sum(map(Shard(number, 4).holds, NAMES)) < 160 for number in range(1, 5))
    assert Shard.parse("2/3").holds("a.jpg") is Shard(2, 3).holds("a.jpg")
    assert [name for name in "abcdef" if Shard(1, 3).holds(name)] == ["a", "c", "d", "e"]  # fixed for ever


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "x", "1/3/5", "1-3", " 1/3", "-1/3", "1/99999999", "1/3\n"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(OptionError, match="is not a share such as 3/16"):
        Shard.parse(text)


def test_nothing_asked_is_everything():
    assert Shard.parse("") == Shard(1, 1) and Shard().holds("anything")

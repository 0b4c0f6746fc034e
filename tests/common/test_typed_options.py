"""Groups of options: typed, frozen, and every mistake in one line that names the option."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError, model_validator

from src.common.options import AutoOrBool, Numbers, OptionError, Options, Texts, WholeNumbers, option


class Group(Options):
    count: int = option(3, "how many", low=1)
    share: float = option(0.5, "how much", above=0, high=1)
    least: float = option(0.0, "at least", low=0)
    kind: Literal["a", "b"] = option("a", "which")
    shape: AutoOrBool = option("auto", "whether")
    on: bool = option(False, "if")
    name: str = option("", "what it is called")
    file: str | Path = option("x", "where")
    names: Texts = option((), "their names")
    sizes: WholeNumbers = option((1,), "their sizes")
    weights: Numbers = option((), "their weights")


class Small(Options):
    count: int = option(3, "how many", low=1)

    @model_validator(mode="after")
    def _odd(self):
        if self.count % 2 == 0:
            raise ValueError(f"count: {self.count} is even")
        return self


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cuont": 1}, "cuont: unknown key; did you mean count?"),
        ({"zzzzzz": 1}, "zzzzzz: unknown key; --help lists the keys"),
        ({"count": 0}, "count: 0 is outside the range from 1 up"),
        ({"count": 1.0}, "count: '1.0' is not a whole number"),
        ({"count": True}, "count: 'true' is not a whole number"),
        ({"share": 0}, "share: 0 is outside the range above 0 to 1"),
        ({"share": 2.5}, "share: 2.5 is outside the range above 0 to 1"),
        ({"share": "0.5"}, "share: '0.5' is not a number"),
        ({"share": True}, "share: 'true' is not a number"),
        ({"share": float("nan")}, "share: nan is not a finite number"),
        ({"least": float("inf")}, "least: inf is not a finite number"),
        ({"kind": "c"}, "kind: 'c' is not one of a, b"),
        ({"shape": 1}, "shape: '1' is not one of auto, true, false"),
        ({"on": 1}, "on: '1' is not true or false"),
        ({"name": 3}, "name: '3' is not a text"),
        ({"file": 3}, "file: '3' is not a text"),
        ({"names": "ab"}, "names: 'ab' is not a list"),
        ({"names": ["a", 1]}, "names: '1' in the list is not one of its texts"),
        ({"sizes": [1, 2.5]}, "sizes: '2.5' in the list is not one of its whole numbers"),
        ({"weights": [1, "x"]}, "weights: 'x' in the list is not one of its numbers"),
    ],
)
def test_mistakes(values, message):
    with pytest.raises(OptionError) as caught:
        Group(**values)
    assert str(caught.value) == message


def test_what_is_accepted():
    group = Group(share=1, names=["a"], weights=[1, 0.5], shape="true", file=Path("y"))
    assert isinstance(group.share, float) and group.names == ("a",) and group.shape is True
    assert group.to_dict() | {"count": 3} == {
        "count": 3,
        "share": 1.0,
        "least": 0.0,
        "kind": "a",
        "shape": True,
        "on": False,
        "name": "",
        "file": "y",
        "names": ["a"],
        "sizes": [1],
        "weights": [1, 0.5],
    }


class Large(Small, Group):
    more: int = option(1, "more")


def test_a_part_is_a_group_of_its_own():
    part = Small.part_of(Large(count=5, more=2))
    assert type(part) is Small and part == Small(count=5) and part.given == {"count"}
    assert Small.part_of(Large(more=2), count=3).given == {"count"}
    with pytest.raises(OptionError, match="more: unknown key"):
        Small.part_of(Large(), more=3)


def test_a_group_is_frozen_and_knows_what_was_given():
    group = Small(count=5)
    with pytest.raises(ValidationError, match="frozen"):
        group.count = 7
    assert group.given == {"count"} and Small().given == set()
    assert Small().replace(count=7) == Small(count=7) and Small().replace(count=7).given == set()
    with pytest.raises(OptionError, match="count: 4 is even"):
        group.replace(count=4)
    with pytest.raises(OptionError, match="cont: unknown key"):
        group.replace(cont=4)

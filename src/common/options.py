"""Options: frozen, typed values that own their name, type, default, range and help.

A package defines the group of options that its functions take as a subclass of `Options`, in a small module that
needs no framework. `src.model_utils` joins groups to the flat configuration of a command by inheritance. So every
default, range and help text is written once, and a configuration can be handed to any function that takes one of its
groups.
"""

import errno
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from typing_extensions import Self

from src.common.errors import UserError
from src.common.printable import printable

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class OptionError(UserError):
    """An option that is not accepted; one line names it, its value, and what is accepted."""


class ManyOptionsError(OptionError):
    """Several options at once. All of them are named, so the line may be longer than that of another error."""

    longest_line = 6000


def unreadable(error: OSError | UnicodeDecodeError) -> type[UserError]:
    """Whose mistake it is that a file cannot be read: of the option that names it, or of what it holds."""
    return OptionError if isinstance(error, OSError) else UserError


def unwritable(error: OSError) -> type[UserError]:
    """Whose mistake it is that a file cannot be written: of the option that names it, or of the machine."""
    # A file stands in the place of a folder, or a part is too long for a name.
    return OptionError if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG) else UserError


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def as_bool(value: object) -> object:
    """ "true" and "false" as bool, for options that take other texts as well; the rest as it is."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
WholeNumbers = Annotated[tuple[int, ...], BeforeValidator(_as_tuple)]
Numbers = Annotated[tuple[int | float, ...], BeforeValidator(_as_tuple)]
NonEmpty = Annotated[str, Field(min_length=1)]  # as folders for outputs: "" would be the current one
AutoOrBool = Annotated[bool | Literal["auto"], BeforeValidator(as_bool)]

# What a value of a type is called in messages, and what the items of a list are.
_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", tuple: "a list", str: "a text"}
_ITEM_NAMES = {str: "texts", int: "whole numbers", tuple: "lists"}
_RANGE_ERRORS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")


def option(
    default: Any, help: str, *, low: float | None = None, above: float | None = None, high: float | None = None
) -> Any:
    """A field of `Options`.

    Args:
        help: one line, without a full stop.
        low, above, high: accepted are numbers from `low`, or above `above`, to `high`.
    """
    return Field(default, description=help, ge=low, gt=above, le=high)


class Options(BaseModel):
    """A group of options.

    `Group(key=value, ...)` raises OptionError, in one line, for an unknown key, a value of another type, or one
    outside its range or choices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    if not TYPE_CHECKING:  # a type checker knows the arguments from the fields

        def __init__(self, **values: Any) -> None:
            try:
                try:
                    super().__init__(**values)
                except UnicodeEncodeError:  # from a check whose message shows a value that is not UTF-8
                    super().__init__(**{k: printable(v) if isinstance(v, str) else v for k, v in values.items()})
                    raise OptionError("a value is not UTF-8") from None
            except ValidationError as error:
                raise OptionError(_problem(type(self), error.errors(include_url=False)[0])) from None

    @property
    def given(self) -> set[str]:
        """The options that somebody gave; the others have their defaults."""
        return self.model_fields_set

    @classmethod
    def part_of(cls, options: "Options", **changes: Any) -> Self:
        """This group alone, of a larger one that has all its keys; `changes` count as given."""
        part = cls(**{**{key: getattr(options, key) for key in cls.model_fields}, **changes})
        given = {key for key in cls.model_fields if key in options.given} | changes.keys()
        object.__setattr__(part, "__pydantic_fields_set__", given)
        return part

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed, which do not count as given.

        Raises:
            OptionError: as the class does.
        """
        values = {key: getattr(self, key) for key in type(self).model_fields}
        changed = type(self)(**{**values, **changes})
        object.__setattr__(changed, "__pydantic_fields_set__", set(self.given))
        return changed

    def to_dict(self) -> dict[str, Any]:
        """The values as YAML and JSON can hold them."""
        return self.model_dump(mode="json")


def with_default(group: type[Options], key: str, default: Any, help: str = "") -> Any:
    """The option `key` of `group` with another default, or help, for a group that inherits it."""
    field = group.model_fields[key]
    limits = range_of(field)
    return option(
        default,
        help or field.description or "",
        low=limits.get("min"),
        above=limits.get("above"),
        high=limits.get("max"),
    )


def choices_of(field: FieldInfo) -> tuple[Any, ...]:
    """What is accepted, where that is a list of values."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if _is_union(annotation):
        fixed = [item for part in get_args(annotation) if get_origin(part) is Literal for item in get_args(part)]
        return (*fixed, True, False) if fixed and bool in get_args(annotation) else ()
    return ()


def range_of(field: FieldInfo) -> dict[str, float]:
    """The limits of a number, as far as there are any: `min` or `above`, and `max`."""
    limits = {}
    for item in field.metadata:
        for ours, theirs in (("min", "ge"), ("above", "gt"), ("max", "le")):
            if getattr(item, theirs, None) is not None:
                limits[ours] = getattr(item, theirs)
    return limits


def accepted(field: FieldInfo) -> str:
    """What an option takes, in words."""
    choices = choices_of(field)
    if choices:
        return f"one of {', '.join(_shown(item) for item in choices)}"
    return _TYPE_NAMES.get(value_type(field), "a value")


def range_text(limits: dict[str, float]) -> str:
    low = limits.get("min", limits.get("above"))
    start = f"above {low}" if "above" in limits else str(low)
    if "max" not in limits:
        return f"the range above {low}" if "above" in limits else f"the range from {low} up"
    return f"the range up to {limits['max']}" if low is None else f"the range {start} to {limits['max']}"


def value_type(field: FieldInfo) -> type:
    """bool, int, float, str or tuple: what a value is made of, for messages and for reading a command line."""
    kinds = {get_origin(part) or part for part in _parts(field.annotation)}
    for kind in (tuple, str, bool, float, int):
        if kind in kinds:
            return kind
    return object


def unknown_key(key: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - for a mistake only

    near = difflib.get_close_matches(key, list(known), n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; --help lists the keys"
    return f"{key}: unknown key{hint}"


def _problem(model: type[Options], error: "ErrorDetails") -> str:
    """One line for the first thing that a model refuses."""
    location, kind, value = error["loc"], error["type"], error["input"]
    if kind == "value_error":  # of a validator, which names its key itself
        return str(error["ctx"]["error"])
    key = str(location[0])
    if kind == "extra_forbidden":
        return unknown_key(key, model.model_fields)
    field = model.model_fields[key]
    complaints = {"finite_number": f"{value} is not a finite number", "string_too_short": "is empty"}
    if kind in complaints:
        return f"{key}: {complaints[kind]}"
    if kind in _RANGE_ERRORS:
        return f"{key}: {value} is outside {range_text(range_of(field))}"
    if value_type(field) is tuple and len(location) > 1:
        item = get_args(field.annotation)[0]
        items = _ITEM_NAMES.get(get_origin(item) or item, "numbers")
        return f"{key}: '{value}' in the list is not one of its {items}"
    return f"{key}: '{_shown(value)}' is not {accepted(field)}"


def _parts(annotation: Any) -> list[Any]:
    """The members of a union and the types of the values of a literal; a plain type is itself."""
    if _is_union(annotation):
        return [item for part in get_args(annotation) for item in _parts(part)]
    if get_origin(annotation) is Literal:
        return [type(item) for item in get_args(annotation)]
    return [annotation]


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

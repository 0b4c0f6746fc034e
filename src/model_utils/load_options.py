"""A configuration file and the command line become one typed, frozen configuration.

The defaults of a command are those of its model, and of its own configuration file where somebody has edited it; the
file of `--config_path` is laid over them, and the command line over both. What is read here counts as given, except
for values of a command's own file that are the defaults.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from src.common.options import ManyOptionsError, OptionError, accepted, choices_of, unknown_key, value_type
from src.common.printable import one_line
from src.model_utils.config_file import Config, file_text, help_page
from src.model_utils.input_arguments import YES_OR_NO
from src.model_utils.upstream_keys import refuse_other_crnn, without_upstream_keys

_FILE_KEYS = ("config_path", "_config_path")
_MOST_KEYS = 100  # of unknown ones in a message
_LONGEST_KEY = 50
ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True)
class Given:
    """What the user gave: a file, and texts by key (None for a key alone)."""

    arguments: dict[str, str | None] = field(default_factory=dict)
    path: Path | None = None
    values: dict[Any, Any] = field(default_factory=dict)
    wants_help: bool = False


def load_options(model: type[ConfigT], argv: Sequence[str]) -> ConfigT:
    """The configuration that `argv`, the arguments after the program's name, asks for.

    Raises:
        OptionError: in one line: the key, the value and what is accepted.
        SystemExit: 0, after printing the help, when `--help` is asked for.
    """
    return build_config(model, read_given(argv))


def switches(model: type[Config]) -> dict[str, set[str]]:
    """The keys that may stand alone on the command line, and the texts that may follow them as their values."""
    fields = {key: field for key, field in model.model_fields.items() if isinstance(field.default, bool)}
    return {key: {*YES_OR_NO} | {str(item) for item in choices_of(field)} for key, field in fields.items()}


def read_given(argv: Sequence[str]) -> Given:
    """Split the arguments and read the file that they name."""
    arguments = _split_arguments(argv)
    wants_help = "help" in arguments
    arguments.pop("help", None)
    paths = [arguments.pop(key) for key in _FILE_KEYS if key in arguments]
    if not paths:
        return Given(arguments, wants_help=wants_help)
    if paths[0] is None:
        raise OptionError("config_path: a value is missing")
    return Given(arguments, Path(paths[0]), read_values(Path(paths[0])), wants_help)


def build_config(model: type[ConfigT], given: Given) -> ConfigT:
    """`model` with what was given; see `load_options`."""
    if given.wants_help:
        usage = (sys.modules["__main__"].__doc__ or "").strip()  # of the program
        print(*filter(None, (usage, help_page(model))), sep="\n\n")
        raise SystemExit(0)
    is_own_file = given.path is not None and given.path.resolve() == model.file.resolve()
    own = given.values if is_own_file else _edited_values(model)
    values = {key: value for key, value in own.items() if not _is_default(model, key, value)}
    if not is_own_file:
        values |= given.values
    arguments = {model.renamed.get(key, key): text for key, text in given.arguments.items()}
    values = {model.renamed.get(key, key): value for key, value in values.items()}
    values |= {key: _parsed(model, key, text) for key, text in arguments.items()}
    refuse_other_crnn(values)
    if model.of_upstream and any(key not in model.model_fields for key in values):
        heights = values.get("anchor_height", model.model_fields["anchor_height"].default)
        values = without_upstream_keys(values, len(heights) if isinstance(heights, (list, tuple)) else 0)
    unknown = [str(key) for key in values if key not in model.model_fields]
    if len(unknown) > 1:
        names = [one_line(key, _LONGEST_KEY) for key in unknown[:_MOST_KEYS]]
        more = f" and {len(unknown) - _MOST_KEYS} more" if len(unknown) > _MOST_KEYS else ""
        raise ManyOptionsError(f"unknown keys: {', '.join(names)}{more}; --help lists the keys")
    if unknown:
        raise OptionError(unknown_key(unknown[0], model.model_fields))
    for key, value in values.items():
        _check_texts(key, value)
        if value is None and value_type(model.model_fields[key]) is str:
            values[key] = ""
    return model(**values)


def _check_texts(key: object, value: object) -> None:
    """Refuse texts that no file can be named and no terminal can show; YAML has escapes for them."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and ("\0" in text or any("\ud800" <= character < "\udc80" for character in text)):
            raise OptionError(f"{key}: {text!r} holds a NUL or half a character")


def read_values(path: Path) -> dict[Any, Any]:
    """The first document of a configuration file."""
    from src.common.plain_yaml import read_documents  # noqa: PLC0415 - PyYAML takes a third of a quick start

    return read_documents(path)[0]


def _edited_values(model: type[Config]) -> dict[Any, Any]:
    """What the file of the command itself holds, where it is not as it was written from the model."""
    try:
        if model.file.read_text(encoding="utf-8") == file_text(model):
            return {}
    except (OSError, ValueError):  # the project without its files, or not UTF-8, which is an error where it is read
        if not model.file.is_file():
            return {}
    return read_values(model.file)


def _is_default(model: type[Config], key: object, value: object) -> bool:
    if not isinstance(key, str) or key not in model.model_fields:
        return False
    default = model.model_fields[key].default
    return (list(default) if isinstance(default, tuple) else default) == value


def _split_arguments(argv: Sequence[str]) -> dict[str, str | None]:
    """`--key value`, `--key=value`; a key alone has the value None."""
    arguments: dict[str, str | None] = {}
    position = 0
    while position < len(argv):
        item = argv[position]
        position += 1
        if item == "-h":
            item = "--help"
        if not item.startswith("--") or item == "--":
            raise OptionError(f"'{item}': expected --key value or --key=value")
        key, equals, text = item[2:].partition("=")
        value: str | None = text
        if not equals:
            follows = position < len(argv) and not argv[position].startswith("--")
            value = argv[position] if follows else None
            position += int(follows)
        if key in arguments:
            raise OptionError(f"{key}: is given twice on the command line")
        arguments[key] = value
    return arguments


def _parsed(model: type[Config], key: str, text: str | None) -> Any:
    """A command-line text as the type of its key; texts are taken as they stand, the rest in YAML syntax."""
    if key not in model.model_fields:
        return _value_of(text) if text else text
    kind = value_type(model.model_fields[key])
    numbers = [choice for choice in choices_of(model.model_fields[key]) if type(choice) is int]
    if text is not None and text in map(str, numbers):  # of a key that takes words too
        return int(text)
    if text is None:
        if not isinstance(model.model_fields[key].default, bool):
            raise OptionError(f"{key}: a value is missing; expected {accepted(model.model_fields[key])}")
        return True
    if kind is str or not text:
        return text
    try:
        return _value_of(text)
    except OptionError as error:
        raise OptionError(f"{key}: {error}") from None


def _value_of(text: str) -> Any:
    from src.common.plain_yaml import parse_value  # noqa: PLC0415 - as above

    return parse_value(text)

"""A configuration whose schema is a YAML file of values, help and choices, for the recipes of `pytorch/`."""

import difflib
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from src.common.options import OptionError
from src.model_utils.plain_yaml import parse_value, read_documents

_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", list: "a list"}
_FILE_KEYS = ("config_path", "_config_path")


class Config:
    """The frozen values of one run, as attributes.

    `source` is the file they come from; `given` names the keys that a file or the command line laid over the
    schema.
    """

    def __init__(self, values: dict[str, Any], source: Path, given: Iterable[str] = ()):
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "given", frozenset(given))

    def __getattr__(self, key: str) -> Any:
        try:
            return object.__getattribute__(self, "_values")[key]
        except KeyError:
            raise AttributeError(f"the configuration of this network has no key '{key}'") from None

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"a configuration is frozen; use replace({key}=...)")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def replace(self, **changes: Any) -> "Config":
        """A copy with some values changed; a key that does not exist raises OptionError."""
        for key in changes:
            if key not in self._values:
                raise OptionError(_unknown_key(key, self._values))
        return Config({**self._values, **changes}, self.source, self.given)

    def to_dict(self) -> dict[str, Any]:
        return dict(self._values)


def load_schema_config(argv: list[str] | None = None, *, schema_file: Path) -> Config:
    """Read schema, file and command line.

    Args:
        argv: the arguments after the program's name; None takes those of this process.
        schema_file: names every key, with its value, help and what is accepted.

    Raises:
        OptionError: in one line: the key, the value and what is accepted.
        SystemExit: 0, after printing the help, when `--help` is asked for.
    """
    arguments = _split_arguments(list(sys.argv[1:] if argv is None else argv))
    wants_help = "help" in arguments
    arguments.pop("help", None)
    paths = [arguments.pop(key) for key in _FILE_KEYS if key in arguments]
    if None in paths:
        raise OptionError("config_path: a value is missing")
    path = paths[0] if paths else None

    overlay: dict = {}
    if path is not None:
        overlay, _, _ = read_documents(Path(path))
    values, help_texts, choices = read_documents(schema_file)
    if wants_help:
        print(_help_page(values, help_texts, choices))
        raise SystemExit(0)

    schema = dict(values)
    for key, value in overlay.items():
        values[key] = _checked(key, value, schema, choices)
    for key, text in arguments.items():
        values[key] = _checked(key, _parsed(key, text, schema), schema, choices)
    source = Path(path) if path is not None else schema_file
    # The schema itself may be named as the file: that gives nothing beyond it.
    laid = set() if source.resolve() == schema_file.resolve() else overlay.keys()
    return Config(values, source, laid | arguments.keys())


def _split_arguments(argv: list[str]) -> dict[str, str | None]:
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


def _parsed(key: str, text: str | None, schema: dict[str, Any]) -> Any:
    """A command-line text as the type of its key; texts are taken as they stand, the rest in YAML syntax."""
    wanted = type(schema.get(key))
    if text is None and key in schema:
        if wanted is not bool:
            raise OptionError(f"{key}: a value is missing; expected {_TYPE_NAMES[wanted]}")
        return True
    return text if wanted is str or not text else parse_value(text)


def _checked(key: str, value: Any, schema: dict[str, Any], choices: dict) -> Any:
    if key not in schema:
        raise OptionError(_unknown_key(str(key), schema))
    wanted = type(schema[key])
    if wanted is float and type(value) is int and abs(value) < 2**63:
        value = float(value)
    if wanted is str and value is None:
        value = ""
    if type(value) is not wanted:
        raise OptionError(f"{key}: '{value}' is not {_TYPE_NAMES[wanted]}")
    if wanted is float and not math.isfinite(value):
        raise OptionError(f"{key}: {value} is not a finite number")
    if wanted is list:
        _check_items(key, value, schema[key])
    rule = choices.get(key)
    if isinstance(rule, list) and value not in rule:
        raise OptionError(f"{key}: '{value}' is not one of {', '.join(map(str, rule))}")
    if isinstance(rule, dict):
        low, high = rule.get("min"), rule.get("max")
        if (low is not None and value < low) or (high is not None and value > high):
            raise OptionError(f"{key}: {value} is outside {_range_text(low, high)}")
    return value


def _check_items(key: str, items: list, example: list) -> None:
    """The items of a list are of the kind that the schema's list holds; an empty one there accepts any."""
    for kind, name in ((str, "texts"), ((int, float), "numbers")):
        if example and all(isinstance(item, kind) for item in example):
            wrong = [item for item in items if not isinstance(item, kind) or isinstance(item, bool)]
            if wrong:
                raise OptionError(f"{key}: '{wrong[0]}' in the list is not one of its {name}")


def _range_text(low: float | None, high: float | None) -> str:
    if high is None:
        return f"the range from {low} up"
    if low is None:
        return f"the range up to {high}"
    return f"the range {low} to {high}"


def _unknown_key(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; --help lists the keys"
    return f"{key}: unknown key{hint}"


def _help_page(values: dict, help_texts: dict, choices: dict) -> str:
    lines = ["Any key: --key value or --key=value; --config_path FILE lays a YAML file over these.", ""]
    for key, value in values.items():
        rule = choices.get(key)
        if isinstance(rule, list):
            accepted = f" ({', '.join(map(str, rule))})"
        elif isinstance(rule, dict):
            accepted = f" ({_range_text(rule.get('min'), rule.get('max'))})"
        else:
            accepted = ""
        shown = yaml.safe_dump(value, default_flow_style=True).replace("\n...\n", "").strip()
        lines.append(f"  --{key} {shown}{accepted}\n      {help_texts.get(key, '')}")
    return "\n".join(lines)

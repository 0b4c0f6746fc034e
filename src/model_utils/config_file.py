"""The form of configuration files: document 1 holds the values, 2 the help, 3 what is accepted.

They are written from the typed models. Text is made here, not by PyYAML, so that every start can compare a file with
its model quickly.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from src.common.options import Options, choices_of, range_of, range_text

REPOSITORY = Path(__file__).resolve().parents[2]
# What YAML reads as a plain text: begins with a letter, a dot of a path or a bracket, and is no other kind of value.
_PLAIN = re.compile(r"(?!(true|false|yes|no|on|off|null|y|n)$)(\./|[A-Za-z/(])[^\n]*", re.IGNORECASE)


Sections = dict[str, tuple[type[Options] | str, ...]]


class Config(Options):
    """The flat configuration of a command.

    Class attributes:
        title: the first line of its file. note: a line below it. written_by: the command that writes the file.
        file: its file.
        sections: heading ("" for none) -> the groups and single keys that stand under it.
        renamed: keys of earlier versions, which are still read -> their names now.
        of_upstream: whether a file may hold keys of the model zoo, see `upstream_keys`.
    """

    title: ClassVar[str]
    note: ClassVar[str] = ""
    written_by: ClassVar[str] = "python -m src.model_utils.write_configs"
    file: ClassVar[Path]
    sections: ClassVar[Sections]
    renamed: ClassVar[dict[str, str]] = {}
    of_upstream: ClassVar[bool] = False


def file_text(model: type[Config]) -> str:
    """What the configuration file of `model` holds."""
    values, helps, choices = [], [], []
    for heading, keys in sections_of(model):
        values.append((f"# {heading}\n" if heading else "") + "".join(_line(key, _value(model, key)) for key in keys))
        helps.append("".join(_line(key, _scalar(_help(model, key))) for key in keys))
        choices += [_line(key, text) for key in keys if (text := _accepted(model, key))]
    about = (
        f"# {model.title}. Document 1 holds the values, 2 the help, 3 what is accepted.\n"
        "# Relative paths start from the folder the command is called in.\n"
        f"# Written by {model.written_by}.\n" + (f"# {model.note}\n" if model.note else "")
    )
    documents = ["\n".join([about, *values]), "\n".join(helps), "".join(choices)]
    return f"{documents[0]}\n---\n{documents[1]}\n---\n{documents[2]}"


def sections_of(model: type[Config]) -> Iterator[tuple[str, list[str]]]:
    """Heading and keys, each key once, in the order of the file."""
    left = dict.fromkeys(model.model_fields)
    for heading, parts in model.sections.items():
        named = [key for part in parts for key in ([part] if isinstance(part, str) else part.model_fields)]
        keys = [key for key in dict.fromkeys(named) if key in left]
        for key in keys:
            del left[key]
        yield heading, keys
    if left:
        raise ValueError(f"{model.__name__}: {', '.join(left)} in no section")


def help_page(model: type[Config]) -> str:
    lines = ["Any key: --key value or --key=value; --config_path FILE replaces these defaults by those of a file."]
    for heading, keys in sections_of(model):
        lines += ["", f"{heading}:"] * bool(heading)
        for key in keys:
            field = model.model_fields[key]
            choices, limits = choices_of(field), range_of(field)
            numbers = range_text(limits).removeprefix("the range ") if limits else ""
            accepted = ", ".join(_scalar(item) for item in choices) or numbers
            shown = f" ({accepted})" if accepted else ""
            lines.append(f"  --{key} {_value(model, key)}{shown}\n      {_help(model, key)}")
    return "\n".join(lines)


def _line(key: str, text: str) -> str:
    return f"{key}: {text}\n"


def _value(model: type[Config], key: str) -> str:
    default = model.model_fields[key].default
    return str(default) if isinstance(default, bool) else _scalar(default)


def _help(model: type[Config], key: str) -> str:
    return model.model_fields[key].description or ""


def _accepted(model: type[Config], key: str) -> str:
    field = model.model_fields[key]
    choices, limits = choices_of(field), range_of(field)
    if choices:
        return _scalar(choices)
    return f"{{{', '.join(f'{name}: {_scalar(limit)}' for name, limit in limits.items())}}}" if limits else ""


def _scalar(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        thirds = round(3 * value)  # 1/3 is a number in these files
        return f"{thirds}/3" if len(str(value)) > 10 and thirds / 3 == value else str(value)
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and ": " not in value and " #" not in value and not value.endswith(":")
        return value if plain else json.dumps(value, ensure_ascii=False)
    return str(value)

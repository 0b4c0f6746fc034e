"""Configuration: a YAML file and the command line become one frozen, typed object.

A configuration file holds up to three YAML documents: values, help, choices. The file of a network
(`default_config.yaml` for ctpn, `configs/crnn.yaml` for crnn) is its schema: it names every key, and the
type of a key is the type of its value there. Any other file is laid over the schema of the network it names
(`network:`, ctpn when absent), and the command line over both. Nothing is read when this module is imported.
"""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from src.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMAS = {"ctpn": REPOSITORY / "default_config.yaml", "crnn": REPOSITORY / "configs" / "crnn.yaml"}

_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", list: "a list"}
_FRACTION = re.compile(r"[+-]?\d+(\.\d+)?/\d+(\.\d+)?")
_EXPONENT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")


class ConfigError(UserError):
    """A configuration that cannot be used; the message names the key, the value and what is accepted."""


class Config:
    """The frozen values of one run, as attributes. `schema` keeps where each key's help and choices are."""

    def __init__(self, values: dict[str, Any], source: Path):
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "source", source)

    def __getattr__(self, key: str) -> Any:
        try:
            return object.__getattribute__(self, "_values")[key]
        except KeyError:
            raise AttributeError(f"the configuration of this network has no key '{key}'") from None

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"a configuration is frozen; use replace({key}=...)")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def replace(self, **changes: Any) -> Config:
        """A copy with some values changed; a key that does not exist raises ConfigError."""
        for key in changes:
            if key not in self._values:
                raise ConfigError(_unknown_key(key, self._values))
        return Config({**self._values, **changes}, self.source)

    def to_dict(self) -> dict[str, Any]:
        return dict(self._values)

    def to_yaml(self) -> str:
        return yaml.safe_dump(self._values, sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key may stand once and 1e-4 and 1/3 are numbers (YAML 1.1 reads them as text)."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(f"{self.name}: the key '{key}' stands twice (line {line})")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _construct_fraction(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float | str:
    top, bottom = (float(part) for part in node.value.split("/"))
    return top / bottom if bottom else node.value


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"^{_EXPONENT.pattern}$"), list("+-.0123456789")
)
_Loader.add_implicit_resolver("!fraction", re.compile(f"^{_FRACTION.pattern}$"), list("+-0123456789"))
_Loader.add_constructor("!fraction", _construct_fraction)


def read_documents(path: Path) -> tuple[dict, dict, dict]:
    """The (values, help, choices) documents of one file.

    Raises:
        ConfigError: the file is missing, is not YAML, holds a tag, or is not made of mappings.
    """
    if not path.is_file():
        raise ConfigError(f"config_path: '{path}' is not a file")
    try:
        with path.open(encoding="utf-8") as stream:
            documents = [document or {} for document in yaml.load_all(stream, Loader=_Loader)]  # a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first_line = " ".join(str(error).split())
        raise ConfigError(f"{path}: not a plain YAML file ({first_line})") from None
    if not documents or len(documents) > 3 or not all(isinstance(document, dict) for document in documents):
        raise ConfigError(f"{path}: expected one to three YAML mappings (values, help, choices)")
    return tuple(documents + [{}] * (3 - len(documents)))


def load_config(argv: list[str] | None = None, network: str = "ctpn") -> Config:
    """Read schema, file and command line.

    Args:
        argv: the arguments after the program's name; None takes those of this process.
        network: the schema to use when no file names another.

    Raises:
        ConfigError: in one line: the key, the value and what is accepted.
        SystemExit: 0, after printing the help, when `--help` is asked for.
    """
    arguments = _split_arguments(list(sys.argv[1:] if argv is None else argv))
    path = arguments.pop("_config_path", None)
    path = arguments.pop("config_path", path)
    wants_help = arguments.pop("help", arguments.pop("h", None)) is not None

    overlay: dict = {}
    if path is not None:
        overlay, _, _ = read_documents(Path(path))
    network = arguments.get("network", overlay.get("network", network))
    if network not in SCHEMAS:
        raise ConfigError(f"network: '{network}' is not one of {', '.join(SCHEMAS)}")
    values, help_texts, choices = read_documents(SCHEMAS[network])
    if wants_help:
        print(_help_page(values, help_texts, choices))
        raise SystemExit(0)

    schema_types = {key: type(value) for key, value in values.items()}
    for key, value in overlay.items():
        values[key] = _checked(key, value, schema_types, choices)
    for key, text in arguments.items():
        values[key] = _checked(key, _parse(key, text, schema_types), schema_types, choices)
    return Config(values, Path(path) if path is not None else SCHEMAS[network])


def require_path(config: Config, key: str, kind: str = "path") -> Path:
    """The path under `key`, which must exist.

    Args:
        kind: `file`, `folder` or `path` (either).

    Raises:
        ConfigError: empty, missing, or of the other kind.
    """
    value = getattr(config, key)
    if not value:
        raise ConfigError(f"{key}: is empty; give a {kind} with --{key}")
    path = Path(value)
    exists = {"file": path.is_file, "folder": path.is_dir, "path": path.exists}[kind]()
    if not exists:
        raise ConfigError(f"{key}: '{value}' is not an existing {kind}")
    return path


def write_config(config: Config, folder: Path) -> Path:
    """Write the resolved values as `config.yaml` into `folder` and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "config.yaml"
    target.write_text(config.to_yaml(), encoding="utf-8")
    return target


def _split_arguments(argv: list[str]) -> dict[str, str]:
    """`--key value`, `--key=value`; a key alone is `true`."""
    arguments: dict[str, str] = {}
    position = 0
    while position < len(argv):
        item = argv[position]
        position += 1
        if item == "-h":
            item = "--help"
        if not item.startswith("--") or item == "--":
            raise ConfigError(f"'{item}': expected --key value or --key=value")
        key, equals, value = item[2:].partition("=")
        if not equals:
            follows = position < len(argv) and not argv[position].startswith("--")
            value = argv[position] if follows else "true"
            position += int(follows)
        if key in arguments:
            raise ConfigError(f"{key}: is given twice on the command line")
        arguments[key] = value
    return arguments


def _parse(key: str, text: str, schema_types: dict[str, type]) -> Any:
    """A command-line text as the type of its key; texts are taken as they stand, the rest in YAML syntax."""
    if schema_types.get(key) is str:
        return text
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        return text


def _checked(key: str, value: Any, schema_types: dict[str, type], choices: dict) -> Any:
    if key not in schema_types:
        raise ConfigError(_unknown_key(key, schema_types))
    wanted = schema_types[key]
    if wanted is float and type(value) is int:
        value = float(value)
    if wanted is str and value is None:
        value = ""
    if type(value) is not wanted:
        raise ConfigError(f"{key}: '{value}' is not {_TYPE_NAMES[wanted]}")
    rule = choices.get(key)
    if isinstance(rule, list) and value not in rule:
        raise ConfigError(f"{key}: '{value}' is not one of {', '.join(map(str, rule))}")
    if isinstance(rule, dict):
        low, high = rule.get("min"), rule.get("max")
        below = low is not None and not value >= low
        above = high is not None and not value <= high
        if below or above:
            raise ConfigError(f"{key}: {value} is outside {_range_text(low, high)}")
    return value


def _range_text(low: float | None, high: float | None) -> str:
    if high is None:
        return f"the range from {low} up"
    if low is None:
        return f"the range up to {high}"
    return f"the range {low} to {high}"


def _unknown_key(key: str, known) -> str:
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

"""YAML of which only plain values are read: no tags, no aliases, no key twice, and 1e-4 and 1/3 are numbers.

YAML 1.1 reads 1e-4 and 1/3 as texts and lets the last of two equal keys win in silence. Aliases of aliases make
gigabytes of a few hundred bytes, and a value that holds itself.
"""

import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml

from src.common.bounded_file import read_bounded
from src.common.options import OptionError

_MOST_BYTES = 256 << 10  # PyYAML takes a second for a hundred kilobytes

_FRACTION = re.compile(r"[+-]?\d+(\.\d+)?/\d+(\.\d+)?")
_EXPONENT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+")


class ForeignYamlError(OptionError):
    """Sound YAML, but not in the form of the files here: another program may have written it."""


class AliasError(ForeignYamlError):
    """An alias, which a text that is no YAML does not hold by accident: its anchor stands before it."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the rules above."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent) and self.peek_event().anchor in self.anchors:  # type: ignore[no-untyped-call]
            event = self.get_event()  # type: ignore[no-untyped-call]
            line = event.start_mark.line + 1
            raise AliasError(f"{self.name}: the alias *{event.anchor} is not accepted (line {line})")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise OptionError(f"{self.name}: '{key}' is not the name of a key (line {line})")
            if key in seen:
                raise ForeignYamlError(f"{self.name}: the key '{key}' stands twice (line {line})")
            seen.add(key)
        return super().construct_mapping(node, deep)


def _construct_fraction(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float | str:
    top, bottom = (float(part) for part in node.value.split("/"))
    return top / bottom if bottom else node.value


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"^{_EXPONENT.pattern}$"), list("+-.0123456789"))
_Loader.add_implicit_resolver("!fraction", re.compile(f"^{_FRACTION.pattern}$"), list("+-0123456789"))
_Loader.add_constructor("!fraction", _construct_fraction)

# What PyYAML raises for text that is not YAML, for dates and whole numbers that do not exist or are too long,
# for brackets nested without end, and for tags whose text is of another kind ("!!timestamp x", "!!bool maybe").
_NOT_YAML = (yaml.YAMLError, ValueError, OverflowError, RecursionError, AttributeError, LookupError)


def read_documents(path: Path) -> tuple[dict, dict, dict]:
    """The (values, help, choices) documents of one file.

    Raises:
        OptionError: the file cannot be read, is not YAML, holds a tag, or is not made of mappings.
    """
    if not path.is_file():
        raise OptionError(f"config_path: '{path}' is not a file")
    try:
        documents = [document or {} for document in _documents(read_bounded(path, _MOST_BYTES), str(path))]
    except OptionError:
        raise
    except OSError as error:
        raise OptionError(f"config_path: '{path}' cannot be read ({error.strerror})") from None
    except _NOT_YAML as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OptionError(f"{path}: not a plain YAML file ({reason})") from None
    if not documents or len(documents) > 3 or not all(isinstance(document, dict) for document in documents):
        raise ForeignYamlError(f"{path}: expected one to three YAML mappings (values, help, choices)")
    values, help_texts, choices = documents + [{}] * (3 - len(documents))
    return values, help_texts, choices


def parse_value(text: str) -> Any:
    """A text from the command line as a YAML value; the text itself where it is none.

    Raises:
        AliasError: it holds one.
    """
    try:
        (value,) = list(_documents(text, "the value")) or [None]
        return value
    except AliasError:
        raise
    except _NOT_YAML:
        return text


def _documents(content: bytes | str, name: str) -> Iterator[Any]:
    loader = _Loader(content)
    loader.name = name
    try:
        while loader.check_data():  # type: ignore[no-untyped-call]
            yield loader.get_data()
    finally:
        loader.dispose()

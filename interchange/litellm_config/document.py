"""Untrusted YAML -> plain data, or an error with its place; nothing can expand beyond the text's size. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml
from django.core.exceptions import ValidationError

from interchange.places import wrong

NO_CONFIG = "This is not a LiteLLM config.yaml: it should be a mapping with a model_list."
MAX_DEPTH = 32
MAX_NODES = 200_000
# YAML reads `1:30:00` as a number in base 60, which takes minutes for a megabyte of text.
MAX_DIGITS = 64
WHOLE_NUMBER = "tag:yaml.org,2002:int"
# libyaml if PyYAML has it: 1 MB takes one second instead of twenty.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def load(text: str, *, expected: str = NO_CONFIG) -> dict[str, Any]:
    """The mapping in a YAML text; raises ValidationError for `content`.

    Errors do not quote the text. `expected` is the message for a text that is not a mapping.
    """
    try:
        _check_depth(text)
        loader = Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise wrong("", expected)
        _check_size(node)
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error) from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError):
        raise wrong("", "This can't be read as YAML: it has values or characters that YAML does not allow.") from None
    return dict(data)


def _check_depth(text: str) -> None:
    """Checked before anything recurses."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, OPENS) - isinstance(event, CLOSES)
        if depth > MAX_DEPTH:
            raise wrong(_line(event.start_mark), f"Nest no deeper than {MAX_DEPTH} levels.")


def _check_size(root: yaml.Node) -> None:
    """Counts nodes as often as aliases repeat them, and refuses duplicate keys."""
    sizes: dict[int, int] = {}
    _size(root, sizes, frozenset())
    if sizes[id(root)] > MAX_NODES:
        raise wrong("", f"With its aliases expanded this has more than {MAX_NODES:,} values.")


def _size(node: yaml.Node, sizes: dict[int, int], above: frozenset[int]) -> int:
    if id(node) in above:
        raise wrong(_line(node.start_mark), "An alias may not contain itself.")
    if id(node) not in sizes:
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        if node.tag == WHOLE_NUMBER and len(node.value) > MAX_DIGITS:
            raise wrong(_line(node.start_mark), f"Give a number of at most {MAX_DIGITS} digits.")
        sizes[id(node)] = 1 + sum(_size(child, sizes, above | {id(node)}) for child in _children(node))
    return sizes[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise wrong(_line(key.start_mark), "A key must be a word.")
        if key.value in seen:
            raise wrong(
                _line(key.start_mark), f"The key '{_shown(key.value)}' is there twice in one mapping; keep one."
            )
        seen.add(key.value)


def _shown(word: str) -> str:
    return _UNSTORABLE.sub(" ", word[:40])


def _syntax(error: yaml.MarkedYAMLError) -> ValidationError:
    mark = error.problem_mark or error.context_mark
    return wrong(_line(mark) if mark else "", f"This is not valid YAML: {error.problem or 'it breaks off'}.")


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    """The value as a mapping of words, empty if absent; raises ValidationError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise wrong(place, "Give a mapping of names to values.")
    return value


def sequence(value: Any, place: str) -> list[Any]:
    """The value as a list, empty if absent; raises ValidationError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(place, "Give a list.")
    return value


def text(value: Any, place: str, *, longest: int = 512) -> str:
    """The value as text, '' if absent; raises ValidationError, also for characters that no database stores."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest or _UNSTORABLE.search(value):
        raise wrong(place, f"Give a text of at most {longest} characters, in one line.")
    return value


def number(value: Any, place: str, *, low: float = 0, high: float = 1_000_000_000) -> float | int | None:
    """The value as a number, also from quoted digits; None if absent. Raises ValidationError."""
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= 32:
        value = _digits(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise wrong(place, f"Give a number from {low:g} to {high:,.10g}.")
    return int(value) if value == int(value) else value


def whole(value: Any, place: str, *, low: int = 0, high: int = 1_000_000_000) -> int | None:
    """As `number`, without fractions."""
    found = number(value, place, low=low, high=high)
    if isinstance(found, float):
        raise wrong(place, f"Give a whole number from {low} to {high:,}.")
    return found


def _digits(value: str) -> Any:
    try:
        return float(value)
    except ValueError:
        return value

"""`scoring`: a dict from outside -> a checked dict of the differences from the defaults -> the engine's rules. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError

from engine.complexity import ComplexityRules
from groups.config_checks import Number

MOST_KEYWORDS = 200
LONGEST_KEYWORD = 64
KEYWORDS = ("simple_keywords", "complex_keywords")
# Signs of a simple message subtract points, signs of a complex one add some.
NUMBERS = {
    "simple_points": Number(-10_000, 0),
    "complex_points": Number(0, 10_000),
    "most_length": Number(0, 100_000),
    "code_points": Number(0, 10_000),
    "most_sentences": Number(0, 10_000),
    "sentences_points": Number(0, 10_000),
    "most_messages": Number(0, 10_000),
    "messages_points": Number(0, 10_000),
}
USUAL: Mapping[str, Any] = {
    name: list(value) if isinstance(value, tuple) else value for name, value in asdict(ComplexityRules()).items()
}


def checked_scoring(config: Any) -> dict[str, Any]:
    """The differences from the default rules; an absent key, or null, means the default.

    Raises ValidationError naming the key.
    """
    if not isinstance(config, Mapping) or not config.keys() <= USUAL.keys():
        raise ValidationError(f"Give an object with any of {', '.join(USUAL)}.")
    given = {key: _checked(key, value) for key, value in config.items() if value is not None}
    simple, complex_ = ({word.casefold() for word in given.get(key, USUAL[key])} for key in KEYWORDS)
    if both := sorted(simple & complex_):
        raise ValidationError(f"{', '.join(both)}: a keyword is either simple or complex; take it out of one list.")
    return {key: value for key, value in given.items() if value != USUAL[key]}


def effective(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every keyword list and number in force, defaults included."""
    return {**USUAL, **config}


def rules_of(config: Mapping[str, Any]) -> ComplexityRules:
    """The engine's form of a stored `scoring`."""
    values: dict[str, Any] = {key: tuple(v) if key in KEYWORDS else v for key, v in effective(config).items()}
    return ComplexityRules(**values)


def _checked(key: str, value: Any) -> Any:
    return _words(key, value) if key in KEYWORDS else NUMBERS[key].check(key, value)


def _words(key: str, value: Any) -> list[str]:
    """The words without surrounding spaces, each once, ignoring case."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MOST_KEYWORDS:
        raise ValidationError(f"{key}: give a list of at most {MOST_KEYWORDS} words.")
    if not all(isinstance(word, str) and 0 < len(word.strip()) <= LONGEST_KEYWORD for word in value):
        raise ValidationError(f"{key}: each entry is a word, or a few, of at most {LONGEST_KEYWORD} characters.")
    words: dict[str, str] = {}
    for word in value:
        words.setdefault(word.strip().casefold(), word.strip())
    return list(words.values())

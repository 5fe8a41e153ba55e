"""Model aliases as lines of text, `alias = target`, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from groups.models.routing import GROUP_NAME

MOST_ALIASES = 500
LONGEST_NAME, LONGEST_TARGET = 128, 256


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A problem in one line; the first line is number 1."""

    number: int
    text: str
    why: str


def lines_of(aliases: Mapping[str, str]) -> str:
    """The text that `parsed` reads."""
    return "\n".join(f"{alias} = {target}" for alias, target in aliases.items())


def parsed(text: str) -> tuple[dict[str, str], list[LineProblem]]:
    """The aliases of the readable lines, and the problems of the others.

    Empty lines and lines that begin with `#` are ignored; `=`, `->`, `→` or a tab separates alias and target.
    """
    aliases: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.strip().startswith("#"):
            continue
        alias, target = _split(line)
        if why := trouble_with(alias, target) or ("This alias is on another line already." * (alias in aliases)):
            problems.append(LineProblem(number, line.strip(), why))
        else:
            aliases[alias] = target
    return aliases, problems


def trouble_with(alias: str, target: str) -> str:
    """What is wrong with the form of an alias; empty if it is fine."""
    if not alias or not target:
        return "Write alias = target, such as fast-chat = openai/gpt-4o-mini."
    if len(alias) > LONGEST_NAME or len(target) > LONGEST_TARGET:
        return f"Keep an alias within {LONGEST_NAME} characters and its target within {LONGEST_TARGET}."
    if not _is_name(alias):
        return f"An alias has letters, digits and - _ . : / only; '{alias}' has something else."
    return "An alias leads to something else than itself." if alias == target else ""


def _is_name(alias: str) -> bool:
    try:
        GROUP_NAME(alias)
    except ValidationError:
        return False
    return True


def _split(line: str) -> tuple[str, str]:
    for sign in ("->", "→", "=", "\t"):
        alias, found, target = line.partition(sign)
        if found:
            return alias.strip().strip("\"'"), target.strip().strip("\"',")
    return line.strip(), ""

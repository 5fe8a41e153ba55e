"""Model aliases: what is wrong with one, and many of them as lines of text, `alias = target`. Pure."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from groups.models.routing import GROUP_NAME

MOST_ALIASES = 500
LONGEST_NAME, LONGEST_TARGET = 128, 256


def pairs_of(text: str) -> list[tuple[str, str]]:
    """Alias and target of each line; a line without a separator has no target.

    Empty lines and lines that begin with `#` are ignored; `=`, `->`, `→` or a tab separates alias and target.
    """
    lines = (line.strip() for line in text.splitlines())
    return [_split(line) for line in lines if line and not line.startswith("#")]


def trouble_with(alias: str, target: str) -> str:
    """What is wrong with the form of an alias; empty if it is fine."""
    if not alias or not target:
        return "Give both, an alias and its target, such as fast-chat and openai/gpt-4o-mini."
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

"""Encrypts the keys inside a file's text, so that the text can be shown and sent again.

`api_key: sk-abc` becomes `api_key: sealed/gAAA…`: editing the text keeps the key, and reading it reveals nothing.
"""

from __future__ import annotations

import json
import re

from django.views.decorators.debug import sensitive_variables

from engine.spec import Secret
from interchange.places import wrong
from providers import secrets
from providers.exceptions import UnreadableKey

SEALED = "sealed/"
MAX_KEYS = 10_000
_WORD = r"[\w-]*(?:key|token|secret|password|credentials|access_key_id)"
# `api_key: value`, in block and flow style; values that YAML continues on another line do not match. A search begins
# only at the start of a word: otherwise each `-` of a long word would restart the search over the rest.
_KEY = re.compile(
    rf"""(?P<name>(?<![\w-])["']?{_WORD}["']?[ \t]*:[ \t]*)"""
    r"""(?:"(?P<double>(?:[^"\\\n]|\\.)+)"|'(?P<single>[^'\n]+)'|(?P<plain>(?!\$\{)[^\s"'|>&*!\[{#,}][^\s,}\]]*))""",
    re.IGNORECASE,
)
# In JSON both are in quotes; `a key: value` inside a description is not a key.
_KEY_IN_JSON = re.compile(
    rf"""(?P<name>(?<!\\)"{_WORD}"[ \t]*:[ \t]*)"(?P<double>(?:[^"\\\n]|\\.)+)"(?P<single>)(?P<plain>)""", re.IGNORECASE
)
# A number is not a key: `input_cost_per_token: 1.3e-07`.
_PLAIN_WORDS = re.compile(
    r"os\.environ/.*|\$\{.*\}|sealed/.*|null|~|true|false|not-needed|[+-]?(?:[\d.]+)(?:e[+-]?\d+)?", re.IGNORECASE
)


@sensitive_variables()
def sealed(text: str) -> str:
    """The text with every literal key in it encrypted; references, numbers and flags stay.

    Raises ValidationError for `content` if there are too many.
    """
    pattern = _KEY_IN_JSON if _is_json(text) else _KEY
    if sum(1 for _ in pattern.finditer(text)) > MAX_KEYS:
        raise wrong("", f"There are more than {MAX_KEYS:,} keys in it; import it in parts.")
    return pattern.sub(_sealed, text)


@sensitive_variables()
def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@sensitive_variables()
def _sealed(found: re.Match[str]) -> str:
    key = _unescaped(found["double"] or "") or found["single"] or found["plain"]
    if _PLAIN_WORDS.fullmatch(key):
        return found[0]
    return f'{found["name"]}"{SEALED}{secrets.encrypt(key)}"'


@sensitive_variables()
def _unescaped(text: str) -> str:
    """The text between double quotes, read as in JSON and YAML."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def opened(text: str, place: str) -> Secret:
    """The sealed key; raises ValidationError if it is not sealed by this console."""
    if not text.startswith(SEALED):
        raise wrong(place, "Write the key on the same line, api_key: KEY, without escapes; or os.environ/NAME.")
    try:
        return secrets.opened(text.removeprefix(SEALED), of=place)
    except UnreadableKey:
        raise wrong(place, "This sealed key can't be read (any more); paste the key again.") from None

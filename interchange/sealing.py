"""Keys in a file's text are encrypted where they stand, so that the text can be shown and sent again.

`api_key: sk-abc` becomes `api_key: sealed/gAAA…`: who edits the text keeps the key, who sees it learns nothing.
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
# `api_key: value`, in block and flow style; a value that YAML would continue elsewhere is no match. A search begins
# only where a word does: from within it, each `-` of a long one would make the whole rest be read again.
_KEY = re.compile(
    rf"""(?P<name>(?<![\w-])["']?{_WORD}["']?[ \t]*:[ \t]*)"""
    r"""(?:"(?P<double>(?:[^"\\\n]|\\.)+)"|'(?P<single>[^'\n]+)'|(?P<plain>(?!\$\{)[^\s"'|>&*!\[{#,}][^\s,}\]]*))""",
    re.IGNORECASE,
)
# In JSON both are in quotes; `a key: value` inside a description is none.
_KEY_IN_JSON = re.compile(
    rf"""(?P<name>(?<!\\)"{_WORD}"[ \t]*:[ \t]*)"(?P<double>(?:[^"\\\n]|\\.)+)"(?P<single>)(?P<plain>)""", re.IGNORECASE
)
# A number is no key: `input_cost_per_token: 1.3e-07`.
_PLAIN_WORDS = re.compile(
    r"os\.environ/.*|\$\{.*\}|sealed/.*|null|~|true|false|not-needed|[+-]?(?:[\d.]+)(?:e[+-]?\d+)?", re.IGNORECASE
)


@sensitive_variables()
def sealed(text: str) -> str:
    """The text with every literal key in it encrypted; references, numbers and flags stay.

    Raises ValidationError for `content` when there are more than a file has.
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
    """What stands between double quotes, read as JSON and YAML read it."""
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def opened(text: str, place: str) -> Secret:
    """The key that was sealed; raises ValidationError for one that is not, or not by this console."""
    if not text.startswith(SEALED):
        raise wrong(place, "Write the key on the same line, api_key: KEY, without escapes; or os.environ/NAME.")
    try:
        return secrets.opened(text.removeprefix(SEALED), of=place)
    except UnreadableKey:
        raise wrong(place, "This sealed key can't be read (any more); paste the key again.") from None

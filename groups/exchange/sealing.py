"""Keys in a file's text are encrypted where they stand, so that the text can be shown and sent again.

`api_key: sk-abc` becomes `api_key: sealed/gAAA…`: who edits the text keeps the key, who sees it learns nothing.
"""

from __future__ import annotations

import re

from django.views.decorators.debug import sensitive_variables

from engine.spec import Secret
from groups.exchange.places import wrong
from providers import secrets
from providers.exceptions import UnreadableKey

SEALED = "sealed/"
# `api_key: value`, in block and flow style and in JSON; a value that YAML would continue elsewhere is no match.
_KEY = re.compile(
    r"""(?P<name>["']?\b[\w-]*(?:key|token|secret|password|credentials)["']?[ \t]*:[ \t]*)"""
    r"""(?:"(?P<double>[^"\\\n]+)"|'(?P<single>[^'\n]+)'|(?P<plain>[^\s"'|>&*!\[{#,}][^\s,}\]]*))""",
    re.IGNORECASE,
)
_PLAIN_WORDS = re.compile(r"os\.environ/.*|sealed/.*|null|~|true|false|not-needed|[\d.]+", re.IGNORECASE)


@sensitive_variables()
def sealed(text: str) -> str:
    """The text with every literal key in it encrypted; references, numbers and flags stay."""
    return _KEY.sub(_sealed, text)


@sensitive_variables()
def _sealed(found: re.Match[str]) -> str:
    key = found["double"] or found["single"] or found["plain"]
    if _PLAIN_WORDS.fullmatch(key):
        return found[0]
    return f'{found["name"]}"{SEALED}{secrets.encrypt(key)}"'


def opened(text: str, place: str) -> Secret:
    """The key that was sealed; raises ValidationError for one that is not, or not by this console."""
    if not text.startswith(SEALED):
        raise wrong(place, "Write the key on the same line, api_key: KEY, without escapes; or os.environ/NAME.")
    try:
        return secrets.opened(text.removeprefix(SEALED), of=place)
    except UnreadableKey:
        raise wrong(place, "This sealed key can't be read (any more); paste the key again.") from None

"""Foreign text, without credentials that it may repeat, and without characters that no database stores."""

from __future__ import annotations

import re

from engine.spec import Secret

# Upstreams repeat the key that they refuse ("Incorrect API key provided: sk-…").
KEY_LIKE = re.compile(r"\b((?:sk|pk|rk|gsk|hf|xai|key|nvapi)[-_]|AIza|Bearer\s+)[\w\-.*]{6,}", re.IGNORECASE)

# PostgreSQL accepts neither NUL nor half a surrogate pair; with one of them the whole request could not be logged.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def redact(text: str, *, secret: Secret | None = None) -> str:
    """Masks anything that looks like a credential, and this secret in any case; � replaces characters that no database
    accepts."""
    text = UNSTORABLE.sub("�", text)
    if secret is not None and secret.reveal():
        text = text.replace(secret.reveal(), "****")
    return KEY_LIKE.sub(r"\1****", text)

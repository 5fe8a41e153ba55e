"""Text that others wrote, without the credentials it may repeat, and without what no database stores."""

from __future__ import annotations

import re

from engine.spec import Secret

# Upstreams echo the key they refuse ("Incorrect API key provided: sk-…").
KEY_LIKE = re.compile(r"\b((?:sk|pk|rk|gsk|hf|xai|key|nvapi)[-_]|AIza|Bearer\s+)[\w\-.*]{6,}", re.IGNORECASE)

# PostgreSQL takes neither NUL nor half a surrogate pair; one of them would keep the whole request from the log.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def redact(text: str, *, secret: Secret | None = None) -> str:
    """Masks whatever looks like a credential, and this one whatever it looks like; � is what no database takes."""
    text = UNSTORABLE.sub("�", text)
    if secret is not None and secret.reveal():
        text = text.replace(secret.reveal(), "****")
    return KEY_LIKE.sub(r"\1****", text)

"""Which colour stands for a provider, as a word: the stylesheet has a class `.p-<word>` for each."""

from __future__ import annotations

import re

from providers.presets import GRAY, ROWS, preset_of

PAINTED = {row.type: row.colour for row in ROWS if row.colour != GRAY}
DEFAULT = "default"


def colour_of(provider_type: str, name: str = "") -> str:
    """The colour word of a provider: its type, else the first word of its name, else `default`.

    The name decides for what we only know as an OpenAI-compatible address (type `custom`).
    """
    first_word = re.split(r"[^a-z0-9]+", name.lower())[0]
    words = (preset_of(word).type for word in (provider_type, first_word))
    return next((word for word in words if word in PAINTED), DEFAULT)

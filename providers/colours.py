"""Which colour stands for a provider. The colours themselves are the `.p-…` classes of `static/css/console.css`."""

from __future__ import annotations

import re

ALIASES = {
    "gemini": "google",
    "vertex": "google",
    "bedrock": "aws",
    "sagemaker": "aws",
    "amazon": "aws",
    "hugging": "huggingface",
}
CLOUDS = ("nebius", "fireworks", "azure", "openai", "anthropic", "google", "aws")
LABS_AND_HUBS = ("openrouter", "together", "huggingface", "cohere", "groq", "mistral")
PAINTED = frozenset((*CLOUDS, *LABS_AND_HUBS))
DEFAULT = "default"


def colour_of(provider_type: str, name: str = "") -> str:
    """The colour word of a provider: by its type, else by the first word of its name, else `default`.

    The name decides for what we only know as an OpenAI-compatible address (type `custom`).
    """
    for text in (provider_type, name):
        word = re.split(r"[^a-z0-9]+", text.lower())[0]
        word = ALIASES.get(word, word)
        if word in PAINTED:
            return word
    return DEFAULT

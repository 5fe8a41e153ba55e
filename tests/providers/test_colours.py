"""Every provider colour exists in the stylesheet, and is the one of the presets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from providers.presets import DEFAULT, PAINTED, colour_of

CSS = (Path(__file__).resolve().parents[2] / "static/css/console.css").read_text()


def test_the_stylesheet_has_the_colours_of_the_presets():
    painted = dict(re.findall(r"\.p-([\w-]+) \{\s*--c: (#\w+);", CSS))
    assert painted.pop(DEFAULT)
    assert painted == PAINTED


@pytest.mark.parametrize(
    ("provider_type", "name", "colour"),
    [
        ("openai", "Nebius", "openai"),
        ("custom", "Nebius", "nebius"),
        ("fireworks_ai", "x", "fireworks"),
        ("custom", "Fireworks EU 2", "fireworks"),
        ("custom", "Our vLLM", DEFAULT),
        ("", "", DEFAULT),
    ],
)
def test_a_provider_has_the_colour_of_its_type_else_of_its_name(provider_type, name, colour):
    assert colour_of(provider_type, name) == colour

"""A panel's chart as an SVG file, with the console's colours as attributes that every viewer supports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, tostring

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from access.models import Theme
from pages.traffic.panels import Panel

WIDTH, HEAD, MARGIN, KEY_WIDTH = 960, 84, 32, 96
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
BLOCK = re.compile(r"([^{}]+)\{([^{}]*)\}")
DECLARATION = re.compile(r"([\w-]+):\s*([^;]+)")
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b")
VARIABLE = re.compile(r"var\((--[\w-]+)\)")
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Declarations = dict[str, str]


def svg_of(panel: Panel, *, about: str, theme: Theme) -> bytes:
    """The chart with its title; `about` is a line with its period and filters."""
    context = {
        "panel": panel,
        "about": about,
        "width": WIDTH,
        "inner": WIDTH - 2 * MARGIN,
        "margin": MARGIN,
        "head": HEAD,
        "keys": [(word, name, WIDTH - MARGIN - n * KEY_WIDTH) for n, (word, name) in enumerate(panel.legend[::-1], 1)],
        "height": HEAD + panel.height + MARGIN,
    }
    root = fromstring(NOT_XML.sub("", render_to_string("traffic/chart.svg", context)))  # noqa: S314 our own, escaped
    _paint(root, tokens_of(theme))
    root.set("xmlns", "http://www.w3.org/2000/svg")
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


@cache
def tokens_of(theme: Theme) -> Mapping[str, str]:
    """The plain colours among the console's custom properties in this theme."""
    selectors = (":root", f':root[data-theme="{theme}"]')
    declared: Declarations = {}
    for selector in selectors:
        for sheet in ("css/console.css", "css/traffic_usage.css"):
            declared |= _rules(sheet).get(selector, {})
    place = 0 if theme == Theme.LIGHT else -1
    found = {name: COLOUR.findall(value) for name, value in declared.items() if name.startswith("--")}
    return {name: colours[place] for name, colours in found.items() if colours}


def _paint(element: Element, tokens: Mapping[str, str]) -> None:
    """Replaces the classes of an element and its content by attributes."""
    declared: Declarations = {}
    for word in element.attrib.pop("class", "").split():
        declared |= _rules("css/traffic_charts.css").get(f".{word}", {}) | _provider_colour(word)
    painted = {name: _resolved(value, tokens) for name, value in declared.items()}
    for name, value in painted.items():
        if not name.startswith("--"):
            element.set(name, value)
    for child in element:
        _paint(child, {**tokens, **{name: value for name, value in painted.items() if name.startswith("--")}})


def _resolved(value: str, tokens: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: tokens[found[1]], value)


def _provider_colour(word: str) -> Declarations:
    return _rules("css/console.css").get(f".{word}", {}) if word.startswith("p-") else {}


@cache
def _rules(sheet: str) -> dict[str, Declarations]:
    """The declarations of a stylesheet by selector."""
    found = finders.find(sheet)
    assert isinstance(found, str)  # noqa: S101 it is our own file
    css = COMMENT.sub("", Path(found).read_text())
    rules: dict[str, Declarations] = {}
    for selector, body in BLOCK.findall(css):
        rules.setdefault(selector.strip(), {}).update((n, v.strip()) for n, v in DECLARATION.findall(body))
    return rules

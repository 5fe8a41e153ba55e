"""A scene as a self-contained SVG file: title, figures and the wide picture, with all styles and the font."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from tester.picture.painting import matters, paint
from tester.picture.stylesheet import StyleRule, rules_of
from tester.picture.values import Theme
from tester.scene import Scene

SHEETS = ("css/console.css", "css/live_tester_scene.css", "css/live_tester_picture.css")
FONT = "vendor/inter/inter-latin.woff2"
HEAD_HEIGHT = 104.0
STATS_WIDTH, STAT_WIDTH = 480, 118
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class StandalonePicture:
    """An SVG file, and the content security policy that lets it use its own font and nothing else."""

    svg: bytes
    policy: str


def standalone(scene: Scene, *, about: str, theme: Theme) -> StandalonePicture:
    """The scene as a file; `about` is a line with the run and the moment, `theme` is one of the console's."""
    picture = scene.pictures[0]
    height, width = HEAD_HEIGHT + picture.sheet.height, picture.sheet.format.width
    context = {
        "scene": scene,
        "picture": picture,
        "about": about,
        "height": height,
        "width": width,
        "head": HEAD_HEIGHT,
        "stats": _stats(scene, width - STATS_WIDTH),
        "theme": theme,
    }
    page = fromstring(NOT_XML.sub("", render_to_string("live_tester/picture.svg", context)))  # noqa: S314 our own, escaped
    _write_out(page)
    paint(page, _rules(), theme)
    svg = page.find(".//svg")
    assert svg is not None  # noqa: S101 it is in our own template
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    style = _add_style(svg)
    _tidy(svg)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:; frame-ancestors 'none'"
    return StandalonePicture(tostring(svg, encoding="utf-8", xml_declaration=True), policy)


def _stats(scene: Scene, x: float) -> list[tuple[str, float, str]]:
    """Name, place and text of the numbers at the top."""
    stats = scene.stats
    shown = (("Requests", stats.requests), ("Success", stats.success), ("Latency", stats.latency))
    named = (*shown, ("Fallbacks", stats.fallbacks))
    return [(name.upper(), x + n * STAT_WIDTH, part.text) for n, (name, part) in enumerate(named)]


def _add_style(svg: Element) -> str:
    style = SubElement(svg, "style")
    style.text = _font_face()
    svg.remove(style)
    svg.insert(0, style)
    return style.text


def _write_out(page: Element) -> None:
    """Paths that are drawn several times become several paths: a file refers to nothing but its own gradients."""
    known = {path.get("id"): path.get("d", "") for path in page.iter("path")}
    for use in list(page.iter("use")):
        use.tag = "path"
        use.set("d", known[use.attrib.pop("href").removeprefix("#")])


def _tidy(svg: Element) -> None:
    """Removes the template's line breaks between elements."""
    for element in svg.iter():
        element.tail = None if not (element.tail or "").strip() else element.tail
        if len(element) and not (element.text or "").strip():
            element.text = None


@cache
def _rules() -> tuple[StyleRule, ...]:
    """The rules that affect a picture."""
    rules = rules_of("".join(_static(name).read_text() for name in SHEETS))
    return tuple(rule for rule in rules if any(matters(name) for name in rule.declarations))


@cache
def _font_face() -> str:
    font = base64.b64encode(_static(FONT).read_bytes()).decode()
    face = f"font-family:Inter;font-weight:100 900;src:url(data:font/woff2;base64,{font}) format('woff2')"
    return f"@font-face{{{face}}}text{{font-variant-numeric:tabular-nums}}"


def _static(name: str) -> Path:
    found = finders.find(name)
    if not isinstance(found, str):
        raise FileNotFoundError(name)
    return Path(found)

"""Stylesheets -> attributes: an SVG tree without a stylesheet, so that every viewer draws it alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from tester.picture.colours import Colour
from tester.picture.stylesheet import StyleRule, matches
from tester.picture.values import Theme, resolved

PAINTS = {"fill": "fill-opacity", "stroke": "stroke-opacity", "stop-color": "stop-opacity"}
ATTRIBUTES = frozenset(
    (
        *(*PAINTS, *PAINTS.values(), "opacity", "visibility", "display", "text-anchor"),
        *("stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"),
        *("font-family", "font-size", "font-weight", "letter-spacing"),
    )
)
KEPT_IDS = ("linearGradient", "radialGradient", "title", "desc")
NOT_SVG = ("class", "data-of", "data-card", "data-fader")


def matters(name: str) -> bool:
    """Whether a declaration can change a picture."""
    return name in ATTRIBUTES or name.startswith("--")


def paint(root: Element, rules: Sequence[StyleRule], theme: Theme) -> None:
    """Sets the attributes of every element by the rules, in place, and removes classes and the like."""
    _paint(root, [], {}, rules, theme)
    for element in root.iter():
        for name in (*NOT_SVG, *(() if element.tag in KEPT_IDS else ("id",))):
            element.attrib.pop(name, None)


def _paint(
    element: Element, ancestors: list[Element], inherited: Mapping[str, str], rules: Sequence[StyleRule], theme: Theme
) -> None:
    declared: dict[str, str] = {}
    for rule in rules:
        if matches(rule.selector, element, ancestors):
            declared |= rule.declarations
    variables = _variables(declared, inherited, theme)
    for name in ATTRIBUTES & declared.keys():
        if value := resolved(declared[name], variables, theme):
            element.set(name, value)
    _split_colours(element)
    for child in element:
        _paint(child, [element, *ancestors], variables, rules, theme)


def _variables(declared: Mapping[str, str], inherited: Mapping[str, str], theme: Theme) -> dict[str, str]:
    """The custom properties of an element: those of its parent, and its own, which may refer to each other."""
    own = {name: value for name, value in declared.items() if name.startswith("--")}
    variables = {**inherited, **own}
    for _ in range(len(own)):
        variables |= {name: resolved(variables[name], {**variables, name: ""}, theme) for name in own}
    return variables


def _split_colours(element: Element) -> None:
    """Splits a colour with alpha into a colour and an opacity."""
    for name, opacity in PAINTS.items():
        colour = Colour.read(element.get(name, ""))
        if colour is not None:
            element.set(name, colour.hex)
            if colour.alpha < 1:
                element.set(opacity, f"{colour.alpha * float(element.get(opacity, 1)):.3g}")

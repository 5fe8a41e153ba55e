"""The part of CSS that our stylesheets use for the diagram: rules, selectors, specificity.

Pure. At-rules are ignored (the picture is the wide one, without animations); a selector with anything but types,
classes, attributes, `:is`, `:not`, `:has`, `:empty`, `:root`, descendants and children matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from xml.etree.ElementTree import Element

from tester.picture.values import parts_of

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SIMPLE = re.compile(r"(\.[\w-]+|\[[^\]]+\]|::?[\w-]+(?:\((?:[^()]|\([^()]*\))*\))?|[\w-]+|\*)")
LISTS = (":is", ":not", ":has")
Specificity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class StyleRule:
    """One selector with its declarations."""

    selector: str
    specificity: Specificity
    declarations: Mapping[str, str]


def rules_of(css: str) -> tuple[StyleRule, ...]:
    """The rules of a stylesheet, in ascending specificity."""
    found = [rule for head, body in _blocks(COMMENT.sub("", css)) for rule in _rules(head, body)]
    return tuple(sorted(found, key=lambda rule: rule.specificity))


def matches(selector: str, element: Element, ancestors: Sequence[Element]) -> bool:
    """Whether a selector matches; `ancestors` begins with the parent."""
    return _matches_chain(_compounds(selector), element, ancestors)


@cache
def _compounds(selector: str) -> tuple[str, ...]:
    """The steps of a selector, with the child combinator before the step it leads to."""
    return tuple(part for part in parts_of(selector.strip().replace(" > ", " >"), " ") if part)


@cache
def _simples(compound: str) -> tuple[str, ...]:
    """The parts of one step; none for an unknown selector, so that it matches nothing."""
    found = SIMPLE.findall(compound)
    return tuple(found) if "".join(found) == compound else ()


def _matches_chain(compounds: Sequence[str], element: Element, ancestors: Sequence[Element]) -> bool:
    *before, last = compounds
    if not _matches_compound(last.removeprefix(">"), element, ancestors):
        return False
    if not before:
        return True
    reachable = ancestors[:1] if last.startswith(">") else ancestors
    return any(_matches_chain(before, one, ancestors[n + 1 :]) for n, one in enumerate(reachable))


def _matches_compound(compound: str, element: Element, ancestors: Sequence[Element]) -> bool:
    simples = _simples(compound)
    return bool(simples) and all(_matches_simple(simple, element, ancestors) for simple in simples)


def _matches_simple(simple: str, element: Element, ancestors: Sequence[Element]) -> bool:
    if simple.startswith("."):
        return simple[1:] in element.get("class", "").split()
    if simple.startswith("["):
        name, _, value = simple[1:-1].partition("=")
        return element.get(name) == value.strip("\"'") if value else name in element.attrib
    if simple.startswith(":"):
        return _matches_pseudo(simple, element, ancestors)
    return simple in ("*", element.tag)


def _matches_pseudo(simple: str, element: Element, ancestors: Sequence[Element]) -> bool:
    name, _, inside = simple.partition("(")
    selectors = list(parts_of(inside.removesuffix(")"), ","))
    match name:
        case ":is":
            return any(matches(one, element, ancestors) for one in selectors)
        case ":not":
            return not any(matches(one, element, ancestors) for one in selectors)
        case ":has":
            below = [one for one in element.iter() if one is not element]
            return any(matches(selector, one, [element, *ancestors]) for selector in selectors for one in below)
        case ":empty":
            return not len(element) and not element.text
        case ":root":
            return not ancestors
    return False


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """Heads and bodies at the top level."""
    place = 0
    while (opens := css.find("{", place)) >= 0:
        depth, closes = 1, opens + 1
        while depth and closes < len(css):
            depth += (css[closes] == "{") - (css[closes] == "}")
            closes += 1
        yield css[place:opens].strip(), css[opens + 1 : closes - 1]
        place = closes


def _rules(head: str, body: str) -> Iterator[StyleRule]:
    if head.startswith("@"):
        return
    pairs = (part.partition(":") for part in parts_of(body, ";") if ":" in part)
    declarations = {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}
    for selector in parts_of(head, ","):
        yield StyleRule(selector.strip(), _specificity(selector), declarations)


def _specificity(selector: str) -> Specificity:
    """Classes and similar, then types; a list counts as its most specific member."""
    classes = types = 0
    for simple in SIMPLE.findall(selector):
        name, _, inside = simple.partition("(")
        if name in LISTS:
            most = max(_specificity(one) for one in parts_of(inside.removesuffix(")"), ","))
            classes, types = classes + most[0], types + most[1]
        elif simple[0] in ".[:":
            classes += 1
        elif simple != "*":
            types += 1
    return classes, types

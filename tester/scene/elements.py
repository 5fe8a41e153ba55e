"""The changing elements of the page during a run, each with its current attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.utils.html import format_html_join

TEXT = "#text"
# The attributes that a patch may set. The page names them, and static/js/scene.js refuses all others.
PATCHED = frozenset({TEXT, "class", "d", "stroke-width", "stroke-dasharray", "width", "value"})


@dataclass(frozen=True, slots=True)
class Element:
    """One element: `attributes` by name, its text under `#text`.

    In a template `<rect {{ part }}/>` writes the attributes, `{{ part.text }}` the text. The same element may be shown
    in several places: the leading one has the id, the others follow it by `data-of`.
    """

    id: str
    attributes: Mapping[str, str]
    leads: bool = True

    @property
    def text(self) -> str:
        """Its text, if it has one."""
        return self.attributes.get(TEXT, "")

    @property
    def again(self) -> Element:
        """The same element in another place of the page."""
        return replace(self, leads=False)

    @property
    def leading(self) -> Element:
        """The same element where no picture shows it."""
        return replace(self, leads=True)

    def __str__(self) -> str:
        """The attributes as safe HTML."""
        pairs = [("id" if self.leads else "data-of", self.id), *self.attributes.items()]
        return format_html_join(" ", '{}="{}"', (pair for pair in pairs if pair[0] != TEXT))


class LiveStream(NamedTuple):
    """The elements of one stream out of the hub: its bed, what flows in it now, and the part that fails at its end."""

    stream: Element
    core: Element
    tries: Element | None = None

    @property
    def again(self) -> LiveStream:
        """The same stream in another place of the page."""
        return LiveStream(*(part and part.again for part in self))  # type: ignore[arg-type]


class LiveCard(NamedTuple):
    """The elements of one deployment's card, and its ring if it has one."""

    card: Element
    ring: Element | None
    share: Element
    served: Element
    latency: Element
    shape: Element
    state: Element
    cause: Element
    chip: Element
    fault: Element
    in_flight: Element
    failures: Element
    skips: Element
    ok_bar: Element
    limited_bar: Element
    failed_bar: Element

    @property
    def again(self) -> LiveCard:
        """The same card in another place of the page."""
        return LiveCard(*(part and part.again for part in self))  # type: ignore[arg-type]


class LiveLink(NamedTuple):
    """The elements of the connection from one tier to the next."""

    link: Element
    failed: Element
    skipped: Element


class LiveExit(NamedTuple):
    """The card of requests that no deployment of the group answered."""

    exit: Element
    share: Element
    number: Element
    causes: Element

    @property
    def again(self) -> LiveExit:
        """The same card in another place of the page."""
        return LiveExit(*(part.again for part in self))


class LiveStep(NamedTuple):
    """One attempt of the last fallback, or what it skipped."""

    step: Element
    name: Element
    outcome: Element


class LiveStats(NamedTuple):
    """The figures above the picture, and the progress of the run."""

    requests: Element
    expected: Element
    progress: Element
    success: Element
    untried: Element
    refused: Element
    latency: Element
    percentiles: Element
    first_token: Element
    fallbacks: Element
    fallback_share: Element
    cost: Element


def text(id: str, value: str) -> Element:
    """An element with only a text."""
    return Element(id, {TEXT: value})


def classes(id: str, *names: str) -> Element:
    """An element with only classes."""
    return Element(id, {"class": " ".join(name for name in names if name)})

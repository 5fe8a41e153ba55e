"""Two moments of one scene -> the attribute patches between them."""

from __future__ import annotations

from collections.abc import Mapping

from tester.scene.composition import Scene

Patch = dict[str, dict[str, str]]


def diff(before: Scene | None, after: Scene) -> Patch:
    """`{element id: {attribute: value}}`, texts under `#text`: what to change so that `before` looks like `after`.

    Without `before` it is everything, for somebody whose page may show any moment. Raises ValueError for scenes
    of another group or mode, which no patch leads to.
    """
    if before is None:
        return {part.id: dict(part.attributes) for part in after.parts}
    if (before.group, before.mode) != (after.group, after.mode):
        raise ValueError("These scenes have different elements; the page has to be drawn again.")
    pairs = zip(before.parts, after.parts, strict=True)
    return {new.id: changed for old, new in pairs if (changed := _changed(old.attributes, new.attributes))}


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in new.items() if old[name] != value}

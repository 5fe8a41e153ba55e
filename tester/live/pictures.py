"""The pictures of one run: computed once for all viewers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import to_json

from tester.live.frame_buffer import FrameBuffer
from tester.scene import Mode, Scene, scene_of

Patch = dict[str, dict[str, str]]


def diff(before: Scene | None, after: Scene) -> Patch:
    """`{element id: {attribute: value}}`, texts under `#text`: the changes from `before` to `after`.

    Without `before` it is everything, for a page that may show any moment. Raises ValueError for scenes of different
    groups or modes.
    """
    if before is None:
        return {part.id: dict(part.attributes) for part in after.parts}
    if (before.group, before.mode) != (after.group, after.mode):
        raise ValueError("These scenes have different elements; the page has to be drawn again.")
    pairs = zip(before.parts, after.parts, strict=True)
    return {new.id: changed for old, new in pairs if (changed := _changed(old.attributes, new.attributes))}


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in new.items() if old[name] != value}


MOST_SCENES = 128
MOST_PATCHES = 512


class PictureKey(NamedTuple):
    """One picture of a run: its mode, and the index of its frame (-1: before the first)."""

    mode: Mode
    frame: int


class Pictures:
    """Scenes and patches of one run. The last used ones are cached: most viewers are close to each other."""

    def __init__(self, buffer: FrameBuffer) -> None:
        self._buffer = buffer
        self._scene = lru_cache(MOST_SCENES)(self._draw)
        self.patch = lru_cache(MOST_PATCHES)(self._compare)

    def _draw(self, shot: PictureKey) -> Scene:
        return scene_of(self._buffer.group, self._buffer.frame(shot.frame), shot.mode)

    def _compare(self, before: PictureKey | None, after: PictureKey) -> str:
        """The patch from one picture to another, as JSON; the whole scene after a change of the mode."""
        is_whole = before is None or before.mode is not after.mode
        return to_json(diff(None if is_whole or before is None else self._scene(before), self._scene(after))).decode()

"""What viewers of one run get to see: computed once for all of them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pydantic_core import to_json

from tester.live.diff import diff
from tester.live.frame_buffer import Reel
from tester.scene import Mode, Scene, scene_of

MOST_SCENES = 128
MOST_PATCHES = 512


class Shot(NamedTuple):
    """One picture of a run: how it is drawn, and the index of its frame (-1: nothing has run)."""

    mode: Mode
    frame: int


class Pictures:
    """Scenes and patches of one run. Those used last are kept: viewers are mostly near each other."""

    def __init__(self, reel: Reel) -> None:
        self._reel = reel
        self._scene = lru_cache(MOST_SCENES)(self._draw)
        self.patch = lru_cache(MOST_PATCHES)(self._compare)

    def _draw(self, shot: Shot) -> Scene:
        return scene_of(self._reel.group, self._reel.frame(shot.frame), shot.mode)

    def _compare(self, before: Shot | None, after: Shot) -> str:
        """The patch from one picture to another, as JSON; everything when the other mode was drawn before."""
        is_whole = before is None or before.mode is not after.mode
        return to_json(diff(None if is_whole or before is None else self._scene(before), self._scene(after))).decode()

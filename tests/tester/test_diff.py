"""Patches between moments of a real rehearsal."""

from __future__ import annotations

import json
import statistics
from itertools import pairwise

import pytest

from engine.spec import Strategy
from tester.live.pictures import diff
from tester.scene import DrawnGroup, Mode, Scene, scene_of
from tester.scene.elements import PATCHED
from tests.engine.working import WorkerProcess
from tests.tester.rehearsed import Frame, drawn, frames_of, spec_of, without_cooldown

Play = tuple[DrawnGroup, Mode, list[Frame]]


@pytest.fixture(scope="module", params=[Strategy.PRIORITY_FAILOVER, Strategy.WEIGHTED])
def play(request: pytest.FixtureRequest) -> Play:
    """Ten deployments of which three fail now and then, every frame of 336 requests."""
    spec = without_cooldown(spec_of(10, request.param))
    mode = Mode.ORDERED if request.param is Strategy.PRIORITY_FAILOVER else Mode.WEIGHTED
    with WorkerProcess() as worker:
        return drawn(spec), mode, frames_of(worker, spec)


def scenes(play: Play) -> list[Scene]:
    group, mode, frames = play
    return [scene_of(group, frame, mode) for frame in (None, *frames)]


def state(scene: Scene) -> dict[str, dict[str, str]]:
    return {part.id: dict(part.attributes) for part in scene.parts}


def test_patches_lead_from_the_first_picture_to_the_last(play: Play):
    found = scenes(play)
    page = state(found[0])
    for before, after in pairwise(found):
        for id, attributes in diff(before, after).items():
            page[id] |= attributes
    assert page == state(found[-1])


def test_a_patch_says_only_what_changed(play: Play):
    found = scenes(play)
    assert diff(found[5], found[5]) == {}
    for before, after in pairwise(found):
        old = state(before)
        assert all(
            old[id][name] != value for id, values in diff(before, after).items() for name, value in values.items()
        )


def test_a_whole_frame_has_everything_and_nothing_the_page_would_refuse(play: Play):
    scene = scenes(play)[-1]
    assert diff(None, scene) == state(scene)
    assert {name for attributes in state(scene).values() for name in attributes} <= PATCHED


def test_scenes_of_two_modes_have_no_patch(play: Play):
    group, mode, frames = play
    with pytest.raises(ValueError, match="drawn again"):
        diff(scene_of(group, None, mode), scene_of(group, frames[0], mode.other))


def test_patches_are_small(play: Play):
    sizes = [
        len(json.dumps({"n": n, "p": diff(before, after)}, separators=(",", ":"), ensure_ascii=False).encode())
        for n, (before, after) in enumerate(pairwise(scenes(play)))
    ]
    assert len(sizes) > 50
    assert statistics.median(sizes) < 1500

"""The diagram in a browser: patches move it as a new drawing would, and never disturb its streams."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser

from engine.spec import Strategy
from tester.live.pictures import diff
from tester.scene import Mode, scene_of
from tests.e2e.scene_screenshots import Stand, page_of
from tests.e2e.stage import LIMIT_S
from tests.engine.working import WorkerProcess
from tests.tester.rehearsed import Frame, drawn, frames_of, spec_of

SPEC = spec_of(5, Strategy.WEIGHTED)
FOLLOW = """async () => {
  const { SceneFollower } = await import("/static/js/scene.js");
  window.acknowledged = []; window.restarts = 0;
  document.addEventListener("animationstart", () => window.restarts++);
  window.follower = new SceneFollower(document.getElementById("scene"), (n) => window.acknowledged.push(n));
}"""
PAINT = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
STARTED = "() => document.getAnimations().length > 0 && document.getAnimations().every((a) => a.currentTime !== null)"
DRAWN = "() => document.getElementById('scene').outerHTML"


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    with WorkerProcess() as worker:
        return frames_of(worker, SPEC)


@pytest.fixture
def stand(browser: Browser) -> Iterator[Stand]:
    page = browser.new_page()
    page.set_default_timeout(LIMIT_S * 1000)
    stand = Stand(page)
    yield stand
    page.close()
    assert stand.complaints == []


def follow(stand: Stand, frame: Frame | None) -> None:
    stand.show(page_of(SPEC, frame))
    stand.page.wait_for_function(STARTED)
    stand.page.evaluate(PAINT)
    stand.page.evaluate(FOLLOW)


def test_patches_give_what_a_new_drawing_gives_and_restart_nothing(stand: Stand, frames: list[Frame]):
    scenes = [scene_of(drawn(SPEC), frame, Mode.WEIGHTED) for frame in (None, *frames)]
    follow(stand, None)
    for n, (before, after) in enumerate(pairwise(scenes), start=1):
        stand.page.evaluate("(message) => follower.take(message)", {"n": n, "p": diff(before, after)})
        if n % 10 == 0:
            stand.page.evaluate(PAINT)
    stand.page.evaluate(PAINT)
    patched = stand.page.evaluate(DRAWN)
    acknowledged = stand.page.evaluate("acknowledged")
    assert stand.page.evaluate("restarts") == 0
    assert acknowledged == sorted(set(acknowledged))
    assert acknowledged[-1] == len(frames)
    stand.show(page_of(SPEC, frames[-1]))
    assert patched == stand.page.evaluate(DRAWN)


def test_a_patch_can_only_touch_what_it_may(stand: Stand):
    follow(stand, None)
    evil = {
        "rq": {"onclick": "alert(1)", "href": "javascript:alert(1)", "#text": "<b>7</b>"},
        "nowhere": {"class": "x"},
    }
    stand.page.evaluate("(message) => follower.take(message)", {"n": 1, "p": evil})
    stand.page.evaluate(PAINT)
    assert stand.page.evaluate("rq.outerHTML") == '<dd id="rq">&lt;b&gt;7&lt;/b&gt;</dd>'
    assert stand.page.evaluate("acknowledged") == [1]


def test_streams_stand_still_for_those_who_want_less_motion(stand: Stand, frames: list[Frame]):
    stand.page.emulate_media(reduced_motion="reduce")
    stand.show(page_of(SPEC, frames[-1]))
    assert stand.page.evaluate("document.getAnimations().length") == 0

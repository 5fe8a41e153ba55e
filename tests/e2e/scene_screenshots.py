"""Pictures of the live diagram alone, from real rehearsals: `python -m tests.e2e.scene_screenshots [folder]`.

1 to 10 deployments, both modes, dark and light, three widths; served under the console's content security policy.
"""

from __future__ import annotations

import mimetypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import django
from playwright.sync_api import Page, Route, sync_playwright

from engine.spec import GroupSpec, Strategy
from routing_console.transfer.file_addresses import WITH_ANY_HASH
from tests.e2e.looks import overflow
from tests.e2e.stage import LAUNCH, chromium
from tests.engine.working import WorkerProcess
from tests.servers import ROOT
from tests.tester.rehearsed import Frame, drawn, frames_of, spec_of, without_cooldown

HOST = "http://scene.test"
WIDTHS, THEMES = (1440, 1024, 390), ("dark", "light")
POLICY = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:"}
EVERYTHING_FAILS = {f"d{n}": 1.0 for n in range(10)}
LIMITED = {"kind": "rate_limit", "target": "primary", "probability": 0.3, "from_s": 1, "retry_after_s": 5}
PAGE = """<!doctype html><html lang="en" data-theme="dark"><meta charset="utf-8"><title>Scene</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/static/css/console.css"><link rel="stylesheet" href="/static/css/live_tester_scene.css">
<body><div class="shell"><nav class="sidebar"></nav><div class="page"><main><div class="head"><div class="row">
<h1>Live Tester</h1><span class="badge s-{strategy}">{badge}</span></div><p class="quiet">Sending to {name}</p></div>
{scene}</main></div></div></body></html>"""


def plays() -> Iterator[tuple[str, GroupSpec, Frame | None]]:
    """A name for the file, the group, and the frame to draw."""
    chain, fan = Strategy.PRIORITY_FAILOVER, Strategy.WEIGHTED
    with WorkerProcess() as worker:
        for count in (1, 2, 3, 5, 10):
            for name, strategy in (("ordered", chain), ("weighted", fan)):
                spec = without_cooldown(spec_of(count, strategy))
                frames = frames_of(worker, spec)
                yield f"{name}-{count}", spec, _eventful(frames)
        tiers = without_cooldown(spec_of(5, chain, (1, 1, 2, 2, 3)))
        yield "ordered-tiers", tiers, _eventful(frames_of(worker, tiers))
        for name, strategy in (("ordered", chain), ("weighted", fan)):
            spec = spec_of(3, strategy)
            frames = frames_of(worker, spec, scenario={"name": "limited", "faults": [LIMITED]})
            yield f"{name}-cooling", spec, next(f for f in frames if f["deployments"]["d0"]["cooldown_left_s"] > 1)
            yield f"{name}-failed", spec, frames_of(worker, spec, failing=EVERYTHING_FAILS)[-1]
            yield f"{name}-idle", spec, None
        for strategy in (Strategy.COST_BASED, Strategy.LEAST_BUSY):
            spec = without_cooldown(spec_of(3, strategy))
            yield strategy.value, spec, _eventful(frames_of(worker, spec))


def _eventful(frames: list[Frame]) -> Frame:
    """A late frame, one soon after a fallback if there was any."""
    late = frames[len(frames) * 2 // 3 : -10]
    return next((f for f in late if any(len(t["attempts"]) > 2 for t in f["last_traces"])), late[0])


def page_of(spec: GroupSpec, frame: Frame | None) -> str:
    """A page with nothing but the diagram."""
    from django.template.loader import render_to_string

    from tester.scene import mode_of, scene_of

    group = drawn(spec)
    scene = scene_of(group, frame, mode_of(spec.strategy))
    html = render_to_string("live_tester/_scene.html", {"scene": scene})
    return PAGE.format(strategy=spec.strategy.value, badge=scene.badge, name=spec.name, scene=html)


class Stand:
    """A browser page that sees our files and nothing else."""

    def __init__(self, page: Page) -> None:
        self.page, self.complaints, self._html = page, list[str](), ""
        page.route("**/*", self._serve)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(HOST)
        if path == "/":
            route.fulfill(body=self._html, content_type="text/html", headers=POLICY)
            return
        file = ROOT / WITH_ANY_HASH.sub("static/", path).lstrip("/").partition("?")[0]
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        route.fulfill(body=file.read_bytes(), content_type=kind)

    def show(self, html: str) -> None:
        """Opens this page."""
        self._html = html
        self.page.goto(f"{HOST}/")

    def take(self, name: str, folder: Path) -> None:
        """A picture in every theme and width."""
        for theme in THEMES:
            self.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            for width in WIDTHS:
                self.page.set_viewport_size({"width": width, "height": 700})
                assert overflow(self.page) <= 0, f"{name} is wider than {width} px"
                self.page.screenshot(path=folder / f"scene-{name}-{theme}-{width}.png", full_page=True)
        assert self.complaints == []


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "routing_console.settings")
    django.setup()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    pages = [(name, page_of(spec, frame)) for name, spec, frame in plays()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), **LAUNCH)
        stand = Stand(browser.new_page())
        for name, html in pages:
            stand.show(html)
            stand.take(name, folder)
        browser.close()


if __name__ == "__main__":
    main()

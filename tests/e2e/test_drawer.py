"""What happened in a run, in a real browser: timeline, drawer of traces, exported files."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tester.scene.sheets import CARDS
from tests.e2e.looks import THEMES, WIDTHS, overflow, violations
from tests.e2e.stage import FAR_AWAY, follow
from tests.servers import Console

SEED = 7
# What is drawn, element by element; the page's picture has what the file has not: the parts that are not shown.
PAINTS = """(root) => [...root.querySelectorAll('rect, circle, path, use, text, tspan, stop')].map((e) => {
  const s = getComputedStyle(e);
  const colour = (text) => {
    const paper = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    if (!/^(rgb|oklab|color)/.test(text)) return text;
    paper.fillStyle = text; paper.fillRect(0, 0, 1, 1);
    return [...paper.getImageData(0, 0, 1, 1).data];
  };
  // In the file what is used stands where it is used.
  const tag = e.tagName.replace('use', 'path');
  return [tag, colour(s.fill), colour(s.stroke), s.strokeWidth, s.opacity, s.visibility, s.fontSize, s.fontWeight,
    s.textAnchor, colour(s.stopColor)];
})"""


# By console, group and scenario: tests look at a finished run and leave it as it is.
_finished: dict[tuple[str, str, str], str] = {}


def finished_run(server: Console, group: str, scenario: str) -> str:
    """The id of a run of 200 requests."""
    if (known := (server.url, group, scenario)) not in _finished:
        groups = server.call("GET", "/v1/routing_group")["routing_groups"]
        (group_id,) = [g["routing_group_id"] for g in groups if g["routing_group_name"] == group]
        asked = {"num_requests": 200, "seed": SEED, "scenario": scenario}
        _finished[known] = str(server.call("POST", f"/v1/routing_group/{group_id}/simulate", asked)["run_id"])
    return _finished[known]


def open_run(page: Page, server: Console, *, group: str = "demo-ordered", scenario: str = "flapping-primary") -> str:
    """A finished run, on its page; gives its id."""
    run_id = finished_run(server, group, scenario)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("[data-show=status]")).to_have_text("done")
    expect(page.locator(".timeline-foot")).to_be_visible()
    return run_id


def card(page: Page, name: str) -> Any:
    return page.locator(".picture.wide").get_by_role("link").filter(has_text=name)


def numbers_in(drawer: Any) -> list[int]:
    return [int(text.removeprefix("#")) for text in drawer.locator(".trace-number").all_inner_texts()]


def drawer_of(page: Page) -> Any:
    drawer = page.get_by_role("dialog")
    expect(drawer.locator("#traces")).to_be_visible()
    return drawer


def test_a_card_opens_the_traces_that_the_api_has(admin: Page, server: Console) -> None:
    run_id = open_run(admin, server)
    result = server.call("GET", f"/v1/runs/{run_id}")["result"]["traffic_distribution"]
    deployment = next(row for row in result if row["provider"] == "Fireworks")["deployment_id"]
    card(admin, "Fireworks").click()
    drawer = drawer_of(admin)
    told = server.call("GET", f"/v1/runs/{run_id}/traces?deployment_id={deployment}&size=25")
    assert numbers_in(drawer) == [trace["index"] for trace in told["traces"]]
    drawer.get_by_role("link", name="Next").click()
    expect(drawer.get_by_role("link", name="First")).to_be_visible()
    more = server.call("GET", f"/v1/runs/{run_id}/traces?deployment_id={deployment}&size=25&after={told['next_after']}")
    assert numbers_in(drawer) == [trace["index"] for trace in more["traces"]]


def test_a_trace_shows_the_attempts_that_the_api_has(admin: Page, server: Console) -> None:
    run_id = open_run(admin, server)
    card(admin, "Nebius").click()
    drawer = drawer_of(admin)
    with admin.expect_response(lambda answer: "fell-back" in answer.url):
        drawer.get_by_label("Outcome").select_option("fell-back")
    expect(admin.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
    expect(drawer.locator(".trace-tries").first).to_contain_text("fell back")
    drawer.locator("summary").first.click()
    index = numbers_in(drawer)[0]
    attempts = server.call("GET", f"/v1/runs/{run_id}/traces/{index}")["attempts"]
    shown = drawer.locator("details[open] .attempt")
    expect(shown.locator(".what strong")).to_have_text([attempt["provider"] for attempt in attempts])
    expect(shown.first.locator(".moved")).to_contain_text("so the router")


def test_a_moment_of_the_timeline_opens_what_ended_then(admin: Page, server: Console) -> None:
    run_id = open_run(admin, server)
    bucket = admin.locator(".bucket").filter(has_text=re.compile(r": [2-9] requests")).nth(4)
    query = (bucket.get_attribute("href") or "").partition("?")[2]
    bucket.locator("rect").click(force=True)
    admin.get_by_role("link", name="Show these requests").click()
    drawer = drawer_of(admin)
    told = server.call("GET", f"/v1/runs/{run_id}/traces?{query}&size=25")["traces"]
    assert told
    assert numbers_in(drawer) == [trace["index"] for trace in told]


def test_a_click_on_the_timeline_seeks_there(admin: Page, server: Console) -> None:
    open_run(admin, server)
    admin.locator(".plot").scroll_into_view_if_needed()
    box = admin.locator(".plot").bounding_box()
    assert box is not None
    admin.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20)
    expect(admin.locator(".stats dd").first).not_to_have_text("200")
    end_ms = float(admin.locator(".timeline-body").get_attribute("data-end") or 0)
    shown_ms = 1000 * float((admin.locator("[data-show=moment]").text_content() or "0 s").split()[0])
    # The end of the bar that was hit.
    assert shown_ms == pytest.approx(end_ms / 2, abs=end_ms / admin.locator(".bucket").count() + 50)
    drawn = float((admin.locator(".now").get_attribute("x1") or "0%").rstrip("%"))
    assert drawn == pytest.approx(100 * shown_ms / end_ms, abs=0.5)


def test_the_keyboard_alone_opens_walks_and_closes_the_drawer(admin: Page, server: Console) -> None:
    open_run(admin, server)
    admin.locator("[data-control=play]").focus()
    for _ in range(30):
        admin.keyboard.press("Tab")
        if admin.evaluate("document.activeElement.matches('.picture a')"):
            break
    name = admin.evaluate("document.activeElement.querySelector('.name').textContent")
    admin.keyboard.press("Enter")
    drawer = drawer_of(admin)
    expect(drawer.locator("#traces-title")).to_be_focused()
    drawer.locator("summary").first.focus()
    admin.keyboard.press("ArrowDown")
    expect(drawer.locator("summary").nth(1)).to_be_focused()
    admin.keyboard.press("Enter")
    expect(drawer.locator("details[open] .attempts")).to_be_visible()
    admin.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()
    expect(card(admin, name)).to_be_focused()


def test_the_keyboard_alone_walks_the_timeline(admin: Page, server: Console) -> None:
    admin.add_init_script(FAR_AWAY)
    open_run(admin, server)
    slider = admin.get_by_label("Moment of the run")
    slider.focus()
    for _ in range(8):
        admin.keyboard.press("ArrowLeft")
    expect(admin.locator(".stats dd").first).not_to_have_text("200")
    admin.keyboard.press("Enter")
    expect(drawer_of(admin).locator("#traces-title")).to_contain_text("that ended from")
    admin.keyboard.press("Escape")
    expect(slider).to_be_focused()


def test_without_javascript_cards_and_bars_lead_to_pages(plain_admin: Page, server: Console) -> None:
    page = plain_admin
    page.goto(f"/runs/{finished_run(server, 'demo-ordered', 'flapping-primary')}")
    follow(page.locator(".picture.wide a").first)
    expect(page.get_by_role("heading", level=1, name="Traces")).to_be_visible()
    follow(page.get_by_role("button", name="Filter"))
    page.locator("summary").first.click()
    follow(page.get_by_role("link", name="This request on a page of its own").first)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Request #")


def test_the_png_is_a_picture_of_the_moment(admin: Page, server: Console, tmp_path: Path) -> None:
    open_run(admin, server)
    admin.get_by_text("Export", exact=True).click()
    with admin.expect_download() as download:
        admin.get_by_text("Picture as PNG").click()
    assert download.value.suggested_filename == f"demo-ordered-flapping-primary-{SEED}.png"
    file = tmp_path / "picture.png"
    download.value.save_as(file)
    data = file.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width == 2 * CARDS.width
    assert height > 800
    assert len(data) > 60_000  # a blank one is a tenth of this


def test_the_svg_is_painted_as_the_page_is(admin: Page, server: Console) -> None:
    """Our own reading of the stylesheets against the browser's, element by element."""
    for group in ("demo-ordered", "demo-weighted"):
        run_id = open_run(admin, server, group=group)
        for theme in ("dark", "light", "unicorn"):
            admin.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            page = admin.locator(".picture.wide").evaluate(PAINTS)
            answer = admin.request.get(f"/runs/{run_id}/picture.svg?theme={theme}")
            file = admin.evaluate(
                f"""(text) => {{
                  const host = document.body.appendChild(document.createElement('div'));
                  const inside = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
                  host.attachShadow({{ mode: 'open' }}).append(inside.querySelector('svg svg'));
                  const found = ({PAINTS})(host.shadowRoot.querySelector('svg'));
                  host.remove();
                  return found;
                }}""",
                re.sub(r"<style>.*?</style>", "", answer.text(), flags=re.DOTALL),
            )
            differing = [(ours, theirs) for ours, theirs in zip(file, page, strict=True) if not alike(ours, theirs)]
            assert differing == []


def alike(ours: list[Any], theirs: list[Any]) -> bool:
    """Equal, colours to two steps of 255: opacity is folded into them in one place and not in the other."""
    for mine, other in zip(ours, theirs, strict=True):
        if isinstance(mine, list) and isinstance(other, list):
            if any(abs(a - b) > 2 for a, b in zip(mine[:3], other[:3], strict=True)):
                return False
        elif mine != other:
            return False
    return True


def test_the_json_is_the_run(admin: Page, server: Console, tmp_path: Path) -> None:
    run_id = open_run(admin, server)
    admin.get_by_text("Export", exact=True).click()
    with admin.expect_download() as download:
        admin.get_by_text("Run as JSON").click()
    download.value.save_as(tmp_path / "run.json")
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["run"]["run_id"] == run_id
    assert told["frames"][-1]["requests"]["succeeded"] + told["frames"][-1]["requests"]["failed"] == 200


def test_axe_finds_nothing_in_the_drawer_and_nothing_overflows(admin: Page, server: Console) -> None:
    open_run(admin, server, scenario="everything-down")
    admin.locator(".timeline-table summary").click()
    assert violations(admin, themes=THEMES, within=".timeline") == []
    card(admin, "Nebius").click()
    drawer_of(admin).locator("summary").first.click()
    expect(admin.locator("#drawer details[open] .attempts")).to_be_visible()
    assert violations(admin, themes=THEMES, within="#drawer") == []
    for width in WIDTHS:
        admin.set_viewport_size({"width": width, "height": 900})
        assert overflow(admin) == 0
        assert admin.evaluate("drawer.scrollWidth - drawer.clientWidth") == 0

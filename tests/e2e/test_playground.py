"""Virtual models in a real browser: made, played with, calibrated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import DESK, PHONE, USUAL, faults
from tests.e2e.stage import follow
from tests.servers import Console

PROMPTS = "\n".join(["hi"] * 6 + ["ls of the folder"] * 2 + ["Implement a distributed consensus algorithm"] * 2)
NAME = "auto-in-browser"


@pytest.fixture
def model(server: Console) -> Iterator[dict[str, Any]]:
    """A virtual model over the demo's groups, gone afterwards."""
    tiers = [{"pool": "demo-ordered"}, {"pool": "demo-weighted", "minimum_score": 50}]
    made = server.call("POST", "/v1/virtual_models", {"name": NAME, "tiers": tiers})
    yield made
    server.call("DELETE", f"/v1/virtual_models/{made['id']}")


def play(page: Page, model: dict[str, Any], text: str) -> None:
    page.goto(f"/virtual-models/{model['id']}")
    page.get_by_role("textbox", name="What would happen").press_sequentially(text)


def test_the_score_follows_what_is_typed(admin: Page, model: dict[str, Any]) -> None:
    play(admin, model, "hi")
    expect(admin.locator(".score-number")).to_have_text("-98")
    expect(admin.locator(".score-line")).to_contain_text("demo-ordered")
    admin.get_by_role("textbox", name="What would happen").press_sequentially(", debug the architecture of it")
    expect(admin.locator(".score-line")).to_contain_text("demo-weighted")
    expect(admin.locator("mark")).to_have_count(3)
    expect(admin.locator("mark").first).to_have_text("hi-100")
    expect(admin.get_by_text("Would be tried first")).to_be_visible()


def test_what_looks_like_code_stays_text(admin: Page, model: dict[str, Any]) -> None:
    play(admin, model, "<b>debug</b> <script>1</script>")
    expect(admin.locator(".said-text")).to_contain_text("<b>debug+150</b> <script>1</script>")


def score(page: Page, model: dict[str, Any]) -> None:
    page.goto(f"/virtual-models/{model['id']}/calibration")
    page.get_by_label("Prompts", exact=True).fill(PROMPTS)
    page.get_by_role("button", name="Score them").click()
    expect(page.get_by_role("heading", name="Scores of 10 prompts")).to_be_visible()
    page.wait_for_load_state()


def test_dragging_the_threshold_shows_shares_and_costs_and_applies(
    admin: Page, server: Console, model: dict[str, Any]
) -> None:
    score(admin, model)
    expect(admin.locator(".outcome tbody td:nth-of-type(2)")).to_have_text(["80.0 % · 8", "20.0 % · 2"])
    slider = admin.get_by_label("complex from a score of, slider")
    box = slider.bounding_box()
    assert box is not None
    admin.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    admin.mouse.down()
    admin.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=8)
    admin.mouse.up()
    expect(admin.locator(".outcome tbody td").nth(1)).to_have_text("0.0 % · 0")
    admin.get_by_label("complex from a score of", exact=True).fill("-90")
    expect(admin.locator(".outcome tbody td").nth(1)).to_have_text("60.0 % · 6")
    expect(admin.locator(".bill")).to_contain_text("for sending all to the largest pool")
    admin.get_by_role("button", name=f"Apply to {NAME}").click()
    expect(admin).to_have_url(re.compile(r"/virtual-models/[0-9a-f-]{36}$"))
    assert server.call("GET", f"/v1/virtual_models/{model['id']}")["tiers"][1]["minimum_score"] == -90


def test_prompts_that_can_not_be_read_stay_in_the_box(admin: Page, model: dict[str, Any]) -> None:
    admin.goto(f"/virtual-models/{model['id']}/calibration")
    admin.get_by_label("Prompts", exact=True).fill('fine\n{"prompt": "cut')
    admin.get_by_role("button", name="Score them").click()
    expect(admin.get_by_role("alert")).to_contain_text("Line 2: this begins like JSON")
    expect(admin.get_by_label("Prompts", exact=True)).to_have_value('fine\n{"prompt": "cut')


def test_one_is_made_and_deleted_with_the_form(admin: Page) -> None:
    admin.goto("/virtual-models/new")
    admin.get_by_role("textbox", name="Name").fill("auto-by-form")
    admin.get_by_label("Pool (tier 1)").select_option("demo-ordered")
    admin.get_by_label("Pool (tier 2)").select_option("demo-weighted")
    admin.get_by_role("button", name="Save virtual model").click()
    expect(admin.get_by_role("heading", level=1, name="auto-by-form")).to_be_visible()
    admin.goto("/virtual-models")
    admin.get_by_role("button", name="Delete auto-by-form").click()
    admin.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(admin.get_by_text("auto-by-form is deleted.")).to_be_visible()


def test_all_of_it_works_without_javascript(plain_admin: Page, model: Any) -> None:
    page = plain_admin
    page.goto(f"/virtual-models/{model['id']}")
    page.get_by_role("textbox", name="What would happen").fill("cat test.py")
    follow(page.get_by_role("button", name="Score it"))
    expect(page.locator(".score-number")).to_have_text("-189")
    score(page, model)
    page.get_by_label("complex from a score of", exact=True).fill("-90")
    follow(page.get_by_role("button", name="Show"))
    expect(page.locator(".outcome tbody td").nth(1)).to_have_text("60.0 % · 6")


def test_nothing_is_in_the_way_of_anybody(admin: Page, model: dict[str, Any]) -> None:
    for path in ("", f"/{model['id']}", f"/{model['id']}/edit", f"/{model['id']}/calibration"):
        admin.goto(f"/virtual-models{path}")
        if path == f"/{model['id']}":
            admin.get_by_role("textbox", name="What would happen").fill("hi, debug ```this```. It. Is. Bad.")
            expect(admin.locator(".score-number")).to_be_visible()
        if path.endswith("calibration"):
            score(admin, model)
        assert faults(admin, widths=(USUAL, DESK) if path == "" else (DESK,), fits=(PHONE,)) == [], path

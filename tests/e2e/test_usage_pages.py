"""Usage in a real browser, of real requests: narrowed, read under the pointer, downloaded, for everybody."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import PHONE, TABLET, USUAL, faults
from tests.e2e.stage import ask
from tests.servers import Console


@pytest.fixture(scope="module")
def asked(server: Console) -> None:
    """A few requests in the log."""
    for group in ("demo-ordered", "demo-ordered", "demo-weighted"):
        ask(server, group)


@pytest.fixture
def usage(admin: Page, asked: None) -> Page:
    admin.goto("/usage?period=7d")
    return admin


def downloaded(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_filters_and_ranges_change_the_part_and_the_address(usage: Page) -> None:
    usage.get_by_label("Group", exact=True).select_option("demo-weighted")
    expect(usage.get_by_role("link", name="Clear filters")).to_be_visible()
    usage.get_by_role("link", name="24 hours").click()
    expect(usage.get_by_role("heading", name="Requests per hour")).to_be_visible()
    expect(usage).to_have_url("/usage?period=24h&group=demo-weighted")
    usage.get_by_label("Group", exact=True).select_option("")
    expect(usage.get_by_role("link", name="Clear filters")).to_be_hidden()
    expect(usage).to_have_url("/usage?period=24h")
    usage.go_back()
    expect(usage.get_by_label("Group", exact=True)).to_have_value("demo-weighted")


def test_a_chart_is_read_under_the_pointer_and_in_its_table(usage: Page) -> None:
    panel = usage.locator("#panel-requests")
    panel.get_by_text("The numbers as a table").click()
    newest = panel.locator("tbody tr").first
    day, requests, failed = newest.get_by_role("rowheader").inner_text(), *newest.locator("td").all_inner_texts()[:2]
    assert int(requests) >= 3
    panel.locator(".reads").last.hover()
    expect(panel.locator(".reading")).to_have_text(f"{day}: {requests} requests, {failed} failed")
    panel = usage.locator("#panel-models")
    panel.get_by_text("The numbers as a table").click()
    expect(panel.get_by_role("columnheader", name="Tokens")).to_be_visible()
    panel.get_by_role("rowheader").first.get_by_role("link").click()
    expect(usage.get_by_label("Model", exact=True)).not_to_have_value("")


def test_charts_and_numbers_are_downloaded(usage: Page, tmp_path: Path) -> None:
    usage.get_by_label("Download the chart: Cost by provider").click()
    assert downloaded(usage, "Chart as PNG", tmp_path).read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in downloaded(usage, "Chart as SVG", tmp_path).read_bytes()
    usage.get_by_text("Download", exact=True).click()
    with downloaded(usage, "Requests as CSV", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        assert {row["group"] for row in csv.DictReader(file)} >= {"demo-ordered", "demo-weighted"}


def test_the_pngs_menu_entry_is_there_after_a_swap_too(usage: Page) -> None:
    usage.get_by_role("link", name="24 hours").click()
    expect(usage.get_by_role("heading", name="Requests per hour")).to_be_visible()
    usage.get_by_label("Download the chart: Popular models").click()
    expect(usage.locator("#panel-models").get_by_role("link", name="Chart as PNG")).to_be_visible()


@pytest.mark.parametrize("path", ["/usage", "/usage?period=24h", "/usage?team=nobody", "/usage?period=x", "/usage/me"])
def test_nothing_is_in_the_way_of_anybody(admin: Page, asked: Any, path: str) -> None:
    admin.goto(path)
    for numbers in admin.get_by_text("The numbers as a table").all():
        numbers.click()
    assert faults(admin, widths=(USUAL,), fits=(TABLET, PHONE)) == []

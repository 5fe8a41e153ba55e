"""The overview and the request log with a real server: they follow what clients do, and disturb nobody."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.looks import USUAL, WIDTHS, faults
from tests.e2e.stage import LIMIT_S, ask
from tests.servers import Console


def test_a_request_shows_by_itself_and_keeps_the_focus(admin: Page, server: Console) -> None:
    ask(server)
    admin.goto("/?period=24h")  # from which no request drops out meanwhile
    expect(admin.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    number = admin.locator("#to-requests")
    before = int(number.inner_text().split()[0])
    admin.locator("#to-groups").focus()
    ask(server)
    expect(number).to_have_text(f"{before + 1} requests", timeout=LIMIT_S * 1000)
    expect(admin.locator("#to-groups")).to_be_focused()


def test_new_rows_come_by_themselves_unless_somebody_reads(admin: Page, server: Console) -> None:
    ask(server)
    admin.goto("/requests")
    rows = admin.locator(".requests-table tbody tr")
    expect(rows.first).to_contain_text("demo-ordered")
    admin.mouse.move(2, 2)
    ask(server, "demo-weighted")
    expect(rows.first).to_contain_text("demo-weighted", timeout=LIMIT_S * 1000)
    before = rows.count()
    rows.first.hover()
    ask(server)
    button = admin.get_by_role("link", name="1 new request")
    expect(button).to_be_visible(timeout=LIMIT_S * 1000)
    expect(rows).to_have_count(before)
    button.click()
    expect(rows.first).to_contain_text("demo-ordered")


def test_a_request_is_found_by_its_id_and_opens_with_its_attempts(admin: Page, server: Console) -> None:
    call_id = ask(server)
    admin.goto("/requests")
    admin.get_by_label("Call id", exact=True).fill(call_id[:12])
    expect(admin.locator(".requests-table tbody tr")).to_have_count(1)
    admin.get_by_role("link", name=call_id[:8]).click()
    expect(admin.get_by_role("list", name="Attempts, in order")).to_be_visible()
    expect(admin.get_by_role("link", name="Test this moment")).to_be_visible()


def test_the_pages_are_accessible_and_fit_every_width(admin: Page, server: Console) -> None:
    one = f"/requests/{ask(server)}"
    for path in ("/", "/?period=7d", "/requests?key=none", "/requests?provider=", one):
        admin.goto(path)
        assert faults(admin, widths=(USUAL,), fits=WIDTHS) == [], path

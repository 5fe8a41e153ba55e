"""Alerts in a real browser: thresholds are changed in place, the page follows what is raised, and all can read it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import DESK, PHONE, faults
from tests.e2e.stage import follow


@pytest.fixture
def alerts(admin: Page) -> Page:
    admin.goto("/alerts/rules")
    return admin


def test_a_threshold_is_corrected_in_place_and_kept(alerts: Page) -> None:
    threshold = alerts.get_by_label("Provider down: failed probes")
    threshold.fill("2.5")
    alerts.get_by_role("button", name="Save thresholds").click()
    expect(alerts.get_by_text("Give a whole number from 1 to 100.")).to_be_visible()
    expect(threshold).to_have_value("2.5")
    threshold.fill("4")
    alerts.get_by_role("button", name="Save thresholds").click()
    expect(alerts.get_by_text("Saved", exact=True)).to_be_visible()
    alerts.reload()
    expect(threshold).to_have_value("4")


def test_the_tabs_are_accessible_and_fit_a_phone(alerts: Page) -> None:
    for tab in ("Rules", "Open", "Resolved", "Channels"):
        follow(alerts.get_by_role("navigation", name="Alerts").get_by_role("link", name=tab))
        assert faults(alerts, widths=(PHONE, DESK)) == [], tab

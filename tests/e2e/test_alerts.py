"""Alerts in a real browser: thresholds are changed in place, the page follows what is raised, and all can read it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looks import DESK, PHONE, faults


@pytest.fixture
def alerts(admin: Page) -> Page:
    admin.goto("/alerts")
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


def test_the_page_is_accessible_and_fits_a_phone(alerts: Page) -> None:
    assert faults(alerts, widths=(PHONE, DESK)) == []

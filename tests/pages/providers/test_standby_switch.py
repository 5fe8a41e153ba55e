"""The switch of a provider for test requests to its idle deployments."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pages.traffic.panels import cost_by_provider
from providers.models import Provider
from tests.factories import make_model, make_provider
from tests.page import html_of, on_one_line, signed_in
from tests.pages.providers.forms import provider_form
from tests.usage.log import finished, log
from usage.analytics.numbers import Totals, UsageLine
from usage.health import standby_proofs
from usage.health.standby_proofs import ProofResult

pytestmark = pytest.mark.django_db
page = signed_in("alice")


def test_the_form_says_what_is_asked_and_what_it_costs_and_switches_it_off(page):
    provider = make_provider(name="Nebius")
    html = html_of(page.get(f"/providers/{provider.pk}/edit"))
    assert "Ask idle deployments for one token" in html
    assert "nothing for 6 hours" in html
    assert "a few cents a year" in html
    off = provider_form(name="Nebius", api_key="")
    del off["proves_standby"]
    page.post(f"/providers/{provider.pk}/edit", off)
    assert Provider.objects.get().proves_standby is False
    assert "not asked" in html_of(page.get(f"/providers/{provider.pk}"))


def test_the_form_says_that_nobody_is_asked_where_the_setting_is_zero(page, settings):
    settings.STANDBY_PROOF_HOURS = 0.0
    assert "STANDBY_PROOF_HOURS is 0" in html_of(page.get("/providers/new"))


def test_its_page_says_what_was_proven_and_what_that_cost(page):
    provider = make_provider(name="Nebius")
    good, bad, new = (make_model(provider=provider, name=name) for name in ("good", "bad", "new"))
    ids = [str(row.pk) for row in (good, bad, new)]
    standby_proofs.enlist(ids, after_s=3600, rng=Random(1))
    standby_proofs.record(ids[0], ProofResult(call_id="c1"), after_s=3600, rng=Random(1))
    standby_proofs.record(ids[1], ProofResult("Nebius answered 404."), after_s=3600, rng=Random(1))
    log(finished("c1", endpoint="probe", owner="standby proof", model_group="", cost_usd=0.0025, **placed(provider)))
    html = on_one_line(html_of(page.get(f"/providers/{provider.pk}")))
    assert "1 test request in 30 days: $0.0025" in html
    assert "Proven " in html
    assert "Tests fail since " in html
    assert "Nebius answered 404." in html
    assert "not asked before " in html
    assert '/requests/c1"' in html


def placed(provider: Provider) -> dict[str, Any]:
    return {"provider": provider.name, "provider_id": str(provider.pk)}


def test_a_provider_that_only_got_test_requests_is_among_the_costs():
    panel = cost_by_provider([UsageLine("Nebius", "", Totals(cost_usd=0.5))], {})
    assert [row.name for row in panel.rows] == ["Nebius"]

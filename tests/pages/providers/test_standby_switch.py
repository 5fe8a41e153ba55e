"""The switch of a provider for test requests to its idle deployments."""

from __future__ import annotations

import pytest

from providers.models import Provider
from tests.factories import make_provider
from tests.page import html_of, signed_in
from tests.pages.providers.forms import provider_form

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

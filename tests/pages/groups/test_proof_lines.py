"""A group's page says when a standby was proven, and asks it at once for who wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from groups.models import RoutingGroup
from tests.factories import make_group, make_model, make_provider
from tests.fakes import ScriptedUpstream, Status
from tests.page import HTMX, html_of, on_one_line
from tests.usage.log import finished, log
from tests.usage.logged import tried
from usage.models import StandbyProof
from usage.request_log.recorder import recorder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_row_is_left_for_the_next_test() -> Iterator[None]:
    recorder._pending.clear()
    yield
    recorder._pending.clear()


@pytest.fixture
def group(upstream: ScriptedUpstream) -> RoutingGroup:
    provider = make_provider(name="Nebius", api_base=upstream.url, key="sk-ours")
    return make_group(name="support", models=[make_model(provider=provider, name="llama")])


@pytest.fixture
def editor(bob) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def url(group: RoutingGroup) -> str:
    return f"/groups/{group.pk}/deployments/{group.deployments.get().model_id}/prove"


def page(client: Client, group: RoutingGroup) -> str:
    return on_one_line(html_of(client.get(f"/groups/{group.pk}")))


def test_a_standby_has_the_button_and_what_has_traffic_needs_none(editor, group):
    html = page(editor, group)
    assert "Standby, not proven yet" in html
    assert 'Prove now<span class="unseen">: Nebius</span>' in html
    deployment_id = str(group.deployments.get().model_id)
    log(finished(model_group="support", attempts=[tried("Nebius", deployment_id=deployment_id)]))
    assert "Prove now" not in page(editor, group)


def test_readers_see_when_it_was_proven_without_the_button(client, charlie, editor, group):
    editor.post(url(group))
    client.force_login(charlie)
    html = page(client, group)
    assert "Standby, proven " in html
    assert "Prove now" not in html
    assert client.post(url(group)).status_code == 403


def test_without_javascript_the_page_comes_back_and_says_what_came_of_it(editor, group, upstream):
    answer = editor.post(url(group), follow=True)
    assert answer.redirect_chain == [(f"/groups/{group.pk}", 302)]
    html = on_one_line(html_of(answer))
    assert "Nebius/llama has just answered." in html
    assert "Standby, proven " in html
    assert upstream.count == 1


def test_with_htmx_only_the_line_is_swapped_and_keeps_its_button(editor, group):
    html = on_one_line(html_of(editor.post(url(group), headers=HTMX)))
    assert html.startswith("<form")
    assert "<html" not in html
    assert "Standby, proven " in html
    assert "Nebius/llama has just answered." in html
    assert f'id="prove-{group.deployments.get().model_id}"' in html


def test_a_failure_and_a_second_click_are_told_beside_the_button(editor, group, upstream):
    upstream.usual = Status(503, message="down for repair")
    html = on_one_line(html_of(editor.post(url(group), headers=HTMX)))
    assert "Tests fail since " in html
    assert "Nebius/llama did not answer" in html
    assert "down for repair" in html
    assert "was asked a moment ago. Wait 10 s." in html_of(editor.post(url(group), headers=HTMX))
    assert upstream.count == 1
    StandbyProof.objects.update(asked_at=timezone.now() - timedelta(minutes=1))
    assert "was asked" not in html_of(editor.post(url(group), follow=True))


def test_an_address_opened_again_leads_to_the_page(editor, group):
    assert editor.get(url(group)).headers["Location"] == f"/groups/{group.pk}"

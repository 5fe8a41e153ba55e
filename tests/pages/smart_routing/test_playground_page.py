"""The playground: what would happen to a message, live and without spending anything."""

from __future__ import annotations

import json

import pytest

from access.keys import COMMAND_LINE
from groups.models import RoutingGroup, VirtualModel
from groups.virtual.actions import create_virtual_model
from groups.virtual.tiers import TierPlan
from tests.factories import make_group, make_model, make_provider
from tests.page import HTMX, html_of, signed_in
from usage.models import RequestRecord

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(db: None) -> VirtualModel:
    for name, provider in (("mini", "Nebius"), ("standard", "Azure")):
        model = make_model(provider=make_provider(name=provider, key="sk-of-a-test"), name=f"{provider.lower()}-chat")
        make_group(name=name, models=[model], strategy="priority-failover")
    tiers = [TierPlan(pool="mini"), TierPlan(pool="standard", minimum_score=50)]
    return create_virtual_model(by=COMMAND_LINE, name="auto-chat", tiers=tiers)


page = signed_in("charlie")


def ask(page, row: VirtualModel, text: str) -> str:
    return html_of(page.post(f"/virtual-models/{row.pk}", {"text": text}, headers=HTMX))


def test_a_message_is_scored_marked_and_led_to_a_deployment(page, chat):
    html = ask(page, chat, "Implement a distributed consensus algorithm")
    assert html.strip().startswith("<section")
    assert '<mark class="k-complex">Implement<span class="points">+150</span></mark>' in html
    assert 'class="score-number">193<' in html
    assert "standard" in html
    assert "azure-chat" in html
    assert "nebius-chat" not in html
    assert not RequestRecord.objects.exists()


def test_the_tab_of_the_playground_offers_each_virtual_model(page, chat):
    tiers = [TierPlan(pool="mini"), TierPlan(pool="standard", minimum_score=70)]
    other = create_virtual_model(by=COMMAND_LINE, name="auto-other", tiers=tiers)
    html = html_of(page.get("/playground"))
    assert f'action="/virtual-models/{chat.pk}"' in html
    assert f'href="?model={other.pk}"' in html
    assert f'action="/virtual-models/{other.pk}"' in html_of(page.get(f"/playground?model={other.pk}"))
    assert page.get("/playground?model=nonsense").status_code == 200


def test_without_virtual_models_the_playground_says_where_to_make_one(page):
    assert "Make a virtual model first." in html_of(page.get("/playground"))


def test_a_simple_message_goes_to_the_small_pool(page, chat):
    html = ask(page, chat, "hi")
    assert 'class="score-number">-98<' in html
    assert "nebius-chat" in html


def test_a_conversation_counts_with_all_its_messages(page, chat):
    talk = [{"role": "user", "content": "ok"}, {"role": "assistant", "content": "yes"}] * 3
    assert "6 messages" in ask(page, chat, json.dumps(talk))


def test_broken_json_is_read_as_text_and_says_so(page, chat):
    assert "Read as plain text" in ask(page, chat, '[{"role": "user", "content": "hi"}')


def test_text_is_never_html(page, chat):
    assert "&lt;img src=x&gt; hi" not in ask(page, chat, "hi")
    assert "<img" not in ask(page, chat, "<img src=x> hi")


def test_a_pool_out_of_service_is_said(page, chat):
    RoutingGroup.objects.filter(name="mini").update(is_active=False)
    assert "as mini is out of service" in ask(page, chat, "hi")
    RoutingGroup.objects.update(is_active=False)
    assert "No pool in service" in ask(page, chat, "hi")


def test_without_javascript_the_whole_page_answers_and_keeps_the_text(page, chat):
    html = html_of(page.post(f"/virtual-models/{chat.pk}", {"text": "cat test.py"}))
    assert "<h1>auto-chat</h1>" in html
    assert ">\ncat test.py</textarea>" in html
    assert "-189" in html
    assert "193" in html_of(page.get(f"/virtual-models/{chat.pk}?example=Implement a distributed consensus algorithm"))


def test_an_empty_box_explains_itself_and_a_huge_text_is_refused(page, chat):
    assert "The score shows here while you type" in ask(page, chat, "")
    answer = page.post(f"/virtual-models/{chat.pk}", {"text": "x" * 1_000_001}, headers=HTMX)
    assert answer.status_code == 422
    assert "Keep it within a million characters." in html_of(answer)


def test_strangers_see_nothing(client, dora, chat):
    client.force_login(dora)
    assert client.get(f"/virtual-models/{chat.pk}").status_code == 403

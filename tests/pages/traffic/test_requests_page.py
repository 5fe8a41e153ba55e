"""The request log: its rights, filters and pages, and the page of one request."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from engine.outcomes import Outcome
from pages.traffic import requests as pages
from tests.factories import make_group, make_model, make_provider
from tests.page import HTMX, html_of, on_one_line, signed_in
from tests.usage.log import Served
from tests.usage.logged import HAS_PARTITIONS, logged, request_of, tried
from usage.request_log.log_search import LogCursor
from usage.request_log.recorder import recorder

pytestmark = pytest.mark.django_db
URL = "/requests"
reader = signed_in("charlie")


def shown(client, query: str = "") -> list[str]:
    html_of(answer := client.get(f"{URL}?{query}"))
    return [row.record.call_id for row in answer.context["rows"]]


def test_a_row_says_who_asked_who_answered_how_fast_and_for_how_much(reader):
    group = make_group(name="chat")
    make_provider(name="Nebius", type="nebius")
    logged("a1", key_name="ci", input_tokens=1200, output_tokens=7, cost_usd=0.0012, is_own_key=True)
    html = html_of(reader.get(URL))
    for text in ("a1", f"/groups/{group.pk}", "charlie", "ci", "llama-3.3", "BYOK", "1,200", "$0.0012", "150 ms"):
        assert text in html, text
    assert "p-nebius" in html


def test_a_provider_that_did_not_answer_is_not_told_as_one_that_did(reader):
    logged("a1")
    assert "asked last" not in html_of(reader.get(URL))
    logged("b1", status=503, attempts=[tried(status="error")])
    assert "Nebius · asked last" in html_of(reader.get(URL))


def test_the_newest_is_first_and_a_page_begins_where_the_one_before_ended(reader, monkeypatch):
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    moment = timezone.now()
    for call_id in ("a", "b", "c", "d", "e"):
        logged(call_id, started_at=moment)
    first = reader.get(URL)
    assert [row.record.call_id for row in first.context["rows"]] == ["e", "d"]
    second = reader.get(f"{URL}?before={first.context['next']}")
    assert [row.record.call_id for row in second.context["rows"]] == ["c", "b"]
    assert shown(reader, f"before={second.context['next']}") == ["a"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("call=aa", ["aa1"]),
        ("outcome=answered", ["aa1"]),
        ("outcome=failed", ["bb2", "ee5"]),
        ("outcome=refused", ["cc3"]),
        ("outcome=left", ["dd4", "ff6"]),
        ("status=ok", ["aa1"]),
        ("status=failed", ["bb2", "ee5"]),
        ("status=422", ["cc3"]),
        ("status=429&outcome=failed", ["ee5"]),
        ("status=429&outcome=refused", []),
        ("group=other", ["bb2"]),
        ("user=bob", ["cc3"]),
        ("provider=Azure", ["dd4"]),
        ("virtual_model=auto", ["ee5"]),
        ("fell_back=true", ["dd4"]),
        ("rescued=true", ["aa1"]),
        ("skipped=true", ["bb2"]),
        ("skipped=true&group=other", ["bb2"]),
        ("skipped=true&fell_back=true", []),
        ("fell_back=false&outcome=answered", ["aa1"]),
        ("key=ci", ["aa1"]),
        ("key=gone", ["bb2"]),
        ("key=nobody", []),
        ("group=other&outcome=answered", []),
        ("proofs=true", ["ff6"]),
        ("proofs=true&outcome=failed", []),
        ("proofs=false", ["aa1", "bb2", "cc3", "dd4", "ee5"]),
        ("proofs=false&user=bob", ["cc3"]),
    ],
)
def test_each_filter_leaves_what_it_names(reader, query, found):
    logged("aa1", age_min=1, key_id=str(uuid4()), key_name="ci", rescued=True)
    logged("bb2", age_min=2, status=503, model_group="other", key_id=str(uuid4()), key_name="gone", has_skips=True)
    logged("cc3", age_min=3, status=422, owner="bob")
    logged("dd4", age_min=4, status=499, provider="Azure", fell_back=True)
    logged("ee5", age_min=5, status=429, virtual_model="auto")
    # In the log of a real one it has neither a group nor a key.
    logged("ff6", age_min=6, status=499, model_group="", owner="standby proof", endpoint="probe")
    assert shown(reader, query) == found


def test_a_range_of_time_is_from_until(reader):
    for hours in (1, 3, 5):
        logged(f"h{hours}", age_min=60 * hours)
    since, until = (f"{timezone.now() - timedelta(hours=h):%Y-%m-%dT%H:%M}" for h in (4, 2))
    assert shown(reader, f"since={since}&until={until}") == ["h3"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("status=bad", "an HTTP status such as 503"),
        ("outcome=bad", "answered, failed, refused or left"),
        ("skipped=false", "Give true, or leave it out"),
        ("since=yesterday", "2030-01-31T14:30"),
        ("since=2030-01-02T00:00&until=2030-01-01T00:00", "later than"),
        ("before=x", "not a place in the log"),
        ("before=999999999999999999.a", "not a place in the log"),
        ("call=%00", "Null characters"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_makes_no_sense_is_said_and_kept(reader, query, why, headers):
    answer = reader.get(f"{URL}?{query}", headers=headers)
    assert answer.status_code == 422
    assert why in html_of(answer)


def test_without_a_role_one_sees_ones_own(client, dora):
    logged("mine", owner="dora")
    logged("theirs", owner="charlie")
    client.force_login(dora)
    assert shown(client) == ["mine"]
    assert shown(client, "user=charlie") == ["mine"]
    assert client.get(f"{URL}/mine").status_code == 200
    assert client.get(f"{URL}/theirs").status_code == 403
    assert "data-follows" not in html_of(client.get(URL))


def test_the_anonymous_are_asked_to_sign_in_and_nothing_is_posted(client, charlie):
    assert client.get(URL).url == "/sign-in?next=/requests"
    client.force_login(charlie)
    assert {client.post(path).status_code for path in (URL, f"{URL}/news", f"{URL}/a")} == {405}


def test_the_empty_log_says_how_to_send_the_first_and_an_empty_search_how_to_end_it(reader):
    assert "v1/chat/completions" in html_of(reader.get(URL))
    assert "No request matches" in html_of(reader.get(f"{URL}?group=x"))
    assert "The log ends here" in html_of(reader.get(f"{URL}?before=1.a"))


def test_what_came_since_is_counted_and_marked(reader):
    old = logged("old", age_min=5)
    seen = str(LogCursor.of(old))
    assert "new request" not in html_of(reader.get(f"{URL}/news?seen={seen}"))
    logged("new", age_min=1)
    logged("other", age_min=1, model_group="other")
    assert "1 new request<" in html_of(reader.get(f"{URL}/news?group=chat&seen={seen}"))
    rows = html_of(reader.get(f"{URL}?seen={seen}", headers=HTMX))
    found = re.findall(r'<tr\s*(class="is-new")?><th scope="row"><a class="cover" id="open-(\w+)"', rows)
    assert {name: bool(is_new) for is_new, name in found} == {"new": True, "other": True, "old": False}


def test_the_newest_page_is_live_the_older_are_not(reader):
    assert "data-follows" in html_of(reader.get(URL))
    assert "data-follows" not in html_of(reader.get(f"{URL}?before=1.a"))


def test_the_page_of_one_request_tells_each_attempt_and_why_the_router_moved_on(reader):
    attempts = [
        tried("Nebius", status="error", error_class="Timeout", error_message="too slow", moved_on="fallback_timeout"),
        tried("Azure"),
    ]
    logged("a1", attempts=attempts, provider="Azure", virtual_model="auto", virtual_tier="hard", score=71, team="Blue")
    html = html_of(reader.get(f"{URL}/a1"))
    for text in ("too slow", "It timed out, so the router went", "auto", "tier hard", "score 71", "Blue"):
        assert text in html, text
    assert "no such group" in html


def test_the_page_of_one_request_names_the_parameters_that_a_provider_does_not_know(reader):
    logged("a1", attempts=[tried("Azure") | {"dropped_params": ["seed", "logit_bias"]}], provider="Azure")
    html = html_of(reader.get(f"{URL}/a1"))
    assert "Not sent, because this provider does not know them: <code>seed</code>, <code>logit_bias</code>" in html


def test_a_request_that_jumped_over_its_primary_does_not_read_as_the_first_choice(reader):
    skip = {
        "deployment_id": "p",
        "deployment_name": "primary",
        "provider": "Nebius",
        "model_group": "chat",
        "tier": 1,
        "reason": "cooling",
        "message": "It cools down for 7 s more, after 2×503.",
        "for_s": 7.0,
        "cause": "2×503",
        "fallback_depth": 0,
        "cause_call_id": "b2",
    }
    logged("a1", attempts=[tried("Azure") | {"fallback_depth": 1}], provider="Azure", fell_back=True, skipped=[skip])
    html = html_of(reader.get(f"{URL}/a1"))
    for text in ("It cools down for 7 s more, after 2×503.", "cooling", "fell back", "1 skipped", f"{URL}/b2", "ghost"):
        assert text in html, text
    assert "first choice" not in html
    assert "fell back" in html_of(reader.get(URL))


def test_the_requests_before_and_after_are_one_press_away_and_only_those_that_one_may_see(client, reader, bob):
    for number, age in (("a", 5), ("b", 4), ("c", 3)):
        logged(number, age_min=age)
    logged("of-bob", age_min=3.5, owner="bob")
    html = on_one_line(html_of(reader.get(f"{URL}/b")))
    assert f'href="{URL}/a"> Older' in html or f'href="{URL}/a">Older' in html
    assert f'href="{URL}/of-bob"' in html
    assert "Newer" not in html_of(reader.get(f"{URL}/c"))
    assert "Older" not in html_of(reader.get(f"{URL}/a"))


def test_an_operator_tests_the_moment_of_a_request_in_the_live_tester(client, reader, bob):
    group = make_group(name="chat")
    record = logged("a1", age_min=3)
    assert "Test this moment" not in html_of(reader.get(f"{URL}/a1"))
    client.force_login(bob)
    html = html_of(client.get(f"{URL}/a1"))
    assert "Test this moment" in html
    assert f"/groups/{group.pk}/live?from={record.started_at - timedelta(minutes=2):%Y-%m-%dT%H}" in html


def test_the_path_has_a_time_axis_and_a_bar_that_is_pale_until_the_first_token(reader):
    attempt = tried(first_token_ms=148.0, duration_ms=219.0, started_at="2000-01-01T00:00:00+00:00")
    logged("a1", duration_ms=221.0, first_token_ms=148.0, attempts=[attempt])
    html = on_one_line(html_of(reader.get(f"{URL}/a1")))
    assert "40\u202fms" in html
    assert "answered 221 ms" in html
    assert "fill waits" in html
    assert "1 step: 1 answered" in html


def test_when_nobody_was_asked_the_page_still_says_who_was_skipped(reader):
    skip = {
        "deployment_name": "primary",
        "provider": "Nebius",
        "tier": 1,
        "reason": "no_credentials",
        "message": "Why not.",
    }
    logged("a1", attempts=[], status=503, skipped=[skip])
    html = html_of(reader.get(f"{URL}/a1"))
    assert "Why not." in html
    assert "no deployment was asked" in html


def test_the_cost_is_computed_line_by_line(reader):
    prices: dict[str, Any] = {"input_cost_per_million": Decimal(3), "cached_input_cost_per_million": Decimal("0.3")}
    model = make_model(**prices, output_cost_per_million=Decimal(15))
    cost = (600 * 3 + 400 * 0.3 + 100 * 15) / 1e6
    tokens = {"input_tokens": 1000, "cached_tokens": 400, "output_tokens": 100, "reasoning_tokens": 30}
    logged("a1", deployment_id=str(model.pk), cost_usd=cost, **tokens)
    html = html_of(answer := reader.get(f"{URL}/a1"))
    computation = answer.context["computation"]
    assert [line.tokens for line in computation.lines] == [600, 400, 100]
    assert (computation.total_usd, computation.is_as_recorded) == (pytest.approx(cost), True)
    assert "30 for reasoning" in html
    model.output_cost_per_million = Decimal(30)
    model.save()
    assert "prices have changed" in html_of(reader.get(f"{URL}/a1"))


def test_units_are_in_the_calculation_also_without_tokens(reader):
    model = make_model(unit="search", price_per_unit=Decimal("0.002"))
    logged("a1", deployment_id=str(model.pk), cost_usd=0.006, unit="search", units=3.0)
    html = html_of(answer := reader.get(f"{URL}/a1"))
    computation = answer.context["computation"]
    assert (computation.total_usd, computation.is_as_recorded) == (pytest.approx(0.006), True)
    row = html.partition("per search")[0][-200:]
    assert "3 searches" in row, row
    assert "$0.002" in row, row


def test_estimated_tokens_refusals_and_a_gone_model_are_said(reader):
    logged("guess", input_tokens=10, output_tokens=5, is_estimated=True, deployment_id="7")
    html = html_of(reader.get(f"{URL}/guess"))
    assert "≈ 10" in html
    assert "not in the catalog any more" in html
    logged("no", status=402, attempts=[], provider="", error_class="OutOfCredits")
    html = html_of(reader.get(f"{URL}/no"))
    assert "refused before it was routed" in html
    assert "OutOfCredits" in html


def test_a_request_that_is_not_written_yet_is_shown(reader):
    recorder.put(Served(request_of("fresh")))
    try:
        assert "fresh" in html_of(reader.get(f"{URL}/fresh"))
    finally:
        recorder._pending.clear()


def test_what_is_not_in_the_log_is_404_and_says_why(reader, settings):
    settings.ATTEMPTS_RETENTION_HOURS = 720
    answer = reader.get(f"{URL}/nothing")
    assert answer.status_code == 404
    assert "kept for 30 days" in html_of(answer)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_row_is_found_by_the_outcome_it_shows(reader, outcome):
    logged("a1", status=429, outcome=outcome.value)
    assert {o for o in Outcome if shown(reader, f"outcome={o}")} == {outcome}
    assert reader.get(URL).context["rows"][0].outcome == outcome


def test_few_queries_for_any_number_of_rows(reader, django_assert_num_queries):
    for number in range(20):
        logged(f"a{number}", model_group=f"group-{number}", provider=f"Provider {number}")
    # Session, person, alerts, requests, saved filters, providers, groups; those of the last day do not fill a page.
    with django_assert_num_queries(7 + HAS_PARTITIONS):
        reader.get(URL)
    with django_assert_num_queries(
        11
    ):  # ... the group itself, twice, the providers of the attempts, and both neighbours
        reader.get(f"{URL}/a1")

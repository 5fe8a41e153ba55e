"""The test form of a group's page. What the routers do is tested elsewhere: here the answer is scripted."""

from __future__ import annotations

import pytest

from gateway import send_test
from gateway.openai import ApiError
from gateway.send_test import RoutingTrace
from lib.exceptions import Conflict
from pages.groups import send_test_page
from tests.factories import make_group
from tests.page import HTMX, html_of

pytestmark = pytest.mark.django_db
FORM = {"message": "Say <hi>", "mode": "mock"}


def attempt(
    name: str, *, at_ms: float = 0, ms: float = 100, error: str = "", tier: int = 1, moved: str | None = None
) -> RoutingTrace:
    return RoutingTrace(
        deployment_id=name,
        deployment_name=name,
        provider=name,
        latency_ms=ms,
        was_fallback=tier > 1,
        fallback_depth=tier - 1,
        status="error" if error else "success",
        error_message=error or None,
        error_class="ServiceUnavailableError" if error else None,
        tier=tier,
        moved_on_because=moved,
        started_ms=at_ms,
    )


def result_of(*traces: RoutingTrace, error: str | None = None) -> send_test.SendTestResult:
    last = traces[-1].provider if traces else ""
    total = sum(t.latency_ms for t in traces)
    return send_test.SendTestResult(error is None, "Hi <there>", traces, total, last, last, "call-1", error)


@pytest.fixture
def answer_with(monkeypatch):
    """Scripts what the routers answer, and keeps what they were asked."""
    asked: list[dict] = []

    def script(outcome: send_test.SendTestResult | Exception) -> list[dict]:
        def try_group(**kwargs):
            asked.append(kwargs)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(send_test_page, "try_group", try_group)
        return asked

    return script


@pytest.fixture
def address(client, bob):
    client.force_login(bob)
    return f"/groups/{make_group(name='prod-chat', strategy='priority-failover').pk}/test"


def test_a_test_goes_to_the_group_as_the_person_asked(client, address, answer_with, bob):
    asked = answer_with(result_of(attempt("Nebius")))
    client.post(address, FORM, headers=HTMX)
    assert asked == [
        {"name": "prod-chat", "messages": [{"role": "user", "content": "Say <hi>"}], "mock": True, "by": bob}
    ]


def test_every_attempt_is_shown_in_order_with_its_reason(client, address, answer_with):
    failed = attempt("Nebius", ms=149, error="503 <down>", moved="fallback_error")
    answer_with(result_of(failed, attempt("Azure", ms=1321, tier=2)))
    html = html_of(client.post(address, FORM, headers=HTMX))
    assert html.index("Nebius") < html.index("next tier or group") < html.index("Azure · priority 2")
    assert "503 &lt;down&gt;" in html
    assert "Hi &lt;there&gt;" in html
    assert "149 ms" in html
    assert "1.47 s" in html


def test_all_failed_says_so(client, address, answer_with):
    answer_with(result_of(attempt("Nebius", error="503"), error="Nothing answered."))
    html = html_of(client.post(address, FORM, headers=HTMX))
    assert "No deployment answered" in html
    assert "Nothing answered." in html


def test_no_attempt_at_all_says_why(client, address, answer_with):
    answer_with(result_of(error="All are cooling down; try again in 21 s."))
    html = html_of(client.post(address, FORM, headers=HTMX))
    assert "No deployment was called" in html
    assert "try again in 21 s" in html


@pytest.mark.parametrize("refusal", [Conflict("Not now."), ApiError(400, "Not now.")])
def test_a_refusal_is_shown_where_the_answer_would_be(client, address, answer_with, refusal):
    answer_with(refusal)
    answer = client.post(address, FORM, headers=HTMX)
    assert answer.status_code == 422
    assert "Not now." in html_of(answer)


@pytest.mark.parametrize(
    "bad", [{"message": ""}, {"message": "x" * 8001}, {"mode": "maybe"}, {"mode": ""}, {"message": "a\x00b"}]
)
def test_a_bad_form_comes_back_with_the_reason_and_sends_nothing(client, address, answer_with, bad):
    asked = answer_with(result_of(attempt("Nebius")))
    answer = client.post(address, {**FORM, **bad}, headers=HTMX)
    assert answer.status_code == 422
    assert 'class="error"' in html_of(answer)
    assert asked == []


def test_htmx_gets_the_panel_and_others_the_whole_page(client, address, answer_with):
    answer_with(result_of(attempt("Nebius")))
    part = html_of(client.post(address, FORM, headers=HTMX))
    whole = html_of(client.post(address, FORM))
    assert part.strip().startswith('<section class="card test" id="group-test"')
    assert "<html" in whole
    assert "Nebius" in whole


def test_coming_back_by_get_shows_the_group(client, address):
    assert client.get(address).url == address.removesuffix("/test")


def test_a_viewer_sees_why_not_and_may_not(client, address, charlie, answer_with):
    asked = answer_with(result_of(attempt("Nebius")))
    client.force_login(charlie)
    assert "needs the role operator" in html_of(client.get(address.removesuffix("/test")))
    assert client.post(address, FORM).status_code == 403
    assert asked == []


def test_the_anonymous_sign_in_first_and_htmx_takes_the_whole_page_there(client, address):
    client.logout()
    page = address.removesuffix("/test")
    answer = client.post(address, FORM, headers={**HTMX, "HX-Current-URL": f"http://testserver{page}"})
    assert answer.headers["HX-Redirect"] == f"/sign-in?next={page}"
    assert client.post(address, FORM).url.startswith("/sign-in?next=")

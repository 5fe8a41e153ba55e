"""A draft in the builder: drawn as it is edited, rehearsed before it is saved, and nothing of it stored."""

from __future__ import annotations

from typing import Any

import pytest

from engine.faults.scenarios import SCENARIOS
from groups.models import RoutingGroup
from pages.live_tester import builder_preview
from tester.exceptions import RunBroken
from tester.models import Run
from tester.runs.brief_rehearsal import BriefRehearsal, RehearsalSummary, rehearse_briefly, verdict_of
from tests.factories import make_group
from tests.page import HTMX, html_of
from tests.pages.groups.test_builder_page import form

pytestmark = pytest.mark.django_db
PREVIEW, REHEARSAL = "/groups/draft/preview", "/groups/draft/rehearsal"


@pytest.fixture
def models(group) -> list[Any]:
    return [row.model for row in group.deployments.select_related("model__provider")]


@pytest.fixture
def send(client, bob):
    client.force_login(bob)
    return lambda address, data: client.post(address, data, headers=HTMX)


@pytest.fixture
def rehearsed(monkeypatch) -> list[tuple[list[str], str]]:
    """What was rehearsed: the groups and the scenario; the real worker has a test of its own."""
    seen: list[tuple[list[str], str]] = []

    def pretend(specs, scenario: str) -> BriefRehearsal:
        seen.append(([f"{spec.name}:{spec.strategy}" for spec in specs], scenario))
        return BriefRehearsal(RehearsalSummary("98.5\u202f%", 41, 9, 1900.0, 1.8), {})

    monkeypatch.setattr(builder_preview, "rehearse_briefly", pretend)
    monkeypatch.setattr(builder_preview, "scene_of", lambda drawn, frame, mode: None)
    return seen


def test_a_real_rehearsal_of_a_draft_answers_and_leaves_no_run(send, models):
    answer = send(REHEARSAL, form(*models, name="draft"))
    html = html_of(answer)
    assert answer.status_code == 200
    assert "% success</strong>" in html
    assert f">{SCENARIOS['primary-outage'].needs.num_requests}<" in html
    assert "Before them" not in html
    assert (Run.objects.count(), RoutingGroup.objects.count()) == (0, 1)


def test_one_draft_gives_one_verdict(models, group):
    from groups.specs import specs_with_fallbacks

    first, second = (rehearse_briefly(specs_with_fallbacks(group), "primary-outage") for _ in range(2))
    assert first == second
    assert first.verdict.fallbacks > 0


def test_an_edited_group_is_rehearsed_beside_its_stored_version(send, models, group, rehearsed):
    data = form(*models, strategy="least-busy", name="chat", group=str(group.pk), scenario="slow-creep")
    html = html_of(send(REHEARSAL, data))
    assert rehearsed == [(["chat:least-busy"], "slow-creep"), (["chat:priority-failover"], "slow-creep")]
    assert "With your changes: <strong>98.5\u202f% success</strong>, 41 fell back, p95 1.90 s." in html
    assert "9 requests failed: this costs 1.8 s of your traffic." in html
    assert "Before them: 98.5\u202f% success" in html


def test_fallback_groups_come_along(send, models, rehearsed):
    make_group(name="spare", models=models)
    send(REHEARSAL, form(*models, name="draft", fallback_groups="spare"))
    assert rehearsed[0][0] == ["draft:priority-failover", "spare:simple-shuffle"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"row": []}, "Give 1 to 100 deployments."),
        ({"timeout_s": "-3"}, "Timeout of an attempt, seconds: Ensure"),
        ({"scenario": "a-meteor"}, "scenario: "),
    ],
)
def test_a_draft_that_cannot_route_says_why(send, models, wrong, said):
    answer = send(REHEARSAL, form(*models, **wrong))
    assert answer.status_code == 422
    assert said in html_of(answer)


def test_a_weight_that_is_missing_is_said(send, models):
    answer = send(REHEARSAL, form(*models, strategy="weighted", **{f"{models[0].pk}-weight": ""}))
    assert "Deployment 1: the strategy needs a weight" in html_of(answer)


def test_without_a_free_worker_it_says_so(send, models, monkeypatch):
    def busy(*_: Any) -> None:
        raise RunBroken("No result within 20 s.")

    monkeypatch.setattr(builder_preview, "rehearse_briefly", busy)
    assert "No result within 20 s." in html_of(send(REHEARSAL, form(*models)))


def test_the_diagram_follows_the_form(send, models):
    html = html_of(send(PREVIEW, form(*models, name="")))
    assert "new-group" in html
    assert "a chain: Nebius, then Fireworks" in html
    assert "a chain: Fireworks, then Nebius" in html_of(send(PREVIEW, form(*reversed(models))))
    assert "by weight" in html_of(send(PREVIEW, form(*models, strategy="weighted")))


def test_what_cannot_be_drawn_yet_says_so(send, models):
    assert "The diagram appears with the first deployment." in html_of(send(PREVIEW, {"name": "x"}))
    assert "by weight" in html_of(send(PREVIEW, form(*models, strategy="weighted", **{f"{models[0].pk}-weight": "x"})))


def test_what_was_just_rehearsed_is_not_drawn_again(send, models):
    html = html_of(send(REHEARSAL, form(*models)))
    mark = html.split('name="rehearsed" value="')[1].split('"')[0]
    assert send(PREVIEW, form(*models, rehearsed=mark)).status_code == 204
    assert send(PREVIEW, form(*reversed(models), rehearsed=mark)).status_code == 200


def test_without_javascript_the_rehearsal_is_a_page(client, bob, models, rehearsed):
    client.force_login(bob)
    html = html_of(client.post(REHEARSAL, form(*models)))
    assert "<h1>Rehearsal of a draft</h1>" in html


@pytest.mark.parametrize("address", [PREVIEW, REHEARSAL])
def test_operators_only_and_by_post_only(client, charlie, dora, address):
    for person in (charlie, dora):
        client.force_login(person)
        assert client.post(address, {}).status_code == 403
    assert client.get(address).status_code == 405


def test_the_number_of_queries_of_a_preview(send, models, django_assert_num_queries):
    with django_assert_num_queries(4):
        send(PREVIEW, form(*models))


def test_a_share_is_never_rounded_up():
    result = {"total_requests": 600, "failed_requests": 1, "fallback_count": 0, "latency_p95_ms": 5.0}
    assert verdict_of(result, 5.0).success == "99.8\u202f%"
    assert verdict_of({**result, "failed_requests": 0}, 5.0).success == "100\u202f%"


def test_requests_that_were_all_refused_are_neither_a_success_nor_none():
    result = {"total_requests": 5, "failed_requests": 0, "refused_requests": 5, "fallback_count": 0}
    verdict = verdict_of({**result, "latency_p95_ms": None}, 5.0)
    assert (verdict.success, verdict.failed, verdict.refused) == ("–", 0, 5)

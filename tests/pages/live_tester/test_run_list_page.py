"""The list of runs: what became of each in a sentence, and two that are ticked lead to a comparison."""

from __future__ import annotations

from typing import Any

import pytest

from groups.models import RoutingGroup
from tester.models import Run
from tests.factories import make_group
from tests.page import html_of, signed_in

pytestmark = pytest.mark.django_db
operator, reader = signed_in("bob"), signed_in("charlie")


@pytest.fixture
def chat() -> RoutingGroup:
    return make_group(name="chat", revision=3)


def run_of(group: RoutingGroup, revision: int, *, failed: int = 0, moved: int = 0, **fields: Any) -> Run:
    result = {"total_requests": 100, "failed_requests": failed, "fallback_count": moved}
    same = {"group": group, "group_name": group.name, "scenario": "primary-outage", "seed": 7, "created_by": "bob"}
    values = {**same, "status": "done", "result": result, "group_revision": revision}
    return Run.objects.create(**{**values, **fields})


@pytest.mark.parametrize(
    ("counts", "kind", "verdict"),
    [
        ({}, "good", "Healthy: every request was answered."),
        ({"moved": 40}, "good", "No caller saw an error."),
        ({"moved": 60}, "warm", "All answered, but 60\u202f% by fallback."),
        ({"failed": 7}, "bad", "7 of 100 callers got an error."),
        ({"failed": 100}, "bad", "Every caller got an error."),
    ],
)
def test_a_run_says_what_callers_saw_as_on_its_own_page(reader, chat, counts, kind, verdict):
    run_of(chat, 3, **counts)
    (line,) = reader.get(f"/groups/{chat.pk}/runs").context["lines"]
    assert (line.kind, line.verdict) == (kind, verdict)


def test_a_run_without_a_result_has_no_verdict_and_is_not_compared(operator, chat):
    run_of(chat, 3, status="failed", result=None)
    html = html_of(operator.get(f"/groups/{chat.pk}/runs"))
    assert "run-verdict" not in html
    assert 'type="checkbox"' not in html


def test_who_may_only_read_has_no_boxes(reader, chat):
    run_of(chat, 3)
    assert "Compare selected runs" not in html_of(reader.get(f"/groups/{chat.pk}/runs"))


def test_two_runs_lead_to_the_comparison_of_their_configurations(operator, chat):
    old, new = run_of(chat, 1), run_of(chat, 3)
    answer = operator.get(f"/groups/{chat.pk}/runs/compare", {"id": [str(new.pk), str(old.pk)]})
    assert answer.url == f"/groups/{chat.pk}/compare?run={new.pk}&against=revision%3A1"


@pytest.mark.parametrize(
    ("revisions", "why"), [((1,), "Tick two runs"), ((1, 2, 3), "Tick two r"), ((3, 3), "saved now")]
)
def test_other_choices_are_answered_with_what_to_do(operator, chat, revisions, why):
    ids = [str(run_of(chat, revision).pk) for revision in revisions]
    answer = operator.get(f"/groups/{chat.pk}/runs/compare", {"id": ids}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/groups/{chat.pk}/runs"
    assert why in html_of(answer)


def test_runs_of_another_group_do_not_count(operator, chat):
    ids = [str(run_of(chat, 1).pk), str(run_of(make_group(name="other"), 1).pk)]
    answer = operator.get(f"/groups/{chat.pk}/runs/compare", {"id": ids})
    assert answer.url == f"/groups/{chat.pk}/runs"

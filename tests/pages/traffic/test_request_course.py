"""The way of a request in a sentence, and its standbys."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.utils import timezone

from engine.ledger import Hedge, SkipReason
from groups.models import RoutingGroup
from pages.traffic.request_course import sentence_of
from tests.factories import make_group, make_model, make_provider
from tests.page import html_of, on_one_line, signed_in
from tests.usage.logged import logged, request_of, tried
from usage.health import standby_proofs
from usage.health.standby_proofs import ProofResult
from usage.request_log.waterfall import SKIP_WORDS

reader = signed_in("charlie")
BROKEN = tried(status="error")


def skip(provider: str = "Nebius", reason: str = "cooling") -> dict[str, object]:
    names = {"deployment_id": "p", "deployment_name": "primary", "model_group": "chat", "tier": 1}
    return {**names, "provider": provider, "reason": reason, "message": "It cools down for 7 s more, after 2×503."}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, ""),
        ({"skipped": [skip()], "provider": "Azure"}, "Nebius was skipped (cooling), so Azure answered."),
        ({"attempts": [BROKEN, tried("Azure")], "provider": "Azure"}, "Nebius failed (503), so Azure answered."),
        (
            {"attempts": [BROKEN, tried("Azure")], "provider": "Azure", "rescued": True},
            "Nebius failed (503), so Azure brought the stream to its end.",
        ),
        (
            {"attempts": [BROKEN, BROKEN], "skipped": [skip("Azure", "rate_limited")], "status": 503},
            "Nobody answered: Nebius failed (503) and Azure was skipped (at its rate limit).",
        ),
        (
            {"attempts": [], "skipped": [skip(f"P{n}") for n in range(6)], "status": 503},
            "Nobody answered: P0 was skipped (cooling), P1 was skipped (cooling), P2 was skipped (cooling), "
            "P3 was skipped (cooling) and 2 more could not.",
        ),
        ({"attempts": [BROKEN], "status": 499}, ""),
        ({"attempts": [tried(status="error") | {"hedge": Hedge.LOST.value}, tried("Azure")], "provider": "Azure"}, ""),
    ],
)
def test_the_way_of_a_request_is_one_sentence(fields, sentence):
    assert sentence_of(request_of("a1", **fields)) == sentence


def test_every_reason_of_a_skip_has_words():
    assert set(SKIP_WORDS) == set(SkipReason)


@pytest.mark.django_db
def test_a_skipped_deployment_is_a_ghost_with_its_reason_and_when_it_began(reader):
    row = skip() | {"since": "2030-01-02T03:04:05+00:00", "cause_call_id": "b2"}
    logged("a1", provider="Azure", attempts=[tried("Azure")], skipped=[row], has_skips=True)
    html = html_of(reader.get("/requests/a1"))
    for text in (
        "Nebius was skipped (cooling), so Azure answered.",
        ">03:04:05</time>",
        "so it cost no time",
        "/requests/b2",
    ):
        assert text in html, text


@pytest.mark.django_db
def test_who_was_not_needed_stands_by_at_the_end(reader):
    first, second = (make_model(provider=make_provider(name=name), name=name) for name in ("Nebius", "Azure"))
    make_group(models=[first, second], name="chat")
    RoutingGroup.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    logged("a1", attempts=[tried() | {"deployment_id": str(first.pk), "model_group": "chat"}])
    steps = reader.get("/requests/a1").context["steps"]
    assert [(step.provider, step.is_ghost and step.is_standby) for step in steps] == [
        ("Nebius", False),
        ("Azure", True),
    ]
    html = html_of(reader.get("/requests/a1"))
    assert "Standby<" in html
    assert "Skipped" not in html
    standby_proofs.enlist([str(second.pk)], after_s=60, rng=Random(1))
    standby_proofs.record(str(second.pk), ProofResult(), after_s=60, rng=Random(1))
    assert "Standby, proven <time" in on_one_line(html_of(reader.get("/requests/a1")))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "answered in one piece"),
        ({"first_token_ms": 80.0}, "streamed"),
        ({"status": 503}, "no answer came"),
    ],
)
def test_the_time_of_a_request_is_told_with_what_came_in_it(reader, fields, said):
    logged("a1", **fields)
    assert said in " ".join(html_of(reader.get("/requests/a1")).split())

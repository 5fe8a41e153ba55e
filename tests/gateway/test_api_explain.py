"""`…/explain`: where a message would go and who would be asked, without asking anybody."""

from __future__ import annotations

import re
import uuid
from random import Random
from typing import Any

import pytest

from groups.models import RoutingGroup, VirtualModel
from groups.virtual.actions import create_virtual_model
from groups.virtual.tiers import TierPlan
from tests.factories import make_group, make_model, make_provider
from tests.usage.cooling import cooling
from usage.health import standby_proofs
from usage.health.standby_proofs import ProofResult

pytestmark = pytest.mark.django_db
COMPLEX = [{"role": "user", "content": "Please implement it."}]


@pytest.fixture
def virtual(bob) -> VirtualModel:
    for name in ("mini", "standard"):
        make_group(name=name, models=[make_model(name=f"{name}-model")])
    tiers = [TierPlan(pool="mini"), TierPlan(pool="standard", minimum_score=50)]
    return create_virtual_model(by=bob, name="auto-chat", tiers=tiers)


def explained(client: Any, row: VirtualModel | RoutingGroup, **body: Any) -> dict[str, Any]:
    kind = "virtual_models" if isinstance(row, VirtualModel) else "routing_group"
    answer = client.post(f"/v1/{kind}/{row.pk}/explain", body)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def excluded(answer: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(re.sub(r"\d+ s more", "a while", one["why"]), one["is_tried"]) for one in answer["excluded"]]


def test_a_message_is_scored_with_the_places_of_its_parts(as_charlie, virtual):
    said = explained(as_charlie, virtual, messages=COMPLEX)
    assert (said["score"], said["tier"], said["pool"], said["decision"]) == (170, "complex", "standard", "complex")
    part = next(part for part in said["parts"] if part["kind"] == "complex")
    assert said["text"][part["at"] :].startswith(part["what"])
    assert [one["deployment_name"] for one in said["candidates"]] == ["standard-model"]


def test_without_text_or_with_a_pool_out_of_service_the_default_tier_is_named(as_charlie, virtual):
    assert explained(as_charlie, virtual, messages=[])["decision"] == "complex, as no user wrote any text"
    RoutingGroup.objects.filter(name="mini").update(is_active=False)
    said = explained(as_charlie, virtual, messages=[{"role": "user", "content": "hi"}])
    assert (said["score"], said["pool"], said["decision"]) == (-98, "standard", "complex, as mini is out of service")


def test_with_no_pool_in_service_nobody_is_asked(as_charlie, virtual):
    RoutingGroup.objects.update(is_active=False)
    said = explained(as_charlie, virtual, messages=COMPLEX)
    assert (said["tier"], said["pool"], said["candidates"]) == (None, None, [])


def test_a_group_names_its_candidates_and_those_of_its_fallbacks(as_charlie):
    make_group(name="backup", models=[make_model(name="last")])
    fallback = {"fallback_groups": ["backup"]}
    models = [make_model(name="first"), make_model(name="second")]
    group = make_group(models=models, strategy="priority-failover", fallback_config=fallback)
    said = explained(as_charlie, group)
    assert [(c["deployment_name"], c["model_group"], c["chance"]) for c in said["candidates"]] == [
        ("first", group.name, 1.0),
        ("second", group.name, 0.0),
        ("last", "backup", 0.0),
    ]


def test_who_cannot_answer_is_left_out_and_why(as_charlie):
    off, keyless = make_provider(name="Off", enabled=False), make_provider(name="Keyless", type="openai", api_base="")
    cooling = make_model(name="cooling")
    models = [
        make_model(provider=off),
        make_model(enabled=False),
        cooling,
        make_model(provider=keyless),
        make_model(context_length=10),
        make_model(name="fine"),
    ]
    group = make_group(models=models)
    _cool_down(group, cooling)
    said = explained(as_charlie, group, messages=[{"role": "user", "content": "word " * 20}])
    assert [one["deployment_name"] for one in said["candidates"]] == ["fine"]
    assert excluded(said) == [
        ("Off is disabled.", False),
        ("The model is disabled.", False),
        ("It cools down for a while: It is overloaded.", False),
        ("Keyless has no API key.", True),
        ("Its context holds 10 tokens; the messages are about 25.", False),
    ]


def test_litellms_router_asks_also_one_whose_context_is_too_small(as_charlie):
    models = [make_model(context_length=10), make_model(name="fine")]
    group = make_group(models=models, settings={"router": "litellm"})
    said = explained(as_charlie, group, messages=[{"role": "user", "content": "word " * 20}])
    assert excluded(said) == [("Its context holds 10 tokens; the messages are about 25.", True)]


def _cool_down(group: RoutingGroup, model: Any) -> None:
    cooling(deployment_id=model.pk, groups=[group.name], error="It is overloaded.")


def test_tiers_beyond_max_fallbacks_are_not_reached(as_charlie):
    group = make_group(
        models=[make_model(), make_model()], strategy="priority-failover", retry_config={"max_fallbacks": 0}
    )
    said = explained(as_charlie, group)
    assert (len(said["candidates"]), excluded(said)) == (
        1,
        [("Its tier is beyond the 0 moves of max_fallbacks.", False)],
    )


def test_strangers_bad_input_and_what_is_not_there(as_charlie, as_dora, virtual):
    at = f"/v1/virtual_models/{virtual.pk}/explain"
    assert as_dora.post(at, {"messages": COMPLEX}).status_code == 403
    assert as_charlie.post(at, {"messages": "hi"}).status_code == as_charlie.post(at, {}).status_code == 400
    assert as_charlie.get(at).status_code == 405
    assert as_charlie.post(f"/v1/routing_group/{uuid.uuid4()}/explain", {}).status_code == 404


def test_explaining_takes_the_same_queries_for_many_deployments(as_charlie, django_assert_num_queries):
    groups = [make_group(models=[make_model() for _ in range(size)]) for size in (1, 5)]
    for group in groups:
        with django_assert_num_queries(9):  # key, group, names, two for rows, two for cooldowns, response times, proofs
            explained(as_charlie, group)


def test_a_candidate_says_when_it_last_answered_and_since_when_its_tests_fail(as_charlie):
    models = [make_model(name=name) for name in ("proven", "dead", "unknown")]
    group = make_group(models=models, strategy="priority-failover")
    ids = [str(model.pk) for model in models[:2]]
    standby_proofs.enlist(ids, after_s=60, rng=Random(1))
    standby_proofs.record(ids[0], ProofResult(), after_s=60, rng=Random(1))
    standby_proofs.record(ids[1], ProofResult("gone"), after_s=60, rng=Random(1))
    said = explained(as_charlie, group)["candidates"]
    known = [(bool(one["proven_at"]), bool(one["failing_since"])) for one in said]
    assert known == [(True, False), (False, True), (False, False)]

"""Somebody wants to know whether a standby answers, and asks it for one token at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from access.keys import KeyHolder
from access.models import Role
from gateway.background.proof_requests import prove_now
from groups.models import Deployment
from lib.exceptions import Conflict, NotAllowed, TooSoon
from providers.models import LanguageModel, Provider, ProviderKey
from tests.factories import make_group, make_model, make_provider
from tests.fakes import ScriptedUpstream, Status
from usage.models import Alert, AlertKind, BreakerTrip, StandbyProof
from usage.request_log.recorder import recorder

pytestmark = pytest.mark.django_db
OPERATOR = KeyHolder("bob", Role.OPERATOR)


@pytest.fixture(autouse=True)
def _no_row_is_left_for_the_next_test() -> Iterator[None]:
    recorder._pending.clear()
    yield
    recorder._pending.clear()


@pytest.fixture
def model(upstream: ScriptedUpstream) -> LanguageModel:
    provider = make_provider(name="Nebius", api_base=upstream.url, key="sk-ours")
    model = make_model(provider=provider, name="llama")
    make_group(name="support", models=[model])
    return model


def prove(model: LanguageModel, by: KeyHolder = OPERATOR):
    row = Deployment.objects.select_related("model__provider__key").get(model=model)
    return prove_now(by=by, deployment=row, rng=random.Random(1))


def later() -> None:
    """The last request was long enough ago."""
    StandbyProof.objects.update(asked_at=timezone.now() - timedelta(seconds=11))


def url(model: LanguageModel) -> str:
    return f"/v1/routing_group/{model.deployments.get().group_id}/deployments/{model.pk}/prove"


def test_an_answer_proves_it_at_once_and_the_next_request_is_due_in_hours(as_bob, model, upstream):
    answer = as_bob.post(url(model))
    assert answer.status_code == 200, answer.json()
    said = answer.json()
    assert (said["success"], said["error"], said["failing_since"], said["failed"]) == (True, None, None, 0)
    row = StandbyProof.objects.get()
    assert (said["deployment_id"], said["call_id"]) == (str(model.pk), row.call_id)
    assert row.next_at > timezone.now() + timedelta(hours=5)
    assert [one.body["max_tokens"] for one in upstream.seen] == [1]
    recorder._flush()  # without closing the connection, which has the transaction of the test
    assert as_bob.get(f"/v1/requests/{row.call_id}/attempts").json()["model_group"] == ""


def test_failures_are_told_in_the_upstreams_words_and_the_third_opens_the_alert(as_bob, model, upstream):
    upstream.usual = Status(503, message="down for repair")
    for failed in (1, 2, 3):
        said = as_bob.post(url(model)).json()
        assert (said["success"], said["failed"]) == (False, failed)
        assert "down for repair" in said["error"]
        assert Alert.objects.open().filter(kind=AlertKind.STANDBY_DEAD).exists() == (failed == 3)
        later()
    assert as_bob.post(url(model)).json()["failed"] == 4


def test_it_is_asked_once_in_ten_seconds_whoever_wants_it(as_bob, as_alice, model, upstream):
    assert as_bob.post(url(model)).status_code == 200
    again = as_alice.post(url(model))
    assert (again.status_code, again.headers["Retry-After"]) == (429, "10")
    assert again.json() == {"detail": "Nebius/llama was asked a moment ago. Wait 10 s."}
    assert upstream.count == 1
    later()
    assert as_alice.post(url(model)).status_code == 200


def test_a_group_that_is_not_active_and_a_provider_with_the_switch_off_can_be_proven_too(model):
    Provider.objects.update(proves_standby=False)
    model.deployments.get().group.__class__.objects.update(is_active=False)
    assert prove(model).error == ""


@pytest.mark.parametrize("why", ["stopped", "no key", "no cheap request", "disabled"])
def test_where_nobody_can_be_asked_it_says_why_and_asks_nobody(model, upstream, why):
    now = timezone.now()
    if why == "stopped":
        times = {"since": now, "until": now + timedelta(hours=1)}
        BreakerTrip.objects.create(breaker=f"deployment:{model.pk}", provider="Nebius", why="", by="bob", **times)
    elif why == "no key":
        ProviderKey.objects.all().delete()
        Provider.objects.update(type="openai", api_base="")
    elif why == "disabled":
        Provider.objects.update(enabled=False)
    else:
        LanguageModel.objects.update(capabilities=["image_generation"])
    words = {"stopped": "has stopped", "no key": "has no key", "no cheap request": "no request that costs"}
    with pytest.raises(Conflict, match=words.get(why, "is disabled")):
        prove(model)
    assert upstream.count == 0


def test_a_viewer_and_a_deployment_of_another_group_ask_nobody(as_bob, model, upstream):
    with pytest.raises(NotAllowed):
        prove(model, by=KeyHolder("charlie", Role.VIEWER))
    other = make_group(name="other", models=[make_model(name="qwen")])
    assert as_bob.post(f"/v1/routing_group/{other.pk}/deployments/{model.pk}/prove").status_code == 404
    assert as_bob.post(f"/v1/routing_group/{other.pk}/deployments/nonsense/prove").status_code == 404
    assert upstream.count == 0


def test_it_waits_for_the_one_who_clicked_and_not_for_a_whole_day(model, monkeypatch):
    from gateway.background import proof_requests

    seen = []

    async def ask(spec, deployment, endpoint, *, call_id, rng, budget_s):
        seen.append(budget_s)
        raise TooSoon("stop here", 1)

    monkeypatch.setattr(proof_requests, "ask_for_one_token", ask)
    with pytest.raises(TooSoon, match="stop here"):
        prove(model)
    assert seen == [30.0]

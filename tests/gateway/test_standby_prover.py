"""Standbys are asked for one token through the engine that serves, and a dead one raises an alert."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from gateway.background.standby_prover import StandbyProver
from gateway.live import Live
from providers.models import LanguageModel
from tests.factories import make_group, make_model, make_provider
from tests.fakes import Hang, Ok, ScriptedUpstream, Status
from tests.servers import console, eventually
from usage.metrics.summing import sums
from usage.models import RequestRecord, StandbyProof
from usage.request_log.recorder import recorder

pytestmark = pytest.mark.django_db
DAY_S = 86_400.0


@pytest.fixture
def model(upstream: ScriptedUpstream) -> LanguageModel:
    provider = make_provider(name="Nebius", api_base=upstream.url, key="sk-ours", extra_headers={"x-team": "blue"})
    model = make_model(provider=provider, name="llama", input_cost_per_million=10, output_cost_per_million=20)
    make_group(name="support", models=[model], strategy="weighted", retry_config={"timeout_s": 0.2})
    return model


async def _in_thread(work):
    return await sync_to_async(work, thread_sensitive=True)()


def turn() -> StandbyProof:
    """One turn with everything due, and the rows of its requests."""

    recorder._pending.clear()  # what other tests have left there

    async def turned() -> None:
        live = Live(_in_thread)
        await live.refresh()
        prover = StandbyProver(live, DAY_S, random.Random(1))
        await prover.turn()
        await _in_thread(lambda: StandbyProof.objects.update(next_at=timezone.now() - timedelta(seconds=1)))
        await prover.turn()

    async_to_sync(turned)()
    recorder._flush()  # without closing the connection, which has the transaction of the test
    return StandbyProof.objects.get()


def test_it_is_asked_for_one_token_as_its_group_would_and_the_row_is_no_traffic(model, upstream):
    row = turn()
    (asked,) = upstream.seen
    assert (asked.path, asked.body["max_tokens"], asked.body["model"]) == ("/v1/chat/completions", 1, "llama")
    assert (asked.headers["authorization"], asked.headers["x-team"]) == ("Bearer sk-ours", "blue")
    assert (row.failed, row.proven_at is not None) == (0, True)
    record = RequestRecord.objects.get(pk=row.call_id)
    assert (record.endpoint, record.model_group, record.outcome) == ("probe", "", "answered")
    assert (record.owner, record.deployment_id, record.key_id) == ("standby proof", str(model.pk), "")
    assert record.cost_usd == pytest.approx((10 * record.input_tokens + 20 * record.output_tokens) / 1e6)
    assert sums.counters["standby_proofs"]["Nebius", "llama", "proven"] >= 1


def test_one_that_serves_nothing_any_more_fails_in_its_own_words_without_a_retry(model, upstream):
    upstream.usual = Status(503, message="down for repair")
    row = turn()
    assert (upstream.count, row.failed, row.timed_out) == (1, 1, 0)
    assert "down for repair" in row.error
    assert RequestRecord.objects.get().outcome == "failed"


def test_a_time_limit_of_ours_is_told_apart_from_an_upstreams_408(model, upstream):
    upstream.usual = Hang()
    assert turn().timed_out == 1
    StandbyProof.objects.update(failed=0, timed_out=0)
    upstream.usual = Status(408)
    assert (turn().failed, StandbyProof.objects.get().timed_out) == (1, 0)


def test_a_server_that_refuses_one_token_is_asked_for_a_few(model, upstream):
    upstream.script(Status(400, message="max_output_tokens must be at least 16"))
    row = turn()
    assert [one.body["max_tokens"] for one in upstream.seen] == [1, 16]
    assert row.failed == 0
    assert len(RequestRecord.objects.get().attempts) == 2


def test_a_model_that_thinks_until_its_limit_is_alive(model, upstream):
    upstream.usual = Status(400, message="Could not finish the message because the output limit was reached.")
    assert turn().failed == 0


def test_a_key_that_can_not_be_read_is_a_failure_without_a_request(model, upstream, settings):
    key = model.provider.key
    key.ciphertext = "gAAAAA-nonsense"
    key.save()
    row = turn()
    assert (upstream.count, row.failed, row.call_id) == (0, 1, "")
    assert row.error


async def test_zero_hours_are_off():
    await StandbyProver(Live(_in_thread), 0.0).run()


@pytest.mark.django_db(transaction=True)
def test_a_server_finds_a_standby_that_died_and_one_that_came_back(tmp_path: Path):
    with ScriptedUpstream() as upstream, console(tmp_path, STANDBY_PROOF_HOURS="0.0001") as ours:
        ours.call("PUT", "/api/v1/llm/alerts/rules", {"rules": [{"kind": "standby_dead", "threshold": 2}]})
        model = ours.add_model(provider="Spare", api_base=upstream.url)
        ours.add_group("spare", [model])
        assert eventually(lambda: upstream.count >= 2, 30)
        upstream.usual = Status(503, message="gone")

        def alerts(state: str) -> list[str]:
            found = ours.call("GET", f"/api/v1/llm/alerts?state={state}")["alerts"]
            return [alert["subject"] for alert in found if alert["kind"] == "standby_dead"]

        (provider,) = ours.call("GET", "/api/v1/llm/providers")["providers"]
        assert eventually(lambda: alerts("open"), 30) == [provider["id"]]
        upstream.usual = Ok()
        assert eventually(lambda: alerts("resolved"), 30) == [provider["id"]]
        requests = ours.call("GET", "/api/v1/llm/usage?period=7d")
        assert (requests["total_requests"], requests["success_rate"]) == (0, None)

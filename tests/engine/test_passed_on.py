"""Which headers go to providers, and which come back; over a real socket."""

from __future__ import annotations

from typing import Any

from engine.ledger import Trace
from engine.spec import RetryPolicy
from engine.upstreams.call import Answer, Call
from engine.upstreams.passed_on import come_back
from tests.engine.direct_calls import HI, Whole, upstream_of_a_test
from tests.engine.scripted import deployment, group, routing_of
from tests.fakes import ScriptedUpstream, Status

GIVEN = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "openai-beta": "responses=v1",
    "anthropic-beta": "effort-2025-11-24",
    "idempotency-key": "job-7",
}
PONG = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}]}


async def ask(upstream: ScriptedUpstream) -> Answer:
    """One request over `a`, asked twice, then `b`."""
    rows = (deployment(name, priority=tier, api_base=upstream.url) for tier, name in enumerate("ab", start=1))
    routing = await routing_of(group(deployments=tuple(rows), retry=RetryPolicy(num_retries=1, timeout_s=20)))
    live: Any = routing.get("g")
    one = Call("chat/completions", {"model": "g", "messages": HI}, Trace("r", "g"), headers=GIVEN)
    answer = await routing.route(one, live)
    assert isinstance(answer, Answer)
    return answer


async def test_an_upstream_gets_what_its_dialect_knows_and_nothing_else():
    async with upstream_of_a_test() as upstream:
        upstream.script(Whole(PONG))
        await ask(upstream)
        [asked] = upstream.seen
        assert asked.headers["traceparent"] == GIVEN["traceparent"]
        assert asked.headers["openai-beta"] == "responses=v1"
        assert "anthropic-beta" not in asked.headers


async def test_a_key_for_repeats_goes_to_no_second_deployment():
    async with upstream_of_a_test() as upstream:
        upstream.script(Status(503), Status(503), Whole(PONG))
        answer = await ask(upstream)
        assert answer.deployment.deployment_id == "b"
        assert [asked.headers.get("idempotency-key") for asked in upstream.seen] == ["job-7", "job-7", None]


async def test_the_upstreams_id_and_limits_come_back_under_names_of_our_own():
    told = {
        "X-Request-Id": "req_1",
        "x-ratelimit-remaining-tokens": "7",
        "Set-Cookie": "a=b",
        "openai-organization": "o",
    }
    async with upstream_of_a_test() as upstream:
        upstream.script(Whole(PONG, headers=told))
        answer = await ask(upstream)
    assert dict(answer.headers) == {
        b"x-upstream-request-id": b"req_1",
        b"x-upstream-ratelimit-remaining-tokens": b"7",
    }


def test_odd_headers_of_an_upstream_stay_away():
    assert come_back([(b"x-request-id", b"x" * 300), (b"request-id", "é".encode())]) == ()
    assert come_back([(b"x-ratelimit-%d" % n, b"1") for n in range(100)]) == ()
    assert come_back([(b"Request-Id", b"1"), (b"request-id", b"2")]) == ((b"x-upstream-request-id", b"2"),)

"""The Retry-After for a caller, from all tried or cooling deployments, and errors that are not worth a retry."""

import pytest
from pydantic_core import to_json

from engine.exceptions import NoneFree
from engine.ledger import Attempt
from engine.spec import CooldownPolicy, DeploymentSpec, FallbackPolicy, RetryPolicy, Strategy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream
from tests.engine.scripted import deployment, group, path_of, request, routing_of

Refusal = tuple[int, dict[str, str], dict[str, str]]
DOWN: Refusal = (503, {"message": "down"}, {})
QUOTA: Refusal = (429, {"code": "insufficient_quota", "message": "No quota."}, {})


def slow(seconds: float | None = None) -> Refusal:
    return 429, {"message": "slow"}, {} if seconds is None else {"Retry-After": f"{seconds:g}"}


class Refusing:
    """Refuses with status, error and headers where it says so, else answers; `asked` counts."""

    def __init__(self, **says: Refusal) -> None:
        self.says = says
        self.asked: list[str] = []

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        self.asked.append(deployment.deployment_id)
        if refusal := self.says.get(deployment.deployment_id):
            status, error, headers = refusal
            raise failures.from_response(deployment, status, to_json({"error": error}), headers)
        return Answer(b"{}", deployment)


async def test_the_soonest_of_all_that_were_tried_is_told():
    routing = await routing_of(group())
    error, _ = await request(routing, "g", Refusing(a=slow(7), b=slow(30), c=slow(12)))
    assert (error.status, error.retry_after_s) == (429, pytest.approx(7, abs=2))


async def test_every_spelling_counts():
    routing = await routing_of(group())
    minutes = 429, {"message": "slow"}, {"x-ratelimit-reset-requests": "1m0s"}
    milliseconds = 503, {"message": "slow"}, {"retry-after-ms": "20000"}
    error, _ = await request(routing, "g", Refusing(a=milliseconds, b=minutes, c=slow(90)))
    assert error.retry_after_s == pytest.approx(20, abs=2)


async def test_who_cools_down_for_longer_than_it_asked_for_is_not_promised_sooner():
    routing = await routing_of(group(cooldown=CooldownPolicy(60)))
    error, _ = await request(routing, "g", Refusing(a=slow(7), b=slow(300), c=slow(300)))
    assert error.retry_after_s == pytest.approx(60, abs=2)


async def test_when_all_cool_down_a_fallback_group_may_be_the_soonest():
    slowest = group(cooldown=CooldownPolicy(300), fallback=FallbackPolicy(("other",)))
    routing = await routing_of(slowest, group("other", cooldown=CooldownPolicy(60)))
    everyone = Refusing(a=slow(), b=slow(), c=slow())
    await request(routing, "g", everyone)
    error, trace = await request(routing, "g", everyone)
    assert (type(error), trace.attempts) == (NoneFree, [])
    assert error.retry_after_s == pytest.approx(60, abs=2)
    assert "Try again in 60 s." in error.message or "Try again in 59 s." in error.message


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY_FAILOVER, Strategy.WEIGHTED, Strategy.SIMPLE_SHUFFLE])
async def test_a_used_up_quota_is_not_asked_again(strategy: Strategy):
    lone = group(strategy=strategy, deployments=(deployment("a", priority=1, weight=1),), retry=RetryPolicy(3))
    routing, upstream = await routing_of(lone), Refusing(a=QUOTA)
    error, _ = await request(routing, "g", upstream)
    assert upstream.asked == ["a"]
    assert (error.status, error.code, error.is_hopeless, error.retry_after_s) == (429, "insufficient_quota", True, None)


async def test_a_used_up_quota_leaves_the_other_of_its_tier_to_be_asked():
    rows = (deployment("a", priority=1), deployment("b", priority=1))
    quiet = group(deployments=rows, retry=RetryPolicy(3), cooldown=CooldownPolicy(60, allowed_fails=99))
    for _ in range(6):
        routing, upstream = await routing_of(quiet), Refusing(a=QUOTA)
        result, _ = await request(routing, "g", upstream)
        assert result.deployment.deployment_id == "b"
        assert upstream.asked.count("a") <= 1


async def test_a_used_up_quota_goes_on_to_the_next_tier_at_once():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    quiet = group(deployments=rows, retry=RetryPolicy(3), cooldown=CooldownPolicy(60, allowed_fails=99))
    _, trace = await request(await routing_of(quiet), "g", Refusing(a=QUOTA))
    assert path_of(trace) == "a:error>b:success"


async def test_a_quota_beside_a_rate_limit_is_worth_a_retry():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    error, _ = await request(await routing_of(group(deployments=rows)), "g", Refusing(a=slow(9), b=QUOTA))
    assert (error.is_hopeless, error.retry_after_s) == (False, pytest.approx(9, abs=2))


async def test_nobody_waits_for_a_cooldown_while_another_can_be_asked_at_once():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    error, _ = await request(await routing_of(group(deployments=rows)), "g", Refusing(a=slow(), b=DOWN))
    assert (error.status, error.retry_after_s) == (503, None)


async def test_what_an_upstream_asked_for_is_told_also_when_another_failed_last():
    rows = (deployment("a", priority=1), deployment("b", priority=2))
    error, _ = await request(await routing_of(group(deployments=rows)), "g", Refusing(a=slow(7), b=DOWN))
    assert (error.status, error.retry_after_s) == (503, pytest.approx(7, abs=2))

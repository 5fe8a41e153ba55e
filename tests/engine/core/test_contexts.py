"""Contexts: deployments that are known to be too small for a prompt are passed over before they are asked."""

from __future__ import annotations

from engine.core.state import Group
from engine.drivers.litellm_router import clock
from engine.ledger import SkipReason
from engine.spec import RetryPolicy, Router
from engine.upstreams.call import Answer
from tests.engine.core.working import SILENT, TOO_LONG, ask_of, end_of, group, journey, key_of
from tests.engine.scripted import ScriptedUpstream, deployment, path_of, request, routing_of
from tests.engine.scripted import group as spec_of


def sized(*tiers: str, **sizes: int) -> Group:
    return group(*tiers, rows={key: {"context_tokens": size} for key, size in sizes.items()})


def test_one_whose_context_is_known_to_be_too_small_is_passed_over_before_it_is_asked():
    request = journey(sized("a", "b", a=1000), prompt_tokens=1001)
    assert key_of(request.begin(0.0)) == "b"
    assert request.noted is not None
    assert request.noted["g", "a"].reason is SkipReason.CONTEXT_TOO_SMALL
    assert key_of(journey(sized("a", "b", a=1000), prompt_tokens=1000).begin(0.0)) == "a"


def test_a_prompt_that_is_too_large_for_all_is_sent_to_the_largest_because_its_size_is_an_estimate():
    request = journey(sized("a", "bc", a=1000, b=3000, c=2000), prompt_tokens=9000)
    ask = ask_of(request.begin(0.0))
    assert ask.target.key == "b"
    assert end_of(request.failed(ask, 1.0, TOO_LONG)).failure is TOO_LONG


def test_groups_for_long_prompts_come_before_that():
    g = sized("a", a=1000)
    g.context = ("large",)
    assert key_of(journey(g, group("x", name="large"), prompt_tokens=9000).begin(0.0)) == "x"


def test_after_another_failure_nobody_is_asked_who_seems_too_small():
    request = journey(sized("a", "b", b=1000), prompt_tokens=9000)
    end = request.failed(ask_of(request.begin(0.0)), 1.0, SILENT)
    assert end_of(end).failure is SILENT


def test_the_gateway_estimates_the_prompt_where_a_context_is_known():
    rows = (deployment("a", priority=1, context_tokens=4), deployment("b", priority=2, context_tokens=400))
    spec = spec_of(deployments=rows, router=Router.NATIVE, retry=RetryPolicy(num_retries=0))

    async def main() -> tuple[object, str, list[tuple[str, str]]]:
        result, trace = await request(await routing_of(spec), "g", ScriptedUpstream())
        return result, path_of(trace), [(skip.deployment_id, skip.reason) for skip in trace.skipped]

    result, path, skips = clock.run(main())
    assert isinstance(result, Answer)
    assert (path, skips) == ("b:success", [("a", SkipReason.CONTEXT_TOO_SMALL)])

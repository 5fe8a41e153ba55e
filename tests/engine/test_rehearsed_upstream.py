"""A rehearsed upstream in virtual time, and beside it a direct connection to a server that does the same."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

import pytest

from engine.dialects.reading import read_event
from engine.drivers.litellm_router import clock
from engine.faults.scenarios import Scenario, parse_scenario
from engine.ledger import Attempt, Trace
from engine.rehearsal.profiles import Profile
from engine.spec import GroupSpec, RetryPolicy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Upstream, Usage
from engine.upstreams.connections import close_session
from engine.upstreams.direct import DirectUpstream
from engine.upstreams.rehearsed import RehearsedUpstream
from engine.upstreams.upstream_failure import UpstreamFailure
from tests.engine.scripted import deployment, group
from tests.fakes import Behaviour, Hang, ScriptedUpstream, StalledStream, Status, TruncatedStream

STEADY = Profile(first_token_ms=200, tokens_per_s=100, jitter=0)
LIMITS = RetryPolicy(timeout_s=0.05, stream_idle_timeout_s=0.03)
PATIENT = RetryPolicy(timeout_s=60, stream_idle_timeout_s=30)
HEALTHY = parse_scenario(None, spec=group())


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt; times in milliseconds."""

    result: Answer | Stream | Exception
    events: tuple[bytes, ...]
    duration_ms: float
    first_token_ms: float | None

    @property
    def complaint(self) -> tuple[str, int | None, str, float | None]:
        """The error as the router and people see it."""
        assert isinstance(self.result, Exception), self.result
        error = self.result
        return (
            failures.class_of(error),
            failures.status_of(error),
            failures.message_of(error),
            failures.retry_after_s(error),
        )


def a_fault(kind: str, **fields: Any) -> Scenario:
    return parse_scenario({"faults": [{"kind": kind, "target": "*", **fields}]}, spec=group())


async def attempt(
    upstream: Upstream, *, policy: RetryPolicy = PATIENT, name: str = "a", is_stream: bool = False, **fields: Any
) -> Outcome:
    row, began = deployment(name, **fields), time.time()
    record = Attempt(name, name, "P", "g", 1, began)
    body = {"messages": [], "stream": is_stream}
    call = Call("chat/completions", body, Trace("1", "g"), is_stream, tokens=(1000, 100))
    events: list[bytes] = []
    result: Answer | Stream | Exception
    try:
        result = await upstream.send(call, row, policy, record)
        if isinstance(result, Stream):
            async for event in result:
                events.append(event)
    except Exception as error:
        result = error
    return Outcome(result, tuple(events), (time.time() - began) * 1000, record.first_token_ms)


def rehearse(
    scenario: Scenario = HEALTHY, *, count: int = 1, seed: int = 1, profile: Profile = STEADY, **fields: Any
) -> list[Outcome]:
    """One attempt after the other, in virtual time."""

    async def run() -> list[Outcome]:
        upstream = RehearsedUpstream([group()], scenario, dict.fromkeys("abc", profile), seed)
        return [await attempt(upstream, **fields) for _ in range(count)]

    return clock.run(run())


def direct(behaviour: Behaviour | None, **fields: Any) -> Outcome:
    """One attempt over a real socket; without a behaviour nobody listens there."""

    async def run(api_base: str) -> Outcome:
        try:
            return await attempt(DirectUpstream(), api_base=api_base, **fields)
        finally:
            await close_session()

    if behaviour is None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            return asyncio.run(run(f"http://127.0.0.1:{taken.getsockname()[1]}/v1"))
    with ScriptedUpstream(behaviour) as server:
        return asyncio.run(run(server.url))


# Answers


def test_an_answer_takes_its_time_and_tells_its_tokens():
    (outcome,) = rehearse()
    assert isinstance(outcome.result, Answer)
    assert outcome.result.usage == Usage(1000, 100, 1100)
    assert json.loads(outcome.result.body)["choices"][0]["finish_reason"] == "stop"
    assert outcome.duration_ms == pytest.approx(1200, abs=0.01)


def test_a_stream_has_its_first_token_and_its_end_when_they_are_due():
    (outcome,) = rehearse(is_stream=True)
    assert isinstance(outcome.result, Stream)
    assert outcome.result.is_complete
    assert outcome.result.usage == Usage(1000, 100, 1100)
    assert outcome.first_token_ms == pytest.approx(200, abs=0.01)
    assert outcome.duration_ms == pytest.approx(1200, abs=0.01)
    first, *_, end, done = (read_event(event) for event in b"".join(outcome.events).split(b"\n\n")[:-1])
    assert (first.is_done, end.finishes, done.is_done) == (False, ((0, "stop"),), True)


def test_a_deployment_without_a_profile_has_the_default():
    async def run() -> Outcome:
        return await attempt(RehearsedUpstream([group()], HEALTHY, {}, 1))

    assert 300 < clock.run(run()).duration_ms < 6000


# Time limits and errors, as a direct connection has them


@pytest.mark.parametrize(
    ("scenario", "behaviour", "fields"),
    [
        (a_fault("timeout"), Hang(), {}),
        (a_fault("timeout"), Hang(), {"is_stream": True}),
        (HEALTHY, Hang(), {}),
        (a_fault("stream_stall"), StalledStream(), {"is_stream": True}),
        (a_fault("stream_cut"), TruncatedStream(), {"is_stream": True}),
    ],
    ids=["answer", "first token", "merely slow", "stall", "cut"],
)
def test_time_limits_and_broken_streams_end_as_on_a_real_connection(
    scenario: Scenario, behaviour: Behaviour, fields: dict[str, Any]
):
    quick = Profile(first_token_ms=1, tokens_per_s=10_000, jitter=0)
    profile = STEADY if scenario is HEALTHY else quick
    (rehearsed,) = rehearse(scenario, profile=profile, policy=LIMITS, **fields)
    real = direct(behaviour, policy=LIMITS, **fields)
    assert rehearsed.complaint == real.complaint
    assert (rehearsed.first_token_ms is None) == (real.first_token_ms is None)


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        (a_fault("server_error", status=500), "InternalServerError"),
        (a_fault("server_error", status=502), "BadGatewayError"),
        (a_fault("server_error"), "ServiceUnavailableError"),
        (a_fault("outage"), "ServiceUnavailableError"),
        (a_fault("flapping", period_s=9, down_s=9), "ServiceUnavailableError"),
        (a_fault("rate_limit"), "RateLimitError"),
        (a_fault("rate_limit", retry_after_s=2.5), "RateLimitError"),
        (a_fault("quota", tpm=1), "RateLimitError"),
        (a_fault("unauthorised"), "AuthenticationError"),
        (a_fault("context_too_long", limit_tokens=999), "ContextWindowExceededError"),
        (a_fault("content_filter"), "ContentPolicyViolationError"),
    ],
    ids=lambda value: value.faults[0].fault.kind if isinstance(value, Scenario) else "",
)
def test_a_refusal_is_the_exception_that_the_same_answer_gives_on_a_real_connection(scenario: Scenario, kind: str):
    (rehearsed,) = rehearse(scenario)
    name, status, message, retry_after_s = rehearsed.complaint
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    assert name == kind
    assert direct(Status(status or 0, headers, message)).complaint == rehearsed.complaint


def test_a_refused_connection_is_the_exception_of_a_real_one():
    (rehearsed,) = rehearse(a_fault("connection_refused"))
    real = direct(None)
    assert rehearsed.complaint[:2] == real.complaint[:2]
    assert {c.split("(")[0] for c in (rehearsed.complaint[2], real.complaint[2])} == {"P: connection failed "}


def test_a_quota_says_when_the_minute_ends():
    (outcome,) = rehearse(a_fault("quota", tpm=1))
    assert outcome.complaint[3] == 60


def test_a_time_limit_comes_to_the_millisecond():
    def first_token(limit_s: float) -> Outcome:
        policy = RetryPolicy(timeout_s=9, first_token_timeout_s=limit_s)
        return rehearse(policy=policy, is_stream=True)[0]

    late, just_in_time = first_token(0.199), first_token(0.201)
    assert late.duration_ms == pytest.approx(199, abs=0.01)
    assert late.complaint[2].endswith("P: no first token after 0.199 s.")
    assert isinstance(just_in_time.result, Stream)


def test_errors_come_sooner_than_answers_and_refused_connections_at_once():
    durations = [rehearse(a_fault(kind))[0].duration_ms for kind in ("server_error", "connection_refused", "timeout")]
    assert durations == pytest.approx([50, 2, 60_000], abs=0.01)


@pytest.mark.parametrize(("kind", "silence_ms"), [("stream_cut", 0), ("stream_stall", 30_000)])
def test_a_broken_stream_breaks_after_its_share(kind: str, silence_ms: float):
    (outcome,) = rehearse(a_fault(kind, after_share=0.25), is_stream=True)
    assert len(outcome.events) == 1
    assert outcome.first_token_ms == pytest.approx(200, abs=0.01)
    assert outcome.duration_ms == pytest.approx(200 + 250 + silence_ms, abs=0.01)


def test_a_stream_whose_tokens_are_further_apart_than_the_limit_went_silent():
    crawling = Profile(first_token_ms=1, tokens_per_s=0.01, jitter=0)
    (outcome,) = rehearse(profile=crawling, is_stream=True)
    assert outcome.complaint[2].endswith("P: the stream went silent after 30 s.")


@pytest.mark.parametrize("kind", ["stream_cut", "stream_stall"])
def test_broken_streams_leave_whole_answers_alone(kind: str):
    assert isinstance(rehearse(a_fault(kind))[0].result, Answer)


def test_each_failure_is_an_exception_of_its_own():
    first, second = (outcome.result for outcome in rehearse(a_fault("server_error"), count=2))
    assert isinstance(first, UpstreamFailure)
    assert first.error_class == "ServiceUnavailableError"
    assert first is not second
    assert (str(first), vars(first).keys()) == (str(second), vars(second).keys())


# The run's clock, targets, draws


def test_an_outage_begins_and_ends_to_the_millisecond_on_the_runs_clock():
    async def run() -> list[bool]:
        await asyncio.sleep(1234.5678)
        upstream = RehearsedUpstream([group()], a_fault("outage", from_s=0.3, until_s=0.7), {"a": STEADY}, 1)

        async def fails(at_s: float) -> bool:
            await asyncio.sleep(at_s)
            return isinstance((await attempt(upstream)).result, Exception)

        return list(await asyncio.gather(*map(fails, (0, 0.299, 0.3, 0.301, 0.699, 0.7, 0.701))))

    assert clock.run(run()) == [False, False, True, True, True, False, False]


def test_only_the_target_is_struck_and_a_shared_deployment_is_one_upstream():
    async def run() -> list[bool]:
        behind = group("behind", deployments=(deployment("a"), deployment("z")))
        faults = [{"kind": "quota", "target": "a", "rpm": 1}, {"kind": "outage", "target": "z"}]
        scenario = parse_scenario({"faults": faults}, spec=group(), fallbacks=[behind])
        upstream = RehearsedUpstream([group(), behind], scenario, {}, 1)
        return [isinstance((await attempt(upstream, name=name)).result, Answer) for name in "aabz"]

    assert clock.run(run()) == [True, False, True, False]


def paces(spec: GroupSpec, names: str, seed: int = 1) -> list[tuple[str, float]]:
    async def run() -> list[tuple[str, float]]:
        upstream = RehearsedUpstream([spec], HEALTHY, {}, seed)
        return [(name, (await attempt(upstream, name=name)).duration_ms) for name in names]

    return [(name, round(ms, 3)) for name, ms in clock.run(run())]


def test_one_deployments_draws_do_not_depend_on_anothers():
    alone, together = paces(group(), "aaaa"), paces(group(), "abacbaca")
    assert [pace for pace in together if pace[0] == "a"] == alone
    smaller = group(deployments=group().deployments[:1])
    assert paces(smaller, "aaaa") == alone
    assert paces(group(), "aaaa", seed=2) != alone


def test_a_run_is_the_same_again():
    scenario = parse_scenario("region-brown-out", failure_rates={"a": 0.4}, spec=group())

    def told() -> list[tuple[float, bool]]:
        outcomes = rehearse(scenario, count=200, profile=Profile())
        return [(outcome.duration_ms, isinstance(outcome.result, Answer)) for outcome in outcomes]

    assert told() == told()

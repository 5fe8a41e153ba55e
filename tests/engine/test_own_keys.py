"""Callers' own keys: used for the matching provider; a refusal concerns only that caller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from engine.exceptions import RequestFailed
from engine.ledger import Attempt, Trace
from engine.routing import Routing
from engine.spec import CooldownPolicy, DeploymentSpec, OwnKey, RetryPolicy, Secret, Strategy
from engine.upstreams import failures
from engine.upstreams.call import Answer, Call, Stream, Usage
from engine.upstreams.connections import close_session
from tests.engine.scripted import deployment, group, path_of, routing_of
from tests.fakes import ScriptedUpstream, Status

# Neither looks like a key: what hides them must know them.
OWN, SYSTEM = "plain words of alice", "plain words of ours"
STRICT = {"p": OwnKey(Secret(OWN), may_fall_back=False)}
LENIENT = {"p": OwnKey(Secret(OWN), may_fall_back=True)}
MESSAGES = [{"role": "user", "content": "hi"}]


@dataclass
class Gatekeeper:
    """Refuses some keys (key -> status), repeating them as upstreams do; `seen` are those it was called with."""

    refuses: dict[str, int]
    seen: list[str] = field(default_factory=list)

    async def send(self, call: Call, spec: DeploymentSpec, policy: RetryPolicy, attempt: Attempt) -> Answer | Stream:
        key = spec.api_key.reveal() if spec.api_key else ""
        assert not spec.credentials or key != OWN
        self.seen.append(f"{spec.deployment_id}:{key}")
        if status := self.refuses.get(key):
            raise failures.from_response(spec, status, f'{{"error": {{"message": "bad key {key}"}}}}'.encode(), {})
        return Answer(b"{}", spec, Usage(10, 10, 20))


def of_provider(name: str, provider_id: str = "p", **fields: Any) -> DeploymentSpec:
    credentials = (("aws_secret_access_key", Secret("half-of-the-systems")),)
    return deployment(name, provider_id=provider_id, api_key=Secret(SYSTEM), credentials=credentials, **fields)


def one(**fields: Any) -> Any:
    return group(deployments=(of_provider("a", priority=1),), retry=RetryPolicy(num_retries=2), **fields)


async def ask(routing: Routing, upstream: Any, own_keys: dict[str, OwnKey]) -> tuple[Any, Trace]:
    trace, live = Trace("r", "g"), routing.get("g")
    assert live is not None
    call = Call("chat/completions", {"messages": MESSAGES}, trace, upstream=upstream, own_keys=own_keys)
    try:
        return await routing.route(call, live), trace
    except RequestFailed as error:
        return error, trace


async def test_a_callers_own_key_is_used_at_its_provider_and_nowhere_else():
    spec = group(deployments=(of_provider("a", priority=1), of_provider("b", "q", priority=2)))
    upstream = Gatekeeper({OWN: 500})
    _, trace = await ask(await routing_of(spec), upstream, STRICT)
    assert upstream.seen == [f"a:{OWN}", f"b:{SYSTEM}"]
    assert [(a.own_key, a.provider_id, a.model, a.status) for a in trace.attempts] == [
        (True, "p", "gpt-4o", "error"),
        (False, "q", "gpt-4o", "success"),
    ]


@pytest.mark.parametrize("status", [401, 402, 403, 429])
async def test_a_refused_key_gives_way_to_the_systems_where_it_may(status: int):
    upstream = Gatekeeper({OWN: status})
    result, trace = await ask(await routing_of(one()), upstream, LENIENT)
    assert isinstance(result, Answer)
    assert upstream.seen == [f"a:{OWN}", f"a:{SYSTEM}"]
    assert path_of(trace) == "a:error>a:success"
    assert [a.own_key for a in trace.attempts] == [True, False]
    assert trace.attempts[0].moved_on_because == "retry_own_key_refused"


@pytest.mark.parametrize(("status", "told"), [(401, 403), (402, 402), (403, 403), (429, 429)])
async def test_else_the_caller_is_told_whose_key_it_was_and_what_to_do(status: int, told: int):
    upstream = Gatekeeper({OWN: status})
    error, trace = await ask(await routing_of(one()), upstream, STRICT)
    assert (error.status, error.code) == (told, "own_key_refused")
    assert error.message.startswith("Your own key for P was refused: bad key ****. Store another")
    assert path_of(trace) == "a:error"
    assert len(upstream.seen) == 1


async def test_a_key_without_credit_that_is_refused_with_a_400_is_refused_all_the_same():
    with ScriptedUpstream(Status(400, message="Your credit balance is too low to access the API.")) as server:
        spec = group(deployments=(deployment("a", provider_id="p", api_base=server.url),))
        error, _ = await ask(await routing_of(spec), None, STRICT)
        await close_session()
    assert (error.status, error.code) == (403, "own_key_refused")


async def test_no_refused_key_cools_a_deployment_down_for_others():
    two = (of_provider("a", priority=1), of_provider("b", "q", priority=2))
    routing = await routing_of(group(deployments=two, cooldown=CooldownPolicy(60, allowed_fails=0)))
    upstream = Gatekeeper({OWN: 429})
    for own_keys in (STRICT, LENIENT, STRICT):
        await ask(routing, upstream, own_keys)
    _, trace = await ask(routing, upstream, {})
    assert path_of(trace) == "a:success"


async def test_but_a_system_key_that_is_refused_in_its_place_does():
    two = (of_provider("a", priority=1), of_provider("b", "q", priority=2))
    routing = await routing_of(group(deployments=two))
    upstream = Gatekeeper({OWN: 401, SYSTEM: 401})
    _, trace = await ask(routing, upstream, LENIENT)
    assert path_of(trace).startswith("a:error>a:error>")
    live = routing.get("g")
    assert live is not None
    assert "a" in await live.cooldowns()


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("own_keys", [STRICT, LENIENT], ids=["strict", "lenient"])
async def test_a_refused_key_is_tried_once_in_a_request_with_every_strategy(strategy, own_keys):
    three = tuple(of_provider(name, priority=1, weight=1) for name in "abc")
    spec = group(strategy=strategy, deployments=three, retry=RetryPolicy(num_retries=3))
    upstream = Gatekeeper({OWN: 401, SYSTEM: 503})
    _, trace = await ask(await routing_of(spec), upstream, own_keys)
    assert [key.endswith(OWN) for key in upstream.seen].count(True) == 1
    assert len(trace.attempts) == len(upstream.seen)


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY_FAILOVER, Strategy.SIMPLE_SHUFFLE, Strategy.WEIGHTED])
async def test_another_provider_of_the_tier_answers_instead(strategy):
    rows = (*(of_provider(name, priority=1, weight=1) for name in "ab"), of_provider("c", "q", priority=1, weight=1))
    spec = group(strategy=strategy, deployments=rows, retry=RetryPolicy(num_retries=1))
    routing = await routing_of(spec)
    for _ in range(10):
        result, _ = await ask(routing, Gatekeeper({OWN: 403}), STRICT)
        assert isinstance(result, Answer)
        assert result.deployment.deployment_id == "c"


async def test_own_keys_leave_no_request_in_flight_behind():
    rows = (of_provider("a"), of_provider("b", "q"))
    routing = await routing_of(group(strategy=Strategy.LEAST_BUSY, deployments=rows))
    for _ in range(5):
        await ask(routing, Gatekeeper({OWN: 401}), LENIENT)
    upstream = Gatekeeper({})
    for _ in range(5):
        await ask(routing, upstream, {})
    # Of two that are equally idle it takes the first.
    assert {seen[0] for seen in upstream.seen} == {"a"}


async def test_nobody_repeats_an_own_key():
    error, trace = await ask(await routing_of(one()), Gatekeeper({OWN: 401}), STRICT)
    shown = f"{error.message}{error}{[asdict(a) for a in trace.attempts]}{STRICT}"
    assert OWN not in shown
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        assert cause not in causes
        causes.append(cause)
        assert OWN not in f"{cause!s}{cause!r}{vars(cause)}"
        cause = cause.__cause__ or cause.__context__


@dataclass
class Refusing:
    """A stream that ends with an error event about the key."""

    @staticmethod
    async def play(exchange: Any) -> None:
        exchange.start_stream()
        await exchange.event('{"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}')
        await exchange.pause(0.05)  # or both arrive together, and the stream never begins
        await exchange.event(f'{{"error":{{"message":"quota of {OWN} is used up","code":429}}}}')
        await exchange.end_stream()


async def own_stream(server: ScriptedUpstream, trace: Trace) -> tuple[Routing, Stream]:
    rows = (
        deployment("a", provider_id="p", api_base=server.url, priority=1),
        deployment("b", provider_id="q", priority=2),
    )
    routing = await routing_of(group(deployments=rows))
    live = routing.get("g")
    assert live is not None
    body = {"messages": MESSAGES, "stream": True}
    result = await routing.route(Call("chat/completions", body, trace, is_stream=True, own_keys=STRICT), live)
    assert isinstance(result, Stream)
    return routing, result


@pytest.fixture
async def server() -> AsyncIterator[ScriptedUpstream]:
    with ScriptedUpstream(Refusing()) as running:
        yield running
        await close_session()


async def test_a_stream_whose_key_ran_out_of_quota_cools_nothing_down_and_repeats_no_key(server: ScriptedUpstream):
    trace = Trace("r", "g")
    routing, stream = await own_stream(server, trace)
    with pytest.raises(Exception, match="used up"):
        _ = [event async for event in stream]
    live = routing.get("g")
    assert live is not None
    assert await live.cooldowns() == {}
    assert server.seen[0].headers["authorization"] == f"Bearer {OWN}"
    assert OWN not in str(asdict(trace.attempts[0]))

"""What callers and attempts are told of an upstream's error, over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest

from tests.fakes import Behaviour, Drop, Exchange, ScriptedUpstream, Status
from tests.gateway.conftest import Stage

HI: Any = [{"role": "user", "content": "hi"}]
ONCE = {"num_retries": 0, "timeout_s": 20}
MakeGroup = Callable[..., str]
OF_A_GATEWAY = (
    "litellm.InternalServerError: AnthropicException - Overloaded. Received Model Group=x\n"
    'Traceback (most recent call last):\n  File "/usr/lib/app/main.py", line 1, in call'
)
QUOTA = {"message": "No quota left.", "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}


@dataclass(frozen=True)
class Said:
    """An error answer with this error object."""

    status: int
    error: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    async def play(self, exchange: Exchange) -> None:
        await exchange.answer(self.status, {"error": self.error}, self.headers)


@dataclass(frozen=True)
class Page:
    """A proxy's web page."""

    async def play(self, exchange: Exchange) -> None:
        page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx at /etc/nginx</body></html>"
        exchange.head(502, {"Content-Type": "text/html", "Content-Length": str(len(page))})
        exchange.writer.write(page)
        await exchange.writer.drain()


@pytest.fixture
def upstreams(stage: Stage) -> Iterator[tuple[ScriptedUpstream, ScriptedUpstream]]:
    with ScriptedUpstream() as first, ScriptedUpstream() as second:
        yield first, second


@pytest.fixture
def group(stage: Stage, upstreams: tuple[ScriptedUpstream, ...], make_group: MakeGroup) -> str:
    models = [stage.console.add_model(provider=f"Said {u.number}", api_base=u.url) for u in upstreams]
    return make_group(*models, retry_config=ONCE, cooldown_config={})


def refused(stage: Stage, group: str) -> tuple[openai.APIStatusError, list[dict[str, Any]]]:
    with pytest.raises(openai.APIStatusError) as caught:
        stage.client.chat.completions.create(model=group, messages=HI)
    return caught.value, stage.attempts(caught.value.response.headers["x-litellm-call-id"])


@pytest.mark.parametrize(
    ("behaviour", "came", "told", "says"),
    [
        (Status(529, message="Overloaded"), 529, 529, "Overloaded"),
        (Drop(), None, 502, "connection failed"),
        (Page(), 502, 502, "answered 502 with an HTML page, titled ‘502 Bad Gateway’."),
        (Status(500, message=OF_A_GATEWAY), 500, 500, "Overloaded."),
    ],
)
def test_callers_and_attempts_are_told_what_came(
    stage: Stage, upstreams: Any, group: str, behaviour: Behaviour, came: int | None, told: int, says: str
):
    for upstream in upstreams:
        upstream.script(behaviour)
    error, attempts = refused(stage, group)
    assert (error.status_code, [attempt["status_code"] for attempt in attempts]) == (told, [came, came])
    assert says in error.message
    assert all(says in attempt["error_message"] for attempt in attempts)
    assert not any(part in error.message for part in ("Traceback", "litellm", "/usr/", "/etc/"))


def test_the_soonest_wait_of_all_reaches_the_caller(stage: Stage, upstreams: Any, group: str):
    upstreams[0].script(Said(429, {"message": "slow"}, {"x-ratelimit-reset-requests": "9s"}))
    upstreams[1].script(Said(429, {"message": "slow"}, {"retry-after-ms": "50000"}))
    error, attempts = refused(stage, group)
    assert [attempt["moved_on_because"] for attempt in attempts] == ["fallback_rate_limit", None]
    assert 5 <= int(error.response.headers["retry-after"]) <= 9


def test_a_used_up_quota_is_asked_once_and_not_worth_a_retry(stage: Stage, upstreams: Any, make_group: MakeGroup):
    upstream = upstreams[0]
    upstream.usual = Said(429, QUOTA)
    model = stage.console.add_model(provider=f"Quota {upstream.number}", api_base=upstream.url)
    error, attempts = refused(stage, make_group(model, retry_config={"num_retries": 3, "timeout_s": 20}))
    assert (error.status_code, error.code, error.type) == (429, "insufficient_quota", "insufficient_quota")
    assert error.response.headers["x-should-retry"] == "false"
    assert (upstream.count, [attempt["error_class"] for attempt in attempts]) == (1, ["QuotaUsedUpError"])

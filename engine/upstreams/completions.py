"""A client of completions at an upstream that only knows chats."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

from pydantic_core import to_json

from engine.dialects.completions import CompletionsEncoder, chat_of, completion_of, obstacle_of
from engine.dialects.reading import parsed
from engine.ledger import Attempt
from engine.spec import DeploymentSpec, RetryPolicy, Unsupported
from engine.upstreams.call import CHAT, Answer, Call, FrankUpstream, Stream
from engine.upstreams.dropped import printable
from engine.upstreams.translated import encoded
from engine.upstreams.unsupported import refused
from engine.upstreams.upstream_failure import UpstreamFailure

MISSING = (404, 405)
# Servers with chats and without completions, until when, of this process; asking one each time would cost each request
# a refusal. A server may get what it lacks.
_without: dict[tuple[str, str | None], float] = {}
FORGOTTEN_AFTER_S = 600.0
MOST = 4096


def as_chat(call: Call) -> Call:
    """The same request as a chat."""
    return replace(call, endpoint=CHAT, body=chat_of(call.body)[0], was_translated=True, prepared={}, _view=None)


def _lacks(deployment: DeploymentSpec) -> bool:
    """Whether its server has said that it has no completions."""
    place = _place(deployment)
    until_s = _without.get(place)
    if until_s is not None and until_s <= monotonic():
        del _without[place]
    return place in _without


def _note_lack(deployment: DeploymentSpec) -> None:
    if len(_without) < MOST:
        _without[_place(deployment)] = monotonic() + FORGOTTEN_AFTER_S


def _place(deployment: DeploymentSpec) -> tuple[str, str | None]:
    return deployment.provider_type, deployment.api_base


class CompletionsOverChat:
    """Asks for a chat, and gives its text. `own` is asked first where the server may know completions itself."""

    def __init__(self, chat: FrankUpstream, own: FrankUpstream | None = None) -> None:
        self._chat, self._own = chat, own

    async def send(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        if (own := self._own) is None or self._is_chat_alone(call, deployment):
            return await self._chat_of(call, deployment, policy, attempt)
        try:
            return await own.send(call, deployment, policy, attempt)
        except UpstreamFailure as refusal:
            if refusal.came_status not in MISSING or obstacle_of(call.body) is not None:
                raise
            if deployment.unsupported is Unsupported.REFUSE and refused(self._lost(call, deployment), deployment):
                raise
        result = await self._chat_of(call, deployment, policy, attempt)
        _note_lack(deployment)
        return result

    def dropped(self, call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
        """The parameters of the client that would not reach the deployment as they are."""
        if self._own is not None and not self._is_chat_alone(call, deployment):
            return self._own.dropped(call, deployment)
        return self._lost(call, deployment)

    def _is_chat_alone(self, call: Call, deployment: DeploymentSpec) -> bool:
        """Whether a chat answers this there, because completions are missing."""
        return self._own is None or (_lacks(deployment) and obstacle_of(call.body) is None)

    def _lost(self, call: Call, deployment: DeploymentSpec) -> tuple[str, ...]:
        """What a chat would leave out of a completion."""
        return (*chat_of(call.body)[1], *self._chat.dropped(as_chat(call), deployment))

    async def _chat_of(
        self, call: Call, deployment: DeploymentSpec, policy: RetryPolicy, attempt: Attempt
    ) -> Answer | Stream:
        try:
            result = await self._chat.send(as_chat(call), deployment, policy, attempt)
        finally:
            attempt.dropped_params = printable((*chat_of(call.body)[1], *attempt.dropped_params))
        if isinstance(result, Stream):
            return encoded(result, CompletionsEncoder())
        return replace(result, body=to_json(completion_of(parsed(result.body) or {})))

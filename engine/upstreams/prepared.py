"""A chat request in the words of another dialect, made once per request and kind of deployment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

from engine.dialects.anthropic.request import Asked
from engine.dialects.limits import within
from engine.dialects.responses.upstream.request import AskedOfResponses
from engine.dialects.translation import Untranslatable
from engine.spec import DeploymentSpec
from engine.upstreams.call import Call

T = TypeVar("T", bound=Asked | AskedOfResponses)


def prepared(call: Call, deployment: DeploymentSpec, key: str, translate: Callable[[dict[str, Any]], T]) -> T:
    """What `translate` makes of the chat within the deployment's limit of output tokens; raises Untranslatable.

    `key` names the dialect and the model in it.
    """
    most = deployment.max_output_tokens
    key = f"{key}:{most}:{call.is_stream}"
    if (made := call.prepared.get(key)) is None:
        made = call.prepared[key] = _made(call, most, translate)
    if isinstance(made, Untranslatable):
        raise made
    return cast(T, made)


def _made(call: Call, most: int | None, translate: Callable[[dict[str, Any]], T]) -> T | Untranslatable:
    try:
        chat, lowered = within(call.chat, most)
        asked = translate(chat)
        return replace(asked, dropped=(*asked.dropped, *lowered)) if lowered else asked
    except Untranslatable as obstacle:
        return obstacle

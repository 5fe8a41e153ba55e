"""Parameters that a deployment's dialect or model can't take, by the rule of its group: left out, refused, or sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.dialects.call_ids import REPLACED
from engine.dialects.gemini_signatures import DROPPED as SIGNATURES
from engine.dialects.limits import BUDGET, NAMES
from engine.dialects.translation import Untranslatable
from engine.spec import DeploymentSpec, Unsupported
from engine.upstreams.call import CHAT, Call
from engine.upstreams.claude_elsewhere import lost_betas, with_marks

# A lowered limit of output tokens is reported, but no reason to refuse, and never sent: no model can follow it.
LIMITS = frozenset({*NAMES, BUDGET})
# What a request consists of has another shape in each dialect, and is never sent as it is.
STRUCTURE = frozenset(
    {
        *("model", "messages", "input", "system", "instructions", "prompt"),
        *("tools", "tool_choice", "functions", "function_call", "stream", "stream_options", "store"),
    }
)
# The role of a message, which has another name in the model's words: nothing is left out.
REWORDED = ".role"
KEPT_OUT = STRUCTURE | LIMITS
Body = dict[str, Any]


def sent_anyway(
    sent: Body, dropped: Iterable[str], deployment: DeploymentSpec, *given: Mapping[str, Any]
) -> tuple[Body, tuple[str, ...]]:
    """The request, and the names of what is not in it: where the group says `pass`, with the client's own values.

    `given` are what the names are of: the client's JSON, or the same as a chat request. A part of a parameter
    (`messages.citations`) has no place in another dialect, so it stays out.
    """
    names = tuple(dropped)
    if deployment.unsupported is not Unsupported.PASS or not names:
        return sent, names
    kept = {name: body[name] for body in reversed(given) for name in names if name in body and name not in KEPT_OUT}
    return {**sent, **kept}, tuple(name for name in names if name not in kept)


def passing(call: Call, deployment: DeploymentSpec) -> tuple[Call, tuple[str, ...]]:
    """The call for a chat upstream, and what its translation left out: the same where nothing is sent all the same."""
    call = with_marks(call, deployment)
    view, lost = call.view, lost_betas(call, deployment)
    if deployment.unsupported is not Unsupported.PASS or not view.dropped:
        return call, (*view.dropped, *lost)
    body, dropped = sent_anyway(view.chat, view.dropped, deployment, call.body)
    return replace(call, endpoint=CHAT, body=body, was_translated=True, prepared={}, _view=None), (*dropped, *lost)


def refused(dropped: Iterable[str], deployment: DeploymentSpec) -> Untranslatable | None:
    """Why a deployment is unsuitable, where its group refuses to leave out what it can't take."""
    kept = {*LIMITS, *REPLACED, SIGNATURES}  # only their maker can read signatures
    if not (names := [name for name in dropped if name not in kept and not name.endswith(REWORDED)]):
        return None
    listed = ", ".join(f"'{name}'" for name in names[:5])
    why = f"{deployment.provider} can't take {listed} as asked, and this group leaves nothing out."
    return Untranslatable(names[0], why)

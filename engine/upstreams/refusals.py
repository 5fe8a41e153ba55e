"""What a model has refused: learned in this process from its errors, beside what is declared of it.

Parameters are left out of requests that we translated: a client of another protocol cannot know what the model behind a
group takes. The limit of output tokens and the role of system messages get their other name in every chat, and ids of
calls are shortened: nobody who asks a group knows which of its models will answer, and which has answered before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.core.failures import Kind
from engine.dialects.call_ids import IN_CHAT, has_longer, with_short_ids
from engine.spec import DeploymentSpec, Unsupported
from engine.upstreams import failures
from engine.upstreams.upstream_failure import UpstreamFailure

Body = dict[str, Any]
# What an answer is worth having without.
SPARE = frozenset(
    {"reasoning_effort", "parallel_tool_calls", "verbosity", "prompt_cache_key", "service_tier", "metadata", "store"}
)
# A model may know only one name of the limit of output tokens, and only one of the roles.
LIMITS = {"max_completion_tokens": "max_tokens", "max_tokens": "max_completion_tokens"}
ROLES = {"developer": "system", "system": "developer"}
# How a changed role is reported, and the two are remembered.
ROLE = "messages.role"
AS_ROLE = {role: f"{ROLE}={role}" for role in ROLES}
# Such an error is about the limit itself, not about its name.
ABOUT_SIZE = re.compile(
    r"too (large|high|big|long|small|low)|at (most|least)|exceed|maximum|minimum|(less|greater) than|must be"
)
UNKNOWN = r"(unsupported|unrecogni[sz]ed|unknown|unexpected|extra|not (supported|permitted|allowed|valid))"
# Not where an error only repeats the request.
WRONG_LIMIT = {name: re.compile(rf"{UNKNOWN}[^.]{{0,40}}\b{name}\b|\b{name}\b[^.]{{0,40}}{UNKNOWN}") for name in LIMITS}
WRONG_ROLE = re.compile(
    r"(invalid|unknown|unexpected|unsupported|unrecognized|not support\w*)\W.{0,60}\broles?\b"
    r"|\broles?\b.{0,60}(invalid|unknown|unexpected|unsupported|not support|should be|one of)",
    re.DOTALL,
)
# The longest id of a call that a model takes, and how it is remembered. A shorter limit would leave no room for a hash.
LONG_ID = re.compile(r"tool_call(?:s\[\d+\]\.id|_id)\b.{0,80}maximum length (\d{2,3})\b", re.DOTALL)
LEAST_ID, ID_AT_MOST = 24, "id<="
# Before those that are taken.
LISTED = re.compile(r"\bshould be\b|\bone of\b")
MOST = 4096
NONE = frozenset[str]()
_learned: dict[tuple[str | None, str], frozenset[str]] = {}


def of(deployment: DeploymentSpec) -> frozenset[str]:
    """The parameters that this model has refused, and that are left out for it."""
    return _known(deployment) & _spare(deployment)


def without(body: Body, deployment: DeploymentSpec) -> Body:
    """The request without the parameters that this model has refused; the same object where it has none."""
    refused = of(deployment)
    if refused.isdisjoint(body):
        return body
    return {name: value for name, value in body.items() if name not in refused}


def has_words(deployment: DeploymentSpec) -> bool:
    """False where no chat has to change: nothing is declared of this model, and it has refused nothing."""
    return bool(deployment.limit_name or deployment.system_role or _place(deployment) in _learned)


def worded(body: Body, deployment: DeploymentSpec) -> Body:
    """A chat in the words that this model takes; the same object where nothing has to change."""
    if not has_words(deployment):
        return body
    known = _known(deployment)
    if (limit := _limit_name(deployment, known)) and (other := LIMITS[limit]) in body:
        rest = {name: value for name, value in body.items() if name not in LIMITS}
        body = {**rest, limit: body.get(limit, body[other])}
    if (role := _system_role(deployment, known)) and ROLES[role] in _roles(body):
        body = {**body, "messages": [_as(role, message) for message in body["messages"]]}
    if (longest := _longest_id(known)) and has_longer(body.get("messages"), longest):
        body = {**body, "messages": with_short_ids(body["messages"], longest)}
    return body


def reworded(body: Body, deployment: DeploymentSpec) -> tuple[str, ...]:
    """What `worded` changes in a chat, by the names in it: its limit, `messages.role`, and ids of calls."""
    if (made := worded(body, deployment)) is body:
        return ()
    renamed = [name for name in LIMITS if name in body and name not in made]
    renamed += [ROLE] if _roles(made) != _roles(body) else []
    longest = _longest_id(_known(deployment))
    return (*renamed, IN_CHAT) if longest and has_longer(body.get("messages"), longest) else tuple(renamed)


def has_learned(body: Body, deployment: DeploymentSpec, error: Exception, *, is_translated: bool) -> bool:
    """Whether this error refuses something of the chat that the next request would not have.

    Where the group refuses to leave out anything it is learned all the same, for requests to come. The error is then
    that of a deployment which does not serve this, as another one may.
    """
    if failures.status_of(error) not in (400, 422):
        return False
    known, text = _known(deployment), str(error)
    words = _refused_words(body, text, known)
    spare = {name for name in body if name in _spare(deployment) and name in text} - known if is_translated else set()
    if not (words or spare) or len(_learned) >= MOST:
        return False
    _learned[_place(deployment)] = known | words | spare
    if not spare or deployment.unsupported is not Unsupported.REFUSE:
        return True
    if isinstance(error, UpstreamFailure):
        error.kind = Kind.NOT_SERVED
    return False


def _refused_words(body: Body, text: str, known: frozenset[str]) -> set[str]:
    """A name of the limit, or a role, that an error refuses; not one that was put in place of another."""
    lowered = text.lower()
    found: set[str] = set()
    if not ABOUT_SIZE.search(lowered):
        refused = {name for name in LIMITS if name in body and WRONG_LIMIT[name].search(lowered)}
        found |= {name for name in refused - known if LIMITS[name] not in known}
    if WRONG_ROLE.search(lowered) and (role := _refused_role(_roles(body), lowered)):
        found |= set() if AS_ROLE[ROLES[role]] in known else {AS_ROLE[role]} - known
    if (long := LONG_ID.search(lowered)) and has_longer(body.get("messages"), most := max(int(long[1]), LEAST_ID)):
        found.add(f"{ID_AT_MOST}{most}")
    return found


def _refused_role(roles: frozenset[str], text: str) -> str:
    """The role of these that an error is about: one that it names, or that it does not list among those taken."""
    about, *rest = LISTED.split(text, maxsplit=1)
    taken = "".join(rest)
    if named := [role for role in ROLES if role in roles and role in about]:
        return named[0]
    if taken:
        return next((role for role in ROLES if role in roles and role not in taken), "")
    return "developer" if "developer" in roles else ""


def _limit_name(deployment: DeploymentSpec, known: frozenset[str]) -> str:
    return deployment.limit_name or next((other for name, other in LIMITS.items() if name in known), "")


def _system_role(deployment: DeploymentSpec, known: frozenset[str]) -> str:
    return deployment.system_role or next((other for name, other in ROLES.items() if AS_ROLE[name] in known), "")


def _longest_id(known: frozenset[str]) -> int | None:
    """The longest id of a call that was not refused; None where none was."""
    return min((int(name.removeprefix(ID_AT_MOST)) for name in known if name.startswith(ID_AT_MOST)), default=None)


def _roles(body: Body) -> frozenset[str]:
    """The roles of a chat that are system's or developer's; it may be anything that a client has sent."""
    messages = body.get("messages")
    rows = messages if isinstance(messages, list) else []
    found = (message.get("role") for message in rows if isinstance(message, dict))
    return frozenset(role for role in found if isinstance(role, str) and role in ROLES)


def _as(role: str, message: Any) -> Any:
    is_other = isinstance(message, Mapping) and message.get("role") == ROLES[role]
    return {**message, "role": role} if is_other else message


def _known(deployment: DeploymentSpec) -> frozenset[str]:
    return _learned.get(_place(deployment), NONE)


def _spare(deployment: DeploymentSpec) -> frozenset[str]:
    return NONE if deployment.unsupported is Unsupported.PASS else SPARE


def _place(deployment: DeploymentSpec) -> tuple[str | None, str]:
    return deployment.api_base, deployment.upstream_model

"""The rights of a key for a request: scope, allowed models, assigned groups."""

from __future__ import annotations

from access.keys import KeyHolder
from access.models import Scope
from access.throttling import failed_keys
from gateway.doors.incoming import Incoming
from gateway.live import Live
from gateway.openai import ApiError
from gateway.resolve import Route

LOADS_WITHIN_S = 10.0
REFUSES = "This gateway serves nothing: its ENCRYPTION_KEYS don't read the stored keys. Its log says what to do."
SEND_A_KEY = "Send a key as 'Authorization: Bearer KEY' (or in the header x-api-key or api-key)."


async def authenticate(live: Live, key: str, request: Incoming | None = None) -> KeyHolder:
    """The holder of a bearer key; a revoked key stops working within a second.

    Raises ApiError 401, and 429 for an unknown key of who sent too many of them.
    """
    # Otherwise callers would get "wrong key" while this process is still starting.
    if key and not live.is_loaded and not await live.is_loaded_within(LOADS_WITHIN_S):
        why = REFUSES if live.refusal else "The gateway is starting: its configuration is not loaded yet."
        raise ApiError(503, why, code="not_ready", headers=[(b"retry-after", b"1")])
    if key and request is not None and (wait_s := _barred_for_s(request)) and not live.knows(key):
        why = f"Too many wrong keys came from your address. Try again in {wait_s} s."
        raise ApiError(429, why, code="too_many_wrong_keys", headers=[(b"retry-after", b"%d" % wait_s)])
    holder = await live.holder(key) if key else None
    if holder is None:
        if key and request is not None:
            failed_keys.failed(request.client)
        why = "This key is unknown, revoked or expired." if key else SEND_A_KEY
        raise ApiError(401, why, code="invalid_api_key", headers=[(b"www-authenticate", b"Bearer")])
    if request is not None:
        request.holder, request.seen = holder, live.config
    return holder


def _barred_for_s(request: Incoming) -> int:
    return 0 if failed_keys.are_none else failed_keys.bars_for_s(request.client)


async def still_authentic(live: Live, request: Incoming) -> KeyHolder:
    """The holder that was found before the body came. The key is looked up again if anything changed meanwhile: it may
    have been revoked."""
    holder = request.holder
    if holder is None or request.seen is not live.config or not live.is_loaded or holder.is_expired:
        return await authenticate(live, request.key, request)
    return holder


def check_scope(holder: KeyHolder) -> None:
    """Raises ApiError 403 for a key that is only for the REST API."""
    if Scope.CALL not in holder.scopes:
        raise ApiError(403, f"This key has no scope '{Scope.CALL}': it may not call models.", code="missing_scope")


def admit(live: Live, holder: KeyHolder, asked: str, route: Route) -> None:
    """Raises ApiError 403, with the reason, unless the key may call the model that it `asked` for, and the group behind
    it."""
    if not is_allowed(live, holder, asked):
        why = f"This key may not call '{asked}': it allows {_few(holder.allowed_models)}."
        raise ApiError(403, why, param="model", code="model_not_allowed")
    if not is_assigned(live, holder, name := route.group.spec.name):
        why = f"This key may not call '{name}': the group is assigned to others. Ask an admin for access."
        raise ApiError(403, why, param="model", code="group_not_assigned")


def may_call(live: Live, holder: KeyHolder, name: str) -> bool:
    """Whether a key holder may call and see a group by its own name."""
    return is_allowed(live, holder, name) and is_assigned(live, holder, name)


def may_fall_back_to(live: Live, holder: KeyHolder, virtual_model: str, name: str) -> bool:
    """Whether a request may move on to a group: one that the key may call, or a pool of the virtual model that it
    called."""
    virtual = live.config.virtual.get(virtual_model)
    is_pool = virtual is not None and any(tier.pool == name for tier in virtual.tiers)
    return (is_pool or is_allowed(live, holder, name)) and is_assigned(live, holder, name)


def is_allowed(live: Live, holder: KeyHolder, name: str) -> bool:
    """Whether the key's list of models, if there is one, contains this name or the alias's target."""
    return holder.allows(name, live.config.aliases.get(name))


def is_assigned(live: Live, holder: KeyHolder, group: str) -> bool:
    """Whether a group is open to everybody, to this key or to one of its teams; always for the master key."""
    return holder.is_among(live.config.assignments.get(group))


def _few(names: frozenset[str]) -> str:
    shown = sorted(names)[:5]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(f"'{name}'" for name in shown) + more

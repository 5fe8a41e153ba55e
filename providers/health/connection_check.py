"""A person tests a provider, saved or not, with a real call."""

from __future__ import annotations

from collections.abc import Mapping

from asgiref.sync import async_to_sync
from django.views.decorators.debug import sensitive_variables

from engine.probes import asking
from engine.probes.findings import Finding, Target
from engine.probes.spoken import with_spoken
from engine.spec import Secret
from providers import rules
from providers.health import probe_schedule
from providers.health.probe_schedule import Claim
from providers.models import Provider
from providers.presets import preset_of
from providers.secrets import Credentials

NOTHING_HELD = Credentials()


def check_saved(provider: Provider) -> Finding:
    """Tests a saved provider; counts as a probe."""
    claim = probe_schedule.claim_of(provider)
    found = claim.finding or check(_of(claim))
    probe_schedule.record(provider_id=provider.pk, finding=found)
    return found


def check(target: Target) -> Finding:
    """Tests a possibly unsaved provider, and asks which dialects it speaks."""
    return async_to_sync(_check)(target)


async def _check(target: Target) -> Finding:
    return await with_spoken(await asking.check(target), target)


def check_with_key(provider: Provider, key: Secret) -> Finding:
    """Tests a saved provider with a person's own key; the result is about the key, so it is not a probe."""
    return async_to_sync(asking.check)(probe_schedule.target_with(provider, Credentials(key)))


def models_of(provider: Provider) -> Finding:
    """The models of a saved provider, by its own list."""
    claim = probe_schedule.claim_of(provider)
    return claim.finding or async_to_sync(asking.models_of)(_of(claim))


def _of(claim: Claim) -> Target:
    assert claim.target is not None  # noqa: S101  # a claim has a target or a finding
    return claim.target


@sensitive_variables("api_key", "credentials", "keys")
def unsaved_target(
    *,
    type: str,
    api_key: str | None = None,
    api_base: str = "",
    model: str = "",
    settings: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    held: Credentials = NOTHING_HELD,
) -> Target:
    """The target of a test; raises ValidationError if it could not be saved.

    Missing secrets (a key of None) are those that the provider has.
    """
    settings = dict(settings or {})
    rules.check_type(type)
    draft = Provider(name=preset_of(type).display_name, type=type, api_base=api_base, settings=settings)
    rules.check_settings(type, settings)
    rules.check_credentials(type, credentials or {})
    rules.check_api_key(api_key or "")
    keys = _merged(held, api_key, credentials or {})
    names = [name for name, _ in keys.others] + (["api_key"] if keys.api_key else [])
    rules.check_reachable(draft, names)
    draft.clean_fields(exclude={"created_by", "updated_by"})
    rules.check_address(api_base)
    return probe_schedule.target_of(draft, keys, model=model or None)


@sensitive_variables("api_key", "credentials", "others")
def _merged(held: Credentials, api_key: str | None, credentials: Mapping[str, str]) -> Credentials:
    key = held.api_key if api_key is None else Secret(api_key) if api_key else None
    others = dict(held.others) | {name: Secret(value) for name, value in credentials.items()}
    return Credentials(key, tuple(others.items()))

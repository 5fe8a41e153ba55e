"""The key of a rehearsal: its limits a minute, and its account as it is now."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone

from access.byok.keys import all_own_keys
from access.credits.holds import purse_of
from access.keys import KeyHolder, limits_of, usable_holder
from access.models import Account, Actor, Scope
from access.rules import visible_keys
from engine.allowance.purse import most_output_tokens
from engine.exceptions import BadInput
from engine.rehearsal.called_names import CallingKey
from engine.spec import GroupSpec
from engine.upstreams.choose import default_output_tokens
from lib.ids import uuids_of


def holder_for(actor: Actor, key_id: str) -> KeyHolder:
    """The holder of a key that the actor may see; raises BadInput."""
    for found in uuids_of([key_id]):
        if (holder := usable_holder(visible_keys(actor).filter(pk=found))) is not None:
            if Scope.CALL not in holder.scopes:
                raise BadInput("key", f"This key has no scope '{Scope.CALL.value}': it may not call models.")
            return holder
    raise BadInput("key", "There is no key in use with this id that you may see. Give the id of an API key.")


def calling_key(holder: KeyHolder, specs: Sequence[GroupSpec]) -> CallingKey:
    """What the gateway would heed of this key; three queries at most."""
    own = all_own_keys().get(holder.user_id or 0, {}) if not holder.team_id else {}
    account = Account.objects.select_related("user", "team").filter(pk=holder.account_id or 0).first()
    rows = {row.deployment_id: row for spec in specs for row in spec.deployments}
    return CallingKey(
        holder.key_name,
        tuple(limits_of(holder)),
        None if account is None else purse_of(account, timezone.now()),
        {
            name: most_output_tokens(row, (default_output_tokens(row), settings.CREDIT_HOLD_OUTPUT_TOKENS))
            for name, row in rows.items()
        },
        tuple(sorted(provider for provider, key in own.items() if not key.may_fall_back)),
    )

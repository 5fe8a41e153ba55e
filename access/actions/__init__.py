"""Actions on people, teams and keys.

Those that the gateway must follow bump the configuration's version first; all are in the audit log.
"""

from __future__ import annotations

from access.actions.keys import KeyFields, change_key, issue_key, revoke_key, rotate_key
from access.actions.people import (
    change_password,
    create_user,
    set_active,
    set_limits,
    set_power_level,
    set_role,
    set_theme,
    sign_out_everywhere,
)
from access.actions.teams import add_member, change_member, change_team, create_team, delete_team, remove_member

__all__ = [
    "KeyFields",
    "add_member",
    "change_key",
    "change_member",
    "change_password",
    "change_team",
    "create_team",
    "create_user",
    "delete_team",
    "issue_key",
    "remove_member",
    "revoke_key",
    "rotate_key",
    "set_active",
    "set_limits",
    "set_power_level",
    "set_role",
    "set_theme",
    "sign_out_everywhere",
]

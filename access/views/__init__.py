"""The HTML door of this room."""

from __future__ import annotations

from access.views.choices import set_power_level, set_theme
from access.views.signing import SignIn, SignOut, locked_out

__all__ = ["SignIn", "SignOut", "locked_out", "set_power_level", "set_theme"]

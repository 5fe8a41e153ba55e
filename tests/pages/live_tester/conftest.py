"""The group and the rehearsals of `tests/tester`, as its pages show them."""

from __future__ import annotations

from tests.tester.conftest import _kept_runs, group, ids, rehearsed, simulate, url

__all__ = ["_kept_runs", "group", "ids", "rehearsed", "simulate", "url"]

"""Requests and tokens a minute, as numbers: None is no limit. Pure."""

from __future__ import annotations


def is_raised(before: int | None, now: int | None) -> bool:
    """Whether `now` lets more through than `before`."""
    return before is not None and (now is None or now > before)

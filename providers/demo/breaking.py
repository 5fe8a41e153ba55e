"""A demo provider that fails every request for a while: a real fault, which ends by itself, also after a restart.

The end is in one small file per provider beside its behaviour, so that all server processes know of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from providers.demo.behaviour import DemoProvider, DemoSettings, current

BROKEN_FOR_S = 60.0


def break_for_a_while(demo: DemoProvider, *, now: float, for_s: float = BROKEN_FOR_S) -> None:
    """Fails every request with 503 from `now` on, in seconds since 1970, for `for_s` seconds."""
    path = _path(demo)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(f"{now + for_s:.3f}\n")
    draft.replace(path)


def repair(demo: DemoProvider) -> None:
    """Ends it early; nothing happens if it is over."""
    _path(demo).unlink(missing_ok=True)


def broken_for_s(demo: DemoProvider, *, now: float) -> float:
    """For how many seconds more it fails; 0 if it does not."""
    with suppress(FileNotFoundError, ValueError):
        return max(0.0, float(_path(demo).read_text()) - now)
    return 0.0


def behaviour_at(demo: DemoProvider, *, now: float) -> DemoSettings:
    """How it answers now: as it was set, or not at all."""
    usual = current(demo)
    is_broken = broken_for_s(demo, now=now) > 0
    return replace(usual, failure_rate=1.0, failure_status=503, retry_after_s=None) if is_broken else usual


def _path(demo: DemoProvider) -> Path:
    return Path(settings.DATA_DIR) / "demo" / f"{demo.slug}.broken"
